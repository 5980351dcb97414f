"""The embedded source: S&P 500 daily bars and the volatility index VIX, carried by the package `arch`.

The bars span 1999-01-04 to 2018-12-31 and the VIX 2014-01-03 to 2019-01-03. Known dirt: until 2006, and on a
quarter of the sessions of 2012 and 2013, the open repeats the previous close (`features.range_volatility`
knows); the VIX file has an empty row on each exchange holiday.
"""

import numpy as np
import pandas as pd

from pipeline.domain.file_settings import VIX_TENOR_DAYS
from pipeline.ingest.calendar import check_complete, session_closes
from pipeline.ingest.tables import PUBLICATION_DELAY, Tables


def load() -> Tables:
    """Return the canonical tables `bars` and `implied_vol` of the embedded sample.

    Raises
    ------
    DataError
        A session of the exchange has no row, or a row is not on a session.
    """
    from arch.data import sp500, vix  # slow to import, and needed only when the store holds no market data

    return {"bars": bars(sp500.load()), "implied_vol": implied_vol(vix.load())}


def bars(prices: pd.DataFrame) -> pd.DataFrame:
    """Return the canonical `bars` of a frame with columns `Open, High, Low, Close, Volume` by date.

    Raises
    ------
    DataError
        A session between the first and the last row is missing, or a row is not on a session.

    Examples
    --------
    >>> dates = pd.DatetimeIndex(["2018-07-03", "2018-07-05"])
    >>> bars(pd.DataFrame(1.0, index=dates, columns=["Open", "High", "Low", "Close", "Volume"])).shape
    (2, 8)
    """
    columns = ["Open", "High", "Low", "Close", "Volume"]
    values = prices[columns].astype(np.float64).rename(columns=str.lower)
    return _timed(values, "bars")


def implied_vol(index: pd.DataFrame) -> pd.DataFrame:
    """Return the canonical `implied_vol` of a frame with the column `vix`, in index points, by date.

    Empty days must be days without a session: they are dropped.

    Raises
    ------
    DataError
        A session has no value, or a value is on a day without a session.

    Examples
    --------
    >>> dates = pd.DatetimeIndex(["2018-07-03", "2018-07-04", "2018-07-05"])
    >>> implied_vol(pd.DataFrame({"vix": [16.0, np.nan, 15.0]}, index=dates))["implied_vol"].tolist()
    [0.16, 0.15]
    """
    points = index["vix"].dropna()
    values = pd.DataFrame({"implied_vol": points / 100.0, "tenor_days": VIX_TENOR_DAYS})
    return _timed(values, "implied_vol")


def _timed(values: pd.DataFrame, table: str) -> pd.DataFrame:
    sessions = pd.DatetimeIndex(values.index).as_unit("us")
    check_complete(sessions, table)
    closes = session_closes(sessions)
    times = {"session": sessions, "event_time": closes, "known_time": closes + PUBLICATION_DELAY}
    return pd.concat([pd.DataFrame(times), values.reset_index(drop=True)], axis=1)
