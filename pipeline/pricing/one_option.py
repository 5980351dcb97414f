"""Black's formula for one option, or a straddle, on a forward without interest: plain numbers, compiled."""

import math

from pipeline.domain.instruments import Liability
from pipeline.domain.kept import kept

SQRT_HALF = math.sqrt(0.5)


def net_quantities(book: Liability) -> tuple[float, float]:
    """Return the signed quantities of calls and of puts.

    Examples
    --------
    >>> net_quantities(Liability.of("straddle", "short"))
    (-1.0, -1.0)
    """
    calls, puts = (
        sum(float(leg.quantity) for leg in book.legs if leg.right == right) for right in ("call", "put")
    )
    return calls, puts


@kept(nogil=True, error_model="numpy")
def value_and_delta(
    calls: float, puts: float, forward: float, strike: float, time: float, vol: float
) -> tuple[float, float]:
    """Return value and ∂value/∂forward for the holder, see `pricing.book`: the same numbers to 1e-13.

    Examples
    --------
    >>> value, delta = value_and_delta(1.0, 0.0, 100.0, 100.0, 30 / 365, 0.2)
    >>> round(value, 5), round(delta, 5)
    (2.28715, 0.51144)
    """
    spread, moneyness = vol * math.sqrt(time), math.log(forward / strike)
    ratio = moneyness / spread if spread != 0.0 or moneyness != 0.0 else 0.0
    d1, d2 = ratio + 0.5 * spread, ratio - 0.5 * spread
    above, beyond = 0.5 * math.erfc(-d1 * SQRT_HALF), 0.5 * math.erfc(-d2 * SQRT_HALF)
    below, short = 0.5 * math.erfc(d1 * SQRT_HALF), 0.5 * math.erfc(d2 * SQRT_HALF)
    value = calls * (forward * above - strike * beyond) + puts * (strike * short - forward * below)
    return value, calls * above - puts * below
