"""What holding a perpetual costs: its funding, as it was known."""

from typing import Final

import numpy as np
import pandas as pd

HOURS_A_YEAR: Final = 365.0 * 24.0


def funding_level(funding: pd.DataFrame, times: pd.DatetimeIndex, window_hours: float = 24.0) -> pd.DataFrame:
    """Return the funding of a perpetual as it was known at each time: annual rates, paid by the long side.

    Parameters
    ----------
    funding : rows of the canonical table of one venue and instrument, in the order of `known_time`.
    times : [T] UTC.
    window_hours : of the mean.

    Returns
    -------
    levels : [T] `funding` of the newest settlement, and `funding_mean` over those of the window before,
        weighted by the hours that each covers. Both are NaN where the window has no settlement.

    Examples
    --------
    >>> when = pd.DatetimeIndex(["2022-01-01 00:00", "2022-01-01 08:00"], tz="UTC")
    >>> paid = pd.DataFrame({"known_time": when, "rate": [1e-4, 3e-4], "hours": 8.0})
    >>> funding_level(paid, when + pd.Timedelta(hours=1)).round(4).to_numpy().tolist()
    [[0.1095, 0.1095], [0.3285, 0.219]]
    """
    known, now = (pd.DatetimeIndex(each).as_unit("ns").asi8 for each in (funding["known_time"], times))
    stop = np.searchsorted(known, now, side="right")
    start = np.searchsorted(known, now - int(window_hours * 3600 * 1e9), side="right")
    hours = funding["hours"].to_numpy(np.float64)
    rate = funding["rate"].to_numpy(np.float64)
    some = stop > start
    newest = np.where(some, stop - 1, 0)
    level = np.where(some, rate[newest] / hours[newest] * HOURS_A_YEAR, np.nan)
    sums = [np.array([each[a:b].sum() for a, b in zip(start, stop, strict=True)]) for each in (rate, hours)]
    mean = np.full(len(now), np.nan)
    mean[some] = sums[0][some] / sums[1][some] * HOURS_A_YEAR
    return pd.DataFrame({"funding": level, "funding_mean": mean}, index=times)
