"""Which exchange a file of bars comes from, by the days that it has and has not."""

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.domain.file_settings import TimedRows
from pipeline.ingest.calendar import EXCHANGE, exchange_zone, sessions_between
from pipeline.ingest.raw_table import Text
from pipeline.ingest.session_dates import session_dates

MAIN: Final = (
    *("XLON", "XETR", "XPAR", "XSWX", "XMIL", "XMAD", "XSTO", "XTSE", "BVMF"),
    *("XTKS", "XHKG", "XSHG", "XASX", "XBOM", "24/5", "24/7"),
)
"""Calendars that are looked at where the default does not fit."""
FITS: Final = 0.005
"""Largest share of the file's days that are no sessions of the default, for it to be taken at once."""
CLOSEST: Final = 0.01
"""Largest share of days that are in one of file and calendar only, for another calendar to be taken."""
NEWEST: Final = np.timedelta64(3653, "D")
"""The last days of a file decide: holidays change, and some calendars are known for the newer years only."""
FEWEST_DAYS: Final = 250
"""With fewer the default is taken."""
Sessions = NDArray[np.datetime64]


@dataclass(frozen=True)
class CalendarFit:
    """A calendar, and the share of days that are in one of file and calendar only.

    Attributes
    ----------
    name : of the calendar.
    misses : of this calendar.
    default_misses : of the default calendar.
    """

    name: str
    misses: float
    default_misses: float

    @property
    def said(self) -> str:
        """What the calendar was chosen by."""
        if self.name == EXCHANGE:
            return "the exchange's sessions, a name of the package exchange_calendars"
        return (
            f"fits the dates of the bars best: {100 * self.misses:.1f} % of days differ, "
            f"{100 * self.default_misses:.1f} % from {EXCHANGE}"
        )


def fitting_calendar(texts: Text, settings: TimedRows) -> CalendarFit:
    """Return the calendar that fits the newest ten years of dates best, the default where none fits well.

    The distance of dates D from sessions S of the same span is |D △ S| / |D ∪ S|. The first of equals is
    taken: the exchanges of one country often share a calendar.

    Parameters
    ----------
    texts : [rows] dates as a file has them; those that cannot be read do not count.
    settings : how they are written.

    Examples
    --------
    >>> days = sessions_between(pd.Timestamp("2016-01-04"), pd.Timestamp("2018-12-28"), "XLON")
    >>> fitting_calendar(days.strftime("%Y-%m-%d").to_numpy(object), TimedRows()).name
    'XLON'
    """
    days, sessions = _days(texts, settings, EXCHANGE)
    default = _misses(days, sessions)
    if len(days) < FEWEST_DAYS or np.isin(days, sessions).mean() >= 1.0 - FITS:
        return CalendarFit(EXCHANGE, default, default)
    least, fit = default, EXCHANGE
    for name in MAIN:
        misses = _misses(*_days(texts, settings, name))
        least, fit = (misses, name) if misses < least else (least, fit)
        if least == 0.0:
            break  # a calendar takes a second to make
    return CalendarFit(fit, least, default) if least <= CLOSEST else CalendarFit(EXCHANGE, default, default)


def _days(texts: Text, settings: TimedRows, calendar: str) -> tuple[Sessions, Sessions]:
    """Return the newest days of a file and the sessions of their span, none where they are not known."""
    zone = ZoneInfo(settings.time_zone) if settings.time_zone else None
    dates, _ = session_dates(list(texts), exchange_zone(calendar), zone, settings.date_formats)
    days = np.unique(dates[~np.isnat(dates)])
    days = days[days > days[-1] - NEWEST] if len(days) else days
    if not len(days):
        return days, days
    first, last = pd.Timestamp(days[0]), pd.Timestamp(days[-1])
    try:
        return days, sessions_between(first, last, calendar).to_numpy().astype("datetime64[D]")
    except DataError:
        return days, days[:0]


def _misses(days: Sessions, sessions: Sessions) -> float:
    return len(np.setxor1d(days, sessions)) / max(len(np.union1d(days, sessions)), 1)
