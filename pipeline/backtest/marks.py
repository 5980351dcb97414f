"""At which volatility the desk's options are marked."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.desk import Desk
from pipeline.domain.instruments import FloatArray
from pipeline.pricing.vol_term_structure import vol_at_maturity

DAYS_A_YEAR = 365.0
OLDEST_MARK = 5
"""Sessions for which the last known volatility marks an option where no index has a value."""


def marked_vol(
    desk: Desk, sessions: pd.DataFrame, rows: NDArray[np.int64], time_to_expiry: FloatArray
) -> FloatArray:
    """Return the at-the-money volatility of options, [N, T] or [M, N, T], as known in the sessions `rows`.

    It is the desk's `atm_ratio` times the volatility index; where the desk gives indices of several tenors,
    times their volatility at the option's own maturity. A tenor whose index is not known in a session is left
    out there; where none is known the last session that knows one marks, at most `OLDEST_MARK` sessions old,
    and NaN after that.

    Parameters
    ----------
    desk : the tenors and the ratio.
    sessions : one row a session, with a column for each tenor (`desk.data.tenors`).
    rows : [N, T] rows of `sessions`.
    time_to_expiry : [N, T] or [M, N, T] years, ACT/365.
    """
    rows = marked_in(sessions[list(desk.data.tenors)])[rows]
    indices = [np.asarray(sessions[name], dtype=np.float64)[rows] for name in desk.data.tenors]
    if len(indices) == 1:
        return np.broadcast_to(indices[0] * desk.market.atm_ratio, time_to_expiry.shape)
    days = time_to_expiry * DAYS_A_YEAR
    return vol_at_maturity(days, tuple(desk.data.tenors.values()), indices) * desk.market.atm_ratio


def marked_in(indices: pd.DataFrame) -> NDArray[np.int64]:
    """Return for each session the row whose indices mark it, [T]: its own where nothing is near enough.

    Examples
    --------
    >>> marked_in(pd.DataFrame({"implied_vol": [np.nan, 0.2, np.nan, np.nan, 0.3]})).tolist()
    [0, 1, 1, 1, 4]
    """
    own = np.arange(len(indices))
    last = np.maximum.accumulate(np.where(indices.notna().any(axis=1), own, -1))
    return np.where((last >= 0) & (own - last <= OLDEST_MARK), last, own)


def is_marked(indices: pd.DataFrame) -> NDArray[np.bool_]:
    """Return whether a session has a volatility to mark options at, its own or a near one before it, [T]."""
    return indices.notna().any(axis=1).to_numpy()[marked_in(indices)]
