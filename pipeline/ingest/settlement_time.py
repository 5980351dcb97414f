"""When a listed index option settles: at the open of its expiry day, or at the close."""

from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.ingest.calendar import EXCHANGE, exchange_zone, session_closes, sessions_between

OPENS: Final = pd.Timedelta(hours=9, minutes=30)
"""From midnight in New York."""
LONGEST_CLOSURE: Final = pd.Timedelta(days=10)


def settlement_times(expiry: Any, at_open: Any) -> pd.DatetimeIndex:
    """Return the instant, UTC, at which options settle.

    An expiry on a day without a session (the Saturdays of monthly options before 2015, a Good Friday) settles
    in the last session before it.

    Parameters
    ----------
    expiry : [N] dates.
    at_open : [N] true where the root settles at the opening prices ("am").

    Raises
    ------
    DataError
        An expiry lies outside of what the calendar covers.

    Examples
    --------
    >>> settlement_times(["2019-06-21", "2019-06-28"], [True, False]).strftime("%d %H:%M").tolist()
    ['21 13:30', '28 20:00']
    """
    dates, codes = np.unique(pd.DatetimeIndex(expiry).normalize(), return_inverse=True)
    days = pd.DatetimeIndex(dates)
    sessions = sessions_between(days[0] - LONGEST_CLOSURE, days[-1])
    last = sessions[sessions.searchsorted(days, side="right") - 1]
    opens = (last + OPENS).tz_localize(exchange_zone(EXCHANGE)).tz_convert("UTC")
    closes = session_closes(last)
    times = np.where(np.asarray(at_open), opens.as_unit("us")[codes], closes.as_unit("us")[codes])
    return pd.DatetimeIndex(times)
