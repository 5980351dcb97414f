"""Sessions and closing times of the New York Stock Exchange."""

import warnings
from functools import lru_cache

import exchange_calendars
import numpy as np
import pandas as pd
from pandas.errors import Pandas4Warning

from pipeline.domain.errors import DataError

EXCHANGE = "XNYS"
FIRST_SESSION = "1990-01-01"


def sessions_between(first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
    """Return the exchange's sessions from `first` to `last`, both included, as naive midnights.

    Parameters
    ----------
    first, last : dates; time zone and time of day are not looked at.

    Returns
    -------
    sessions : [T] datetime64[us] without a time zone.

    Raises
    ------
    DataError
        The span reaches beyond what the calendar covers.

    Examples
    --------
    >>> sessions_between(pd.Timestamp("2018-07-03"), pd.Timestamp("2018-07-05")).day.tolist()
    [3, 5]
    """
    closes = _closes(str(first.date()), str(last.date()))
    return pd.DatetimeIndex(closes.index)


def session_closes(sessions: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return the closing time of each session in UTC: 16:00 New York, earlier on half days.

    Parameters
    ----------
    sessions : [T] naive midnights.

    Returns
    -------
    closes : [T] datetime64[us, UTC].

    Raises
    ------
    DataError
        A date is not a session of the exchange.

    Examples
    --------
    >>> session_closes(pd.DatetimeIndex(["2018-07-03", "2018-07-05"])).hour.tolist()
    [17, 20]
    """
    if sessions.empty:
        return pd.DatetimeIndex([], dtype="datetime64[us, UTC]")
    sessions = sessions.as_unit("us")
    closes = _closes(str(sessions.min().date()), str(sessions.max().date()))
    unknown = sessions.difference(pd.DatetimeIndex(closes.index))
    if len(unknown):
        raise DataError(
            f"{unknown[0].date()} is not a session of {EXCHANGE}: drop the row or correct its date"
        )
    return pd.DatetimeIndex(closes.loc[sessions])


def check_complete(sessions: pd.DatetimeIndex, table: str) -> None:
    """Check that `sessions` are exactly those of the exchange from the first to the last.

    Raises
    ------
    DataError
        Naming the table and the first date that is missing or is not a session.

    Examples
    --------
    >>> check_complete(pd.DatetimeIndex(["2018-07-03", "2018-07-05"]), "bars")
    """
    if sessions.empty:
        raise DataError(f"{table}: no rows: check that the source file holds data")
    sessions = sessions.as_unit("us")
    expected = sessions_between(sessions.min(), sessions.max())
    missing = expected.difference(sessions)
    if len(missing):
        raise DataError(f"{table}: no value for {missing[0].date()}, a session of {EXCHANGE}: add the row")
    unknown = sessions.difference(expected)
    if len(unknown):
        raise DataError(f"{table}: a value for {unknown[0].date()}, no session of {EXCHANGE}: drop the row")


@lru_cache(maxsize=16)
def _closes(first: str, last: str) -> pd.Series:
    """Closing times (UTC) by session; the calendar is built a year past `last`, whose rules are known."""
    if np.datetime64(first) < np.datetime64(FIRST_SESSION):
        raise DataError(f"{first} lies before {FIRST_SESSION}, where the {EXCHANGE} calendar starts here")
    end = str(np.datetime64(last[:4], "Y") + 1) + "-12-31"
    with (
        warnings.catch_warnings()
    ):  # the calendar package reads time zones in a way that pandas 3.1 deprecates
        warnings.simplefilter("ignore", Pandas4Warning)
        calendar = exchange_calendars.get_calendar(EXCHANGE, start=FIRST_SESSION, end=end)
    closes: pd.Series = calendar.closes.loc[first:last].dt.as_unit("us")
    closes.index = pd.DatetimeIndex(closes.index).as_unit("us")
    return closes
