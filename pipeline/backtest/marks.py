"""At which volatility the desk's options are marked."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.desk import Desk
from pipeline.domain.instruments import FloatArray
from pipeline.pricing.vol_term_structure import vol_at_maturity

DAYS_A_YEAR = 365.0


def marked_vol(
    desk: Desk, sessions: pd.DataFrame, rows: NDArray[np.int64], time_to_expiry: FloatArray
) -> FloatArray:
    """Return the at-the-money volatility of options, [N, T] or [M, N, T], as known in the sessions `rows`.

    It is the desk's `atm_ratio` times the volatility index; where the desk gives indices of several tenors,
    times their volatility at the option's own maturity. A tenor whose index is not known in a session is left
    out there.

    Parameters
    ----------
    desk : the tenors and the ratio.
    sessions : one row a session, with a column for each tenor (`desk.data.tenors`).
    rows : [N, T] rows of `sessions`.
    time_to_expiry : [N, T] or [M, N, T] years, ACT/365.
    """
    indices = [np.asarray(sessions[name], dtype=np.float64)[rows] for name in desk.data.tenors]
    if len(indices) == 1:
        return np.broadcast_to(indices[0] * desk.market.atm_ratio, time_to_expiry.shape)
    days = time_to_expiry * DAYS_A_YEAR
    return vol_at_maturity(days, tuple(desk.data.tenors.values()), indices) * desk.market.atm_ratio
