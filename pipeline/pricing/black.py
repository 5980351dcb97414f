"""Black's formula for a European option on a forward, and its Greeks (Black 1976).

Every function takes `forward` F, `strike` K, `time` τ in years, `vol` σ (annual decimal) and `rate` r
(continuous), broadcasts them, and returns NaN where an input is NaN. With σ√τ = 0 the price is the
discounted intrinsic value, the delta its slope (one half at the money), and gamma, vega, vanna and volga are
zero.
"""

import numpy as np
from scipy.special import ndtr

from pipeline.domain.instruments import FloatArray, Right

Numbers = FloatArray | float
_SQRT_2PI = np.sqrt(2.0 * np.pi)


def price(
    right: Right, forward: Numbers, strike: Numbers, time: Numbers, vol: Numbers, rate: Numbers = 0.0
) -> FloatArray:
    """Return the option's value, e^(−rτ)[F N(d₁) − K N(d₂)] for a call.

    Examples
    --------
    >>> round(float(price("call", 100.0, 100.0, 30 / 365, 0.2)), 5)
    2.28715
    """
    sign, d1, d2 = _arguments(right, forward, strike, time, vol)
    value: FloatArray = sign * (forward * ndtr(sign * d1) - strike * ndtr(sign * d2))
    return _discount(rate, time) * value


def delta(
    right: Right, forward: Numbers, strike: Numbers, time: Numbers, vol: Numbers, rate: Numbers = 0.0
) -> FloatArray:
    """Return ∂price/∂F, e^(−rτ)N(d₁) for a call: the number of futures that offset one option.

    Examples
    --------
    >>> float(delta("put", 100.0, 100.0, 0.0, 0.2))
    -0.5
    """
    sign, d1, _ = _arguments(right, forward, strike, time, vol)
    slope: FloatArray = sign * ndtr(sign * d1)
    return _discount(rate, time) * slope


def gamma(forward: Numbers, strike: Numbers, time: Numbers, vol: Numbers, rate: Numbers = 0.0) -> FloatArray:
    """Return ∂²price/∂F² = e^(−rτ)φ(d₁)/(F σ√τ), the same for calls and puts.

    Examples
    --------
    >>> round(float(gamma(100.0, 100.0, 30 / 365, 0.2)), 5)
    0.06955
    """
    _, d1, _ = _arguments("call", forward, strike, time, vol)
    spread = _spread(time, vol)
    return _discount(rate, time) * _density(d1) / (forward * np.where(spread == 0, np.inf, spread))


def vega(forward: Numbers, strike: Numbers, time: Numbers, vol: Numbers, rate: Numbers = 0.0) -> FloatArray:
    """Return ∂price/∂σ = e^(−rτ)F φ(d₁)√τ, per unit of volatility, the same for calls and puts.

    Examples
    --------
    >>> round(float(vega(100.0, 100.0, 30 / 365, 0.2)), 4)
    11.4326
    """
    _, d1, _ = _arguments("call", forward, strike, time, vol)
    return _discount(rate, time) * forward * _density(d1) * np.sqrt(time)


def theta(
    right: Right, forward: Numbers, strike: Numbers, time: Numbers, vol: Numbers, rate: Numbers = 0.0
) -> FloatArray:
    """Return ∂price/∂t at the same forward, r · price − ½σ²F²Γ: what a year's passing adds.

    Examples
    --------
    >>> round(float(theta("call", 100.0, 100.0, 30 / 365, 0.2)), 4)
    -13.9097
    """
    decay = 0.5 * np.square(vol) * np.square(forward) * gamma(forward, strike, time, vol, rate)
    return np.asarray(rate * price(right, forward, strike, time, vol, rate) - decay)


def vanna(forward: Numbers, strike: Numbers, time: Numbers, vol: Numbers, rate: Numbers = 0.0) -> FloatArray:
    """Return ∂²price/∂F∂σ = −e^(−rτ)φ(d₁)d₂/σ, the same for calls and puts.

    Examples
    --------
    >>> round(float(vanna(100.0, 105.0, 30 / 365, 0.2)), 4)
    1.2513
    """
    _, d1, d2 = _arguments("call", forward, strike, time, vol)
    return -_discount(rate, time) * _without_variance(vol, time, d1, d2)


def volga(forward: Numbers, strike: Numbers, time: Numbers, vol: Numbers, rate: Numbers = 0.0) -> FloatArray:
    """Return ∂²price/∂σ² = e^(−rτ)F φ(d₁)√τ d₁d₂/σ, the same for calls and puts.

    Examples
    --------
    >>> round(float(volga(100.0, 105.0, 30 / 365, 0.2)), 4)
    29.4961
    """
    _, d1, d2 = _arguments("call", forward, strike, time, vol)
    slope = np.sqrt(time) * np.where(np.isinf(d1), 0.0, d1)
    return np.asarray(_discount(rate, time) * forward * slope * _without_variance(vol, time, d1, d2))


def _without_variance(vol: Numbers, time: Numbers, d1: FloatArray, d2: FloatArray) -> FloatArray:
    """Return φ(d₁)d₂/σ, zero where σ√τ is."""
    certain = _spread(time, vol) == 0.0
    moneyness = np.where(certain, 0.0, d2) / np.where(certain, 1.0, vol)
    return np.asarray(_density(d1) * moneyness)


def _arguments(
    right: Right, forward: Numbers, strike: Numbers, time: Numbers, vol: Numbers
) -> tuple[float, FloatArray, FloatArray]:
    spread = _spread(time, vol)
    log_moneyness = np.log(np.asarray(forward) / strike)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = log_moneyness / spread
    ratio = np.asarray(np.where((spread == 0) & (log_moneyness == 0), 0.0, ratio), dtype=np.float64)
    return (1.0 if right == "call" else -1.0), ratio + 0.5 * spread, ratio - 0.5 * spread


def _spread(time: Numbers, vol: Numbers) -> FloatArray:
    return np.asarray(vol * np.sqrt(time), dtype=np.float64)


def _density(x: FloatArray) -> FloatArray:
    bell: FloatArray = np.exp(-0.5 * x * x)
    return np.asarray(bell / _SQRT_2PI)


def _discount(rate: Numbers, time: Numbers) -> FloatArray:
    return np.asarray(np.exp(-(rate * np.asarray(time))), dtype=np.float64)
