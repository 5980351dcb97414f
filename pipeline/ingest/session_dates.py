"""The trading date that a user's text means; where it could mean two, none is guessed."""

import re
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

FIRST_YEAR: Final = 1927
"""The calendars begin there, see `calendar.FIRST_SESSION`."""
LAST_YEAR: Final = 2100
UNREADABLE: Final = "unreadable date"
TWO_DIGITS: Final = "2-digit year"
AMBIGUOUS: Final = "day and month cannot be told apart"
NO_ZONE: Final = "time of day without a zone in a file with zones"
OUTSIDE: Final = f"date outside {FIRST_YEAR} to {LAST_YEAR}"

_TAIL = (
    r"(?:[T ]+(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,][0-9]+)?)?"
    r" *(?P<offset>Z|UTC|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_YEAR_FIRST = re.compile(r"(?P<year>[0-9]{4})([-/.]?)(?P<a>[0-9]{2})\2(?P<b>[0-9]{2})" + _TAIL)
_YEAR_LAST = re.compile(r"(?P<a>[0-9]{1,2})([-/.])(?P<b>[0-9]{1,2})\2(?P<year>[0-9]{4})" + _TAIL)
_SHORT_YEAR = re.compile(r"[0-9]{1,2}([-/.])[0-9]{1,2}\1[0-9]{2}" + _TAIL)


def session_dates(
    texts: Sequence[str],
    exchange: ZoneInfo,
    written_in: ZoneInfo | None = None,
    formats: Sequence[str] = (),
) -> tuple[NDArray[np.datetime64], list[str]]:
    """Return the session that each text means, and why it means none.

    A plain date, or a midnight in whatever zone, is the session itself. A time of day with an offset is an
    instant: its session is the date of the exchange's own clock. One without an offset is read in
    `written_in`, or as the exchange's clock.

    Parameters
    ----------
    texts : [T] dates, with or without a time of day and an offset.
    exchange : the exchange's zone.
    written_in : zone of the times that carry no offset; None: the exchange's.
    formats : strptime formats to try in this order. Without one, YYYY-MM-DD, YYYYMMDD, and whichever of
        MM/DD/YYYY and DD/MM/YYYY the dates of the file allow; these may be mixed.

    Returns
    -------
    sessions : [T] datetime64[D], NaT where there is a reason.
    reasons : [T] empty where the date is good.

    Examples
    --------
    >>> dates, reasons = session_dates(["2018-07-03", "07/05/2018", "7/13/2018", "7/6/18"], ZoneInfo("UTC"))
    >>> dates.astype(str).tolist()
    ['2018-07-03', '2018-07-05', '2018-07-13', 'NaT']
    >>> reasons[-1]
    '2-digit year'
    """
    day_first = _day_first(texts)
    read = [_formatted(text, formats) if formats else _automatic(text, day_first) for text in texts]
    zoned = any(isinstance(each, datetime) and each.tzinfo and each.time() != time() for each in read)
    sessions = np.full(len(texts), np.datetime64("NaT"), dtype="datetime64[D]")
    reasons = []
    for row, each in enumerate(read):
        found: date | str = each
        if isinstance(each, datetime) and FIRST_YEAR <= each.year <= LAST_YEAR:
            found = _session(each, exchange, written_in, zoned)
        if isinstance(found, str):
            reasons.append(found)
        elif FIRST_YEAR <= found.year <= LAST_YEAR:
            reasons.append("")
            sessions[row] = np.datetime64(date(found.year, found.month, found.day))
        else:
            reasons.append(OUTSIDE)
    return sessions, reasons


def is_date(text: str) -> bool:
    """Tell whether a text reads as a date, though it may not say which is the day and which the month.

    Examples
    --------
    >>> [is_date(text) for text in ("19980102 00:00", "3/4/2018", "Date", "973100")]
    [True, True, False, False]
    """
    return not isinstance(_automatic(text.strip(), day_first=False), str) or bool(_SHORT_YEAR.fullmatch(text))


def _session(moment: datetime, exchange: ZoneInfo, written_in: ZoneInfo | None, zoned: bool) -> date | str:
    if moment.time() == time():
        return moment.date()
    if moment.tzinfo is None:
        if written_in is None:
            return NO_ZONE if zoned else moment.date()
        moment = moment.replace(tzinfo=written_in)
    return moment.astimezone(exchange).date()


def _formatted(text: str, formats: Sequence[str]) -> datetime | str:
    for each in formats:
        try:
            return datetime.strptime(text, each)
        except (ValueError, re.error):
            continue
    return UNREADABLE


def _day_first(texts: Sequence[str]) -> bool | None:
    """Tell whether dates with the year last begin with the day; None where the file does not say."""
    matches = [match for text in texts if (match := _YEAR_LAST.fullmatch(text))]
    parts = [(int(match["a"]), int(match["b"])) for match in matches]
    day = any(12 < a <= 31 and 1 <= b <= 12 for a, b in parts)
    month = any(12 < b <= 31 and 1 <= a <= 12 for a, b in parts)
    return day if day != month else None


def _automatic(text: str, day_first: bool | None) -> datetime | str:
    if match := _YEAR_FIRST.fullmatch(text):
        return _moment(match, int(match["a"]), int(match["b"]))
    if match := _YEAR_LAST.fullmatch(text):
        a, b = int(match["a"]), int(match["b"])
        if a != b and max(a, b) <= 12 and day_first is None:
            return AMBIGUOUS
        swapped = day_first if day_first is not None else a > b
        return _moment(match, b, a) if swapped else _moment(match, a, b)
    return TWO_DIGITS if _SHORT_YEAR.fullmatch(text) else UNREADABLE


def _moment(match: re.Match[str], month: int, day: int) -> datetime | str:
    hour, minute, second = (int(match[part] or 0) for part in ("hour", "minute", "second"))
    offset = (match["offset"] or "").replace("UTC", "Z")
    try:
        moment = datetime(int(match["year"]), month, day, hour, minute, second)
        return datetime.fromisoformat(moment.isoformat() + offset)
    except ValueError:
        return UNREADABLE
