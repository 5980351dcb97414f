"""What a trade costs: a fee and a half-spread, as one-way fractions of the traded value."""

import numpy as np
from numpy.typing import ArrayLike

from pipeline.domain.desk import BPS, CostSettings
from pipeline.domain.instruments import FloatArray


def one_way_cost(costs: CostSettings, illiquidity: ArrayLike) -> FloatArray:
    """Return fee + half-spread × illiquidity.

    `illiquidity` is relative: 1 in a session of median liquidity. The band is given a forecast of it; the
    ledger is given what was realised. NaN (no market) stays NaN: the kernel fills nothing there.

    Examples
    --------
    >>> one_way_cost(CostSettings(fee_bps=0.2, half_spread_bps=0.8), [1.0, 2.0])
    array([0.0001 , 0.00018])
    """
    return (costs.fee_bps + costs.half_spread_bps * np.asarray(illiquidity, dtype=float)) * BPS
