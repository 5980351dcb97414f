"""Histories of perpetual funding: `Symbol,Date,Funding Rate`, named by pair, venue and span.

The stamps carry no zone, and venues' files differ: some are in UTC, some in UTC+3. The zone is found from the
hours at which a venue settles, and from the span in the file's name.
"""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.ingest.delimited import delimited, names_in
from pipeline.ingest.event_clock import EventClock
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.line_screen import LineScreen
from pipeline.ingest.local_time import in_utc
from pipeline.ingest.market_tables import Batch
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.repeats import Repeats

COLUMNS: Final = ("Symbol", "Date", "Funding Rate")
HEADERS: Final = (COLUMNS,)
SETTLES: Final = {
    "binance": (8, 0), "bybit": (8, 0), "gate": (8, 0), "htx": (8, 0), "mexc": (8, 0), "okx": (8, 0),
    "kucoin": (8, 4), "dydx": (1, 0),
}  # fmt: skip
"""Hours between two settlements of a venue, and the hour of the day's first one, UTC."""
LARGEST_RATE: Final = 0.05
"""No venue lets a period cost more."""
LARGEST_USUAL: Final = 1.75e-4
"""Median size of the rates of a file an hour, above which it may be in per cent.

In eight real histories of 2020 to 2024, of seven venues, the largest median of any 30 days is 1.36e-4 as a
fraction, the smallest in per cent 2.31e-4. Of any 10 days .2 % lie above as fractions, .003 % below in per
cent.
"""
UNITS: Final = {"": 1.0, "fraction": 1.0, "percent": 0.01}
LATEST: Final = 60
"""Seconds after the hour within which a settlement is stamped."""
_NAME: Final = re.compile(
    r"(?P<pair>[A-Z0-9]+-[A-Z0-9]+)_(?P<venue>[a-z]+)"
    r"(?:_(?P<start>\d{4}-\d{2}-\d{2})_(?P<end>\d{4}-\d{2}-\d{2}))?"
)
_HOUR: Final = 3600
NEWEST_FIRST: Final = "its newest rows come first, and are read from the last to the first"


def recognises(name: str, head: bytes) -> bool:
    """Tell whether a file's first line names symbol, date and funding rate."""
    return names_in(head) == COLUMNS


def symbol(file: RawStream, terms: Terms) -> str:
    """Return the pair that the file's name tells."""
    named = _NAME.search(file.name)
    return named["pair"] if named else ""


def assumed(file: RawStream, terms: Terms) -> str:
    """Return as which zone the stamps are read, and by what it was found, and whether the newest is first."""
    said = [_zone_told(file, terms), NEWEST_FIRST if _newest_first(file) else ""]
    return "; ".join(each for each in said if each)


def _zone_told(file: RawStream, terms: Terms) -> str:
    """Return what is assumed of the zone; "" where the terms tell it."""
    named = _NAME.search(file.name)
    if terms.time_zone or not named:
        return ""
    shift, filled = hours_ahead(file, named)
    by = " and the span in its name" if filled else " alone, with the smallest shift that they allow"
    return (
        f"its times carry no zone and are read as UTC{f'{shift:+d}' if shift else ''}, by the hours at which "
        f"{named['venue']} settles{by}: set data.terms.time_zone where that is wrong"
    )


def read(file: RawStream, terms: Terms) -> Iterator[Batch]:
    """Yield `funding`, one row a settlement, known when it was stamped plus the lag of the terms.

    A stamp up to a minute late belongs to the settlement before it, an hour of the venue's: whoever held at
    that hour pays, and so it is the `event_time`. A file may begin with the newest row. Held are stamps off
    the venue's hours, twice or out of order, rates over 5 % a period, and rows of another symbol than the
    file is named by.

    Raises
    ------
    DataError
        The venue is not known, its zone or unit cannot be told from the file and is not in the terms, or the
        file is missing or damaged.
    """
    named = _NAME.search(file.name)
    if not named or named["venue"] not in SETTLES:
        raise DataError(
            f"{file.name}: of which venue? Name it like BTC-USDT_binance_2020-01-01_2024-01-01_funding.csv, "
            f"the venue one of {', '.join(SETTLES)}"
        )
    every, first = SETTLES[named["venue"]]
    _check_unit(file, every, terms)
    shift = None if terms.time_zone else hours_ahead(file, named)[0]
    clock, seen, onward = EventClock(0), Repeats(), -1 if _newest_first(file) else 1
    for lines in delimited(file, required=COLUMNS):
        screen = LineScreen(lines)
        rate = UNITS[terms.rate_unit] * screen.numbers("Funding Rate")
        screen.refuse(np.abs(rate) > LARGEST_RATE, "rate over 5 % a period")
        local = screen.instants("Date")
        if shift is None:
            event, told = in_utc(local, ZoneInfo(terms.time_zone))
            screen.refuse(~told, "hour that the change of clocks skips or repeats")
        else:
            event = local - np.timedelta64(shift * _HOUR, "s")
        screen.refuse(_other(screen, named["pair"]), f"another symbol than {named['pair']}")
        seconds = event.astype("datetime64[s]").astype(np.int64)
        late = (seconds - first * _HOUR) % (every * _HOUR)
        screen.refuse(late > LATEST, "off the hours at which the venue settles")
        screen.refuse(clock.astray(onward * seconds, screen.sound), "settlement out of order")
        screen.refuse(seen.seen(seconds - late, screen.sound), "duplicate: its settlement has been")
        columns = {"venue": named["venue"], "rate": rate, "hours": float(every), "mark_price": np.nan}
        settled = (seconds - late).astype("datetime64[s]").astype("datetime64[ns]")
        columns |= {"event_time": settled, "known_time": event + terms.known_lag}
        yield from screen.batches("funding", file.name, columns)


