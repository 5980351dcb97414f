"""Option quotes in another unit than their underlying: worth too little, too much, or without a discount."""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.pricing.parity import FEWEST_PAIRS, parity_forward

DEEP: Final = 0.05
"""Value of exercise, as a part of the underlying's price, from which an ask is held against it."""
LEAST_PART: Final = 0.25
"""An ask below this part of the value of exercise is wrong: rates and dividends do not take so much."""
DISCOUNTS: Final = (0.25, 1.5)
"""Between these a discount factor can be."""


def in_another_unit(
    chain: NDArray[np.int64],
    right: NDArray[np.int64],
    strike: NDArray[np.float64],
    bid: NDArray[np.float64],
    ask: NDArray[np.float64],
    underlying: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Return [rows] whether a quote cannot be in the unit of its strike and of the underlying's price.

    Wrong are single asks below a quarter of the value of exercise, ±(S − K) where that is over .05 S; and all
    quotes of an expiry where most such asks are, where most bids are above S (a call) or K (a put), or where
    put-call parity, C − P = D(F − K) over the strikes, gives a discount factor D outside .25 to 1.5. An
    expiry that offers none of these is not judged.

    Parameters
    ----------
    chain : [rows] a number for each day, root and expiry.
    right : [rows] 1 for calls, −1 for puts.
    strike, bid, ask, underlying : [rows] in money; NaN where nobody offers or the number is none.

    Examples
    --------
    >>> strike = np.array([80.0, 90.0, 110.0, 120.0])
    >>> call, put = np.array([20.5, 11.5, 1.5, 0.5]), np.array([0.5, 1.5, 11.5, 20.5])
    >>> mid, right = np.concatenate([call, put]), np.repeat([1, -1], 4)
    >>> chain, both, spot = np.zeros(8, np.int64), np.tile(strike, 2), np.full(8, 100.0)
    >>> bool(in_another_unit(chain, right, both, mid - 0.1, mid + 0.1, spot).any())
    False
    >>> bool(in_another_unit(chain, right, both, (mid - 0.1) / 10, (mid + 0.1) / 10, spot).all())
    True
    """
    exercise = right * (underlying - strike)
    deep = (exercise > DEEP * underlying) & np.isfinite(ask)
    low = deep & (ask < LEAST_PART * exercise)
    rows = pd.DataFrame({"chain": chain, "right": right, "strike": strike, "bid": bid, "ask": ask})
    bidden = bid > 0.0
    high = bidden & (bid > np.where(right > 0, underlying, strike))
    flags = pd.DataFrame({"deep": deep, "low": low, "bidden": bidden, "high": high})
    count = flags.groupby(chain).transform("sum")
    wrong = ((2 * count["low"] > count["deep"]) | (2 * count["high"] > count["bidden"])).to_numpy()
    priced = rows[bidden & (ask > bid) & ~wrong]
    calls, puts = (priced[priced["right"] == right].drop_duplicates(["chain", "strike"]) for right in (1, -1))
    pairs = calls.merge(puts, on=["chain", "strike"], suffixes=("_call", "_put"))
    strange = [number for number, of_expiry in pairs.groupby("chain") if not _discounts(of_expiry)]
    found: NDArray[np.bool_] = low | wrong | np.isin(chain, np.array(strange, dtype=np.int64))
    return found


def _discounts(pairs: pd.DataFrame) -> bool:
    """Tell whether parity gives an expiry's pairs a discount factor that can be; true where it gives none."""
    if len(pairs) < FEWEST_PAIRS:
        return True
    parity = parity_forward(
        pairs["strike"].to_numpy(),
        call_bid=pairs["bid_call"].to_numpy(),
        call_ask=pairs["ask_call"].to_numpy(),
        put_bid=pairs["bid_put"].to_numpy(),
        put_ask=pairs["ask_put"].to_numpy(),
    )
    return bool(np.isnan(parity.discount) or DISCOUNTS[0] <= parity.discount <= DISCOUNTS[1])
