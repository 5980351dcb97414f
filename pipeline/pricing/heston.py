"""Calls and puts under Heston and Bates: the characteristic function, integrated off the real line."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.errors import SettingsError
from pipeline.domain.instruments import FloatArray, Right
from pipeline.pricing.jumps import numbers_of_jumps

ComplexArray = NDArray[np.complex128]

_STEP, _SCALE, _FARTHEST, _TILT = 0.05, 0.5, 1e7, np.pi / 8.0
_MOST_CORRELATION: Final = 0.9999
_NEGLIGIBLE: Final = 1e-13
_PATHS_AT_ONCE: Final = 4096


@dataclass(frozen=True)
class HestonLaw:
    """Parameters of the variance's motion and of the jumps, as in `simulate.heston` and `simulate.bates`.

    Attributes
    ----------
    mean, reversion, vol_of_vol, correlation : θ, κ, ξ, ρ.
    intensity, jump_mean, jump_deviation : λ a year, mean and deviation of a jump in logs.
    """

    mean: float
    reversion: float
    vol_of_vol: float
    correlation: float
    intensity: float = 0.0
    jump_mean: float = 0.0
    jump_deviation: float = 0.0


def price(
    right: Right,
    law: HestonLaw,
    forward: FloatArray,
    variance: FloatArray | float,
    strike: float,
    time: float,
) -> FloatArray:
    r"""Return the undiscounted value of a European option in every market state, [N].

    .. math:: C = F − \frac{\sqrt{FK}}{π} \mathrm{Re} \int e^{iu \log(F/K)} φ(u − i/2) \frac{du}{u^2 + 1/4}

    with φ the characteristic function of log S_τ/F; with jumps it is the mean over their number, as Merton's
    series, for n jumps are a factor on F and a normal shock of variance nδ². A put is had by parity. With no
    time left it is the payoff.

    Parameters
    ----------
    right : "call" or "put".
    law : the parameters, the same for all states; ξ > 0.
    forward, variance : [N] F, money, and v, annual, or one for all; NaN stays NaN.
    strike : K, money.
    time : τ, years, at least 0.

    Notes
    -----
    The integral is taken along u = ½ (sinh(y + iω) − i sin ω), y ≥ 0, tilted to where e^{iu log(F/K)} decays:
    where the variance is near zero φ hardly does, and on the real line the wave is never resolved. The
    trapezoidal rule in y converges exponentially: within 1e-8 of the forward for |ρ| ≤ .95, from a day on, at
    any variance. The nearer |ρ| is to 1, the less the line can be tilted; the nodes then stand closer, by a
    third of the angle, and the price is within 1e-8 of the forward up to |ρ| = .9999. Beyond, price and
    variance have one shock: the law is another kind, and is refused.

    Raises
    ------
    SettingsError
        |ρ| > .9999.

    References
    ----------
    Lewis (2000), Option valuation under stochastic volatility, eq. 2.2.10; Boyarchenko, Levendorskii (2019),
    Sinh-acceleration, section 2, for the contour; Albrecher, Mayer, Schoutens, Tistaert (2007), The little
    Heston trap; Merton (1976), eq. 16, and Bates (1996) for the jumps.

    Examples
    --------
    >>> law = HestonLaw(mean=0.04, reversion=1.0, vol_of_vol=2.0, correlation=-0.7)
    >>> price("call", law, np.array([100.0]), np.array([0.04]), 100.0, 30 / 365).round(4)
    array([1.6918])
    """
    if not abs(law.correlation) <= _MOST_CORRELATION:
        raise SettingsError(
            f"a correlation of {law.correlation}: options of Heston's market are priced for those from "
            f"-{_MOST_CORRELATION} to {_MOST_CORRELATION}, give one of them"
        )
    forward, variance = np.broadcast_arrays(np.asarray(forward, float), np.asarray(variance, float))
    payoff = np.maximum((forward - strike) * (1.0 if right == "call" else -1.0), 0.0)
    if time <= 0.0:
        return payoff
    call = np.zeros(len(forward))
    jumps = numbers_of_jumps(law.intensity, law.jump_mean, law.jump_deviation, time)
    for chance, factor, added in jumps:
        call += chance * _calls(law, forward * factor, variance, strike, time, added)
    return np.maximum(call if right == "call" else call - forward + strike, payoff)


def exponents(law: HestonLaw, u: ComplexArray, time: float) -> tuple[ComplexArray, ComplexArray]:
    """Return C and D of φ(u) = exp(C + D v), without jumps, at complex u [U].

    Examples
    --------
    >>> law = HestonLaw(mean=0.04, reversion=1.0, vol_of_vol=2.0, correlation=-0.7)
    >>> constant, slope = exponents(law, np.array([0.0, -1.0j]), 0.5)
    >>> bool((abs(constant) < 1e-15).all() and (abs(slope) < 1e-15).all())  # it is a law, and a martingale
    True
    """
    squared = law.vol_of_vol**2
    beta = law.reversion - 1j * law.correlation * law.vol_of_vol * u
    root = np.sqrt(beta**2 + squared * (u**2 + 1j * u))
    ratio = (beta - root) / (beta + root)
    decay = np.exp(-root * time)
    slope = (beta - root) / squared * (1.0 - decay) / (1.0 - ratio * decay)
    log = np.log((1.0 - ratio * decay) / (1.0 - ratio))
    constant = law.reversion * law.mean / squared * ((beta - root) * time - 2.0 * log)
    return constant, slope


def _calls(
    law: HestonLaw, forward: FloatArray, variance: FloatArray, strike: float, time: float, added: float
) -> FloatArray:
    """Return calls without jumps, with a normal shock of variance `added` in the log price at expiry."""
    moneyness, call = np.log(forward / strike), np.full(len(forward), np.nan)
    tilt = min(_TILT, 0.5 * float(np.arccos(abs(law.correlation))))
    for side in (1.0, -1.0):
        own = np.flatnonzero(np.where(moneyness >= 0.0, 1.0, -1.0) == side)
        own = own[np.isfinite(moneyness[own] + variance[own])]
        if not own.size:
            continue
        u, weight = _contour(side * tilt)
        constant, slope = exponents(law, u - 0.5j, time)
        constant = constant - 0.5 * added * (u**2 + 0.25)
        most = np.abs(weight * np.exp(constant + variance[own].min() * slope))
        last = int(np.flatnonzero(most > _NEGLIGIBLE).max(initial=-1)) + 1
        for start in range(0, own.size, _PATHS_AT_ONCE):
            rows = own[start : start + _PATHS_AT_ONCE]
            exponent = np.outer(variance[rows], slope[:last]) + np.outer(moneyness[rows], 1j * u[:last])
            integral = (np.exp(constant[:last] + exponent) * weight[:last]).sum(axis=1).real
            call[rows] = forward[rows] - np.sqrt(forward[rows] * strike) / np.pi * integral
    return call


@lru_cache(maxsize=32)
def _contour(tilt: float) -> tuple[ComplexArray, ComplexArray]:
    """Return nodes u and weights du/(u² + ¼) of half the contour that is tilted by an angle, [U] each."""
    step = min(_STEP, abs(tilt) / 3.0)
    y = np.arange(0.0, np.arcsinh(_FARTHEST / _SCALE), step)
    u = _SCALE * (np.sinh(y + 1j * tilt) - 1j * np.sin(tilt))
    weight = step * _SCALE * np.cosh(y + 1j * tilt) / (u**2 + 0.25)
    weight[0] *= 0.5
    return u, weight
