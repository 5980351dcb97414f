"""Black's formula for one option, or a straddle, on a forward without interest: plain numbers, compiled."""

import math

from numba.extending import register_jitable

from pipeline.domain.instruments import Liability
from pipeline.domain.kept import kept

SQRT_HALF = math.sqrt(0.5)
INVERSE_SQRT_2PI = 1.0 / math.sqrt(2.0 * math.pi)


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
    spread, at = vol * math.sqrt(time), _ratio(forward, strike, time, vol)
    d1, d2 = at + 0.5 * spread, at - 0.5 * spread
    above, beyond, below, short = normal(d1), normal(d2), normal(-d1), normal(-d2)
    value = calls * (forward * above - strike * beyond) + puts * (strike * short - forward * below)
    return value, calls * above - puts * below


@register_jitable  # type: ignore[untyped-decorator]
def d1(forward: float, strike: float, time: float, vol: float) -> float:
    """Return log(F/K)/s + s/2 with s = σ√τ.

    Examples
    --------
    >>> d1(100.0, 100.0, 0.25, 0.2)
    0.05
    """
    ratio: float = _ratio(forward, strike, time, vol)
    return ratio + 0.5 * (vol * math.sqrt(time))


@register_jitable  # type: ignore[untyped-decorator]
def _ratio(forward: float, strike: float, time: float, vol: float) -> float:
    """Return log(F/K)/(σ√τ), 0 where both are."""
    spread, moneyness = vol * math.sqrt(time), math.log(forward / strike)
    return moneyness / spread if spread != 0.0 or moneyness != 0.0 else 0.0


@register_jitable  # type: ignore[untyped-decorator]
def normal(x: float) -> float:
    """Return the standard normal distribution function."""
    return 0.5 * math.erfc(-x * SQRT_HALF)


@register_jitable  # type: ignore[untyped-decorator]
def density(x: float) -> float:
    """Return the standard normal density."""
    return INVERSE_SQRT_2PI * math.exp(-0.5 * x * x)
