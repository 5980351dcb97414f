"""Times of quotes that carry a date only."""

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.ingest.calendar import EXCHANGE, session_closes, sessions_between

PUBLISHED_AFTER_SECONDS: Final = 900.0
"""End-of-day quotes are delayed by a quarter of an hour, and so reach the desk at its decision time."""
STALE_COPY: Final = "quoted on a day without a session: a stale copy"
"""Why rows of a date that is not `sound` are held: a holiday's file repeats the session before."""


class EndOfDay(NamedTuple):
    """When quotes of a date happened and were known; a date without a session is not `sound`."""

    event_time: NDArray[np.datetime64]
    known_time: NDArray[np.datetime64]
    sound: NDArray[np.bool_]


def end_of_day(dates: NDArray[np.datetime64], lag_seconds: float = 0.0, calendar: str = EXCHANGE) -> EndOfDay:
    """Return the close of each date's session, and when its quotes are known: a quarter of an hour later.

    A file that is dated on a holiday is a copy of the session before: it has no session, and no time. A lag
    comes on top.

    Examples
    --------
    >>> dates = np.array(["2019-07-03", "2019-07-04"], "datetime64[D]")
    >>> end_of_day(dates).event_time[0], end_of_day(dates).sound.tolist()
    (np.datetime64('2019-07-03T17:00:00.000000000'), [True, False])
    """
    event = np.full(len(dates), np.datetime64(0, "ns"), dtype="datetime64[ns]")
    sound = np.zeros(len(dates), dtype=np.bool_)
    for day in np.unique(dates[~np.isnat(dates)]):
        close = _close(pd.Timestamp(day), calendar)
        if close is not None:
            event[dates == day] = close
            sound |= dates == day
    known = (event.view(np.int64) + int((PUBLISHED_AFTER_SECONDS + lag_seconds) * 1e9)).view("datetime64[ns]")
    return EndOfDay(event, known, sound)


def _close(day: pd.Timestamp, calendar: str) -> np.datetime64 | None:
    try:
        if not len(sessions_between(day, day, calendar)):
            return None
    except DataError:
        return None
    closes = session_closes(pd.DatetimeIndex([day]), calendar).tz_localize(None)
    return np.datetime64(int(closes.as_unit("ns").asi8[0]), "ns")
