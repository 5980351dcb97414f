"""Sessions and closing times of an exchange, the New York Stock Exchange where no other is named."""

import warnings
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import exchange_calendars
import numpy as np
import pandas as pd
from pandas.errors import Pandas4Warning

from pipeline.domain.errors import DataError

EXCHANGE = "XNYS"
FIRST_SESSION = "1927-01-01"


def sessions_between(first: pd.Timestamp, last: pd.Timestamp, calendar: str = EXCHANGE) -> pd.DatetimeIndex:
    """Return the exchange's sessions from `first` to `last`, both included, as naive midnights.

    Parameters
    ----------
    first, last : dates; time zone and time of day are not looked at.
    calendar : name of the exchange in the package exchange_calendars.

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
    closes = _closes(str(first.date()), str(last.date()), calendar)
    return pd.DatetimeIndex(closes.index)


def session_closes(sessions: pd.DatetimeIndex, calendar: str = EXCHANGE) -> pd.DatetimeIndex:
    """Return the closing time of each session in UTC: 16:00 New York, earlier on half days.

    Parameters
    ----------
    sessions : [T] naive midnights.
    calendar : name of the exchange in the package exchange_calendars.

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
    closes = _closes(str(sessions.min().date()), str(sessions.max().date()), calendar)
    unknown = sessions.difference(pd.DatetimeIndex(closes.index))
    if len(unknown):
        raise DataError(
            f"{unknown[0].date()} is not a session of {calendar}: drop the row or correct its date"
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


@lru_cache(maxsize=64)
def exchange_zone(calendar: str) -> ZoneInfo:
    """Return the time zone in which an exchange counts its sessions.

    Examples
    --------
    >>> exchange_zone("XNYS").key
    'America/New_York'
    """
    return ZoneInfo(str(_calendar(calendar).tz))


def _closes(first: str, last: str, name: str) -> pd.Series:
    """Closing times (UTC) by session."""
    if np.datetime64(first) < np.datetime64(FIRST_SESSION):
        raise DataError(
            f"{first} lies before {FIRST_SESSION}, where {name} starts here: cut the rows before it"
        )
    # Some calendars are not known back to FIRST_SESSION. The rules of the year after the last are known.
    start = FIRST_SESSION if name == EXCHANGE else f"{first[:4]}-01-01"
    end = str(np.datetime64(last[:4], "Y") + 1) + "-12-31"
    try:
        return _all_closes(name, start, end).loc[first:last]
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"{name}: sessions from {first} to {last} are not known: {reason}: cut the rows, or name "
            "another data.calendar"
        ) from None


@lru_cache(maxsize=64)
def _all_closes(name: str, start: str, end: str) -> pd.Series:
    closes: pd.Series = _calendar(name, start=start, end=end).closes.dt.as_unit("us")
    closes.index = pd.DatetimeIndex(closes.index).as_unit("us")
    return closes


def _calendar(name: str, **span: str) -> Any:
    """Return a calendar of the package, which reads time zones in a way that pandas 3.1 deprecates."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Pandas4Warning)
        return exchange_calendars.get_calendar(name, **span)