def _check_unit(file: RawStream, every: int, terms: Terms) -> None:
    """Refuse a file that may be in per cent, where the terms do not say in which unit it is."""
    if terms.rate_unit:
        return
    parts = [LineScreen(lines).numbers("Funding Rate") for lines in delimited(file, required=COLUMNS)]
    rates = np.abs(np.concatenate([np.empty(0), *parts]))
    rates = rates[np.isfinite(rates)]
    usual = float(np.median(rates)) if len(rates) else 0.0
    if usual > LARGEST_USUAL * every:
        raise DataError(
            f"{file.name}: half of its rates are over {usual:.2g}: are they in per cent? Set rate_unit in "
            'its terms to "percent" or "fraction"'
        )


def hours_ahead(file: RawStream, named: re.Match[str]) -> tuple[int, bool]:
    """Return by how many hours the stamps of a file are ahead of UTC, and whether its span tells.

    Such a shift takes the usual stamp to an hour at which the venue settles. A name with a span leaves one of
    them: that with which the first settlement of the span is the first row and the last one the last. Without
    a span, or where the file does not fill it, the smallest shift is taken, which hourly settlements do not
    allow.

    Raises
    ------
    DataError
        The rows do not tell.
    """
    every, first = SETTLES[named["venue"]]
    hours: Counter[int] = Counter()
    ends: list[int] = []
    for seconds in _stamps(file):
        hours.update((seconds // _HOUR % every).tolist())
        ends = [*ends[:1], *seconds[[0, -1]].tolist()]
    if not hours:
        raise DataError(f"{file.name}: no row has a date: fetch it again")
    ends = sorted([ends[0], ends[-1]])
    usual = hours.most_common(1)[0][0]
    shifts = [shift for shift in range(-12, 15) if (usual - shift - first) % every == 0]
    if named["start"]:
        start, end = (_midnight(named[edge], file.name) for edge in ("start", "end"))
        filling = [
            shift
            for shift in shifts
            if 0 <= ends[0] - shift * _HOUR - start < every * _HOUR
            and -LATEST <= end - (ends[1] - shift * _HOUR) <= every * _HOUR
        ]
        if len(filling) == 1:
            return filling[0], True
    nearest = sorted(shifts, key=abs)
    if every == 1 or abs(nearest[0]) == abs(nearest[1]):
        raise DataError(f"{file.name}: its hours do not tell its time zone: set time_zone in its terms")
    return nearest[0], False


def _stamps(file: RawStream) -> Iterator[NDArray[np.int64]]:
    """Yield the stamps of a file that can be read, in seconds, a block at a time."""
    for lines in delimited(file, required=COLUMNS):
        screen = LineScreen(lines)
        seconds = screen.instants("Date").astype("datetime64[s]").astype(np.int64)[screen.sound]
        if len(seconds):
            yield seconds


def _newest_first(file: RawStream) -> bool:
    """Tell whether most stamps of a file are earlier than the one before, as in a venue's own downloads."""
    rising, last = 0, np.empty(0, dtype=np.int64)
    for seconds in _stamps(file):
        rising += int(np.sign(np.diff(np.r_[last, seconds])).sum())
        last = seconds[-1:]
    return rising < 0


def _midnight(day: str, file: str) -> int:
    try:
        return (date.fromisoformat(day) - date(1970, 1, 1)).days * 24 * _HOUR
    except ValueError:
        raise DataError(f"{file}: {day} in its name is no date: mend it") from None


def _other(screen: LineScreen, pair: str) -> NDArray[np.bool_]:
    other: NDArray[np.bool_] = pc.not_equal(screen.text("Symbol"), pair).to_numpy(zero_copy_only=False)
    return other
