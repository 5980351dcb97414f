"""Heston and SABR from the implied volatilities of one expiry."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from scipy.optimize import least_squares

from pipeline.domain.errors import FitError
from pipeline.domain.instruments import FloatArray
from pipeline.pricing import heston as heston_pricing
from pipeline.pricing import sabr as sabr_pricing
from pipeline.pricing.heston import HestonLaw
from pipeline.pricing.implied_vol import implied_vol
from pipeline.simulate.heston import Heston
from pipeline.simulate.process import Process
from pipeline.simulate.sabr import Sabr

_Market = TypeVar("_Market", bound=Process)
_STEPS = 100
_TOLERANCE = 0.01
_NO_PRICE = 1.0
"""Residual, in volatility, of a quote at which the trial parameters have no implied volatility."""


@dataclass(frozen=True)
class SliceFit(Generic[_Market]):
    """A market fitted to a slice, and how far its volatilities are from the quotes.

    Attributes
    ----------
    market : the process, its spot the slice's forward.
    error : root mean square of the volatilities' distance, annual decimal.
    vol : [M] the market's own volatilities at the strikes.
    """

    market: _Market
    error: float
    vol: FloatArray


def fit_heston(
    forward: float, strike: FloatArray, time: float, vol: FloatArray, *, reversion: float = 2.0
) -> SliceFit[Heston]:
    """Fit v_0 = θ, ξ and ρ to a slice by least squares in volatility.

    One expiry tells a level, a skew and a curvature: κ is given, and the variance starts at its mean.

    Parameters
    ----------
    forward : F, money. strike, vol : [M] K, money, and σ, annual decimals. time : τ, years.
    reversion : κ, a year.

    Raises
    ------
    FitError
        Fewer than 3 quotes, one that is not positive and finite, or no parameters within .01 of the quotes.

    References
    ----------
    Heston (1993). Mikhailov, Nögel (2003) for least squares on quotes.

    Examples
    --------
    >>> strikes = np.array([85.0, 92.0, 100.0, 108.0, 115.0])
    >>> vols = np.array([0.23, 0.215, 0.2, 0.19, 0.185])
    >>> fit_heston(100.0, strikes, 0.25, vols, reversion=5.0).error < 2e-3
    True
    """
    strike, vol = _checked("heston", forward, strike, time, vol)
    out_of_the_money = strike < forward

    def law(x: FloatArray) -> HestonLaw:
        return HestonLaw(float(np.exp(x[0])), reversion, float(np.exp(x[1])), float(np.tanh(x[2])))

    def volatilities(x: FloatArray) -> FloatArray:
        call = strike * heston_pricing.price("call", law(x), forward / strike, law(x).mean, 1.0, time)
        value = np.where(out_of_the_money, call - forward + strike, call)
        return implied_vol(np.where(out_of_the_money, -1.0, 1.0), value, forward, strike, time)

    level = float(np.log(np.interp(forward, strike, vol) ** 2))
    starts = [np.array([level, np.log(xi), np.arctanh(rho)]) for xi, rho in ((0.5, -0.5), (1.5, 0.3))]
    best, found = _least("heston", volatilities, vol, starts, "drop far wings or give another `reversion`")
    chosen = law(best)
    market = Heston(
        spot=forward,
        start=chosen.mean,
        mean=chosen.mean,
        reversion=reversion,
        vol_of_vol=chosen.vol_of_vol,
        correlation=chosen.correlation,
    )
    return SliceFit(market, _distance(found, vol), found)


def fit_sabr(
    forward: float, strike: FloatArray, time: float, vol: FloatArray, *, beta: float = 1.0
) -> SliceFit[Sabr]:
    """Fit α, ν and ρ to a slice by least squares on Hagan's volatility, β given.

    Parameters and errors are those of `fit_heston`.

    References
    ----------
    Hagan, Kumar, Lesniewski, Woodward (2002), section 3.

    Examples
    --------
    >>> strikes = np.array([85.0, 92.0, 100.0, 108.0, 115.0])
    >>> fit_sabr(100.0, strikes, 0.25, np.array([0.25, 0.225, 0.2, 0.185, 0.18])).error < 2e-3
    True
    """
    strike, vol = _checked("sabr", forward, strike, time, vol)

    def parameters(x: FloatArray) -> dict[str, float]:
        alpha, vol_of_vol, correlation = float(np.exp(x[0])), float(np.exp(x[1])), float(np.tanh(x[2]))
        return {"alpha": alpha, "beta": beta, "vol_of_vol": vol_of_vol, "correlation": correlation}

    def volatilities(x: FloatArray) -> FloatArray:
        return sabr_pricing.implied_vol(forward, strike, time, **parameters(x))

    level = float(np.log(np.interp(forward, strike, vol) * forward ** (1.0 - beta)))
    starts = [np.array([level, np.log(nu), np.arctanh(rho)]) for nu, rho in ((0.5, -0.5), (1.5, 0.3))]
    best, found = _least("sabr", volatilities, vol, starts, "drop far wings or give another `beta`")
    return SliceFit(Sabr(spot=forward, **parameters(best)), _distance(found, vol), found)


def _checked(
    name: str, forward: float, strike: FloatArray, time: float, vol: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return strikes in order with their volatilities."""
    strike, vol = np.asarray(strike, dtype=np.float64), np.asarray(vol, dtype=np.float64)
    if strike.shape != vol.shape or len(np.unique(strike)) < 3:
        raise FitError(f"{name}: {strike.shape} strikes and {vol.shape} volatilities: give 3 or more of both")
    good = np.isfinite(strike) & np.isfinite(vol) & (strike > 0.0) & (vol > 0.0)
    if not good.all():
        row = int(np.argmin(good))
        raise FitError(f"{name}: quote {row} (strike {strike[row]}, volatility {vol[row]}): leave it out")
    if not (forward > 0.0 and time > 0.0):
        raise FitError(f"{name}: forward {forward} and time {time}: both must be positive")
    order = np.argsort(strike)
    return strike[order], vol[order]


def _least(
    name: str,
    volatilities: Callable[[FloatArray], FloatArray],
    vol: FloatArray,
    starts: list[FloatArray],
    remedy: str,
) -> tuple[FloatArray, FloatArray]:
    """Return the best parameters of all starts and their volatilities."""
    lower, upper = np.array([-14.0, -5.0, -3.0]), np.array([8.0, 2.5, 3.0])

    def residuals(x: FloatArray) -> FloatArray:
        return np.nan_to_num(volatilities(x) - vol, nan=_NO_PRICE)

    found = [
        least_squares(residuals, np.clip(start, lower, upper), bounds=(lower, upper), max_nfev=_STEPS)
        for start in starts
    ]
    best = min(found, key=lambda each: float(each.cost))
    fitted = volatilities(best.x)
    if not best.success or not _distance(fitted, vol) <= _TOLERANCE:
        raise FitError(
            f"{name}: the calibration did not converge, {_distance(fitted, vol):.4f} in volatility from the "
            f"quotes after {best.nfev} steps: {remedy}"
        )
    return np.asarray(best.x), fitted


def _distance(found: FloatArray, vol: FloatArray) -> float:
    return float(np.sqrt(((found - vol) ** 2).mean()))
