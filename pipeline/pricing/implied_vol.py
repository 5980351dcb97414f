"""The volatility at which Black's formula gives a price."""

import math

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
from pipeline.pricing.black import Numbers

ITERATIONS = 100
SQRT_HALF = math.sqrt(0.5)


def implied_vol(
    sign: Numbers, price: Numbers, forward: Numbers, strike: Numbers, time: Numbers, rate: Numbers = 0.0
) -> FloatArray:
    """Return σ with `black.price` = `price`, by Newton's method within a bracket that shrinks.

    The equation is solved in the log of the out-of-the-money value, which is nearly linear in the wings.

    Parameters
    ----------
    sign : 1 for a call, −1 for a put.
    price : value of the option, in money.
    forward, strike, time, rate : as in `pipeline.pricing.black`; all broadcast.

    Returns
    -------
    vol : annual, decimal; to within 1e-12 of the total volatility σ√τ or what the price's last digit leaves.
        NaN where an input is NaN, where there is no time left, and where the price is not inside the bounds
        that hold without arbitrage: e^(−rτ)max(±(F − K), 0) < price, below e^(−rτ)F for a call and below
        e^(−rτ)K for a put.

    References
    ----------
    Black (1976); Jäckel (2006), "By implication", for the out-of-the-money log transform.

    Examples
    --------
    >>> implied_vol(1.0, [2.28715, 0.0], 100.0, 100.0, 30 / 365).round(5)
    array([0.2, nan])
    """
    arrays = np.broadcast_arrays(sign, price, forward, strike, time, rate)
    flat = [np.ascontiguousarray(each, dtype=np.float64).ravel() for each in arrays]
    return np.asarray(_solve_all(*flat)).reshape(arrays[0].shape)


@kept()
def _solve_all(
    sign: FloatArray,
    price: FloatArray,
    forward: FloatArray,
    strike: FloatArray,
    time: FloatArray,
    rate: FloatArray,
) -> FloatArray:
    found = np.empty(price.size)
    for i in range(price.size):
        found[i] = _solve(sign[i], price[i], forward[i], strike[i], time[i], rate[i])
    return found


@kept()
def _solve(sign: float, price: float, forward: float, strike: float, time: float, rate: float) -> float:
    if not (time > 0.0 and forward > 0.0 and strike > 0.0 and math.isfinite(price)):
        return math.nan
    scale = math.sqrt(forward * strike)
    moneyness = -abs(math.log(forward / strike))
    undiscounted = price * math.exp(rate * time)
    intrinsic = max(sign * (forward - strike), 0.0)
    if not (intrinsic < undiscounted < (forward if sign > 0.0 else strike)):
        return math.nan
    value = (undiscounted - intrinsic) / scale  # of the out-of-the-money option on the other side, by parity
    low, high = 0.0, 1.0
    while _otm(moneyness, high) < value:
        low, high = high, 2.0 * high
        if high > 1e3:
            return math.nan
    spread = min(max(math.sqrt(2.0 * abs(moneyness)), 0.1 * high, low), high)
    for _ in range(ITERATIONS):
        own = _otm(moneyness, spread)
        if own < value:
            low = spread
        else:
            high = spread
        slope = math.exp(-0.5 * ((moneyness / spread) ** 2 + 0.25 * spread * spread)) / math.sqrt(
            2.0 * math.pi
        )
        step = math.nan
        if own > 0.0 and slope > 0.0:
            step = (math.log(value) - math.log(own)) * own / slope
        proposed = spread + step
        if not (low < proposed < high):
            proposed = 0.5 * (low + high)
        if abs(proposed - spread) <= 1e-14 * spread or high - low <= 1e-14 * high:
            spread = proposed
            break
        spread = proposed
    return spread / math.sqrt(time)


@kept()
def _otm(moneyness: float, spread: float) -> float:
    """Return e^(x/2)N(x/s + s/2) − e^(−x/2)N(x/s − s/2) for x ≤ 0: the value over √(FK)."""
    d1 = moneyness / spread + 0.5 * spread
    d2 = d1 - spread
    near = 0.5 * math.erfc(-d1 * SQRT_HALF) * math.exp(0.5 * moneyness)
    return max(near - 0.5 * math.erfc(-d2 * SQRT_HALF) * math.exp(-0.5 * moneyness), 0.0)
