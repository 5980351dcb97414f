"""One expiry's smile as a raw SVI slice, fitted so that it holds no butterfly arbitrage."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import least_squares, minimize

from pipeline.domain.errors import FitError
from pipeline.domain.instruments import FloatArray

STEEPEST: Final = 2.0
"""Largest slope b(1 + |ρ|) of total variance in log-moneyness (Lee 2004)."""
FEWEST: Final = 5
"""Quotes that five parameters need."""
WINGS: Final = 1.5
"""Beyond the quotes the density is held above zero to this many times their span."""
_PENALTY: Final = 100.0
_MARGIN: Final = 1e-3
"""Of the density above zero, so that what is punished softly ends on the right side."""


@dataclass(frozen=True)
class SviSlice:
    """w(k) = a + b(ρ(k − m) + √((k − m)² + σ²)): total implied variance σ_imp²τ at log-moneyness ln(K/F).

    Gatheral and Jacquier (2014), equation 3.1.

    Examples
    --------
    >>> flat = SviSlice(0.04, 0.0, 0.0, 0.0, 0.1)
    >>> flat.total_variance(np.array([-0.1, 0.2])), flat.density(np.array([0.0]))
    (array([0.04, 0.04]), array([1.]))
    """

    a: float
    b: float
    rho: float
    m: float
    sigma: float

    def total_variance(self, log_moneyness: FloatArray | float) -> FloatArray:
        """Return w(k), in the shape of `log_moneyness`."""
        away = np.asarray(log_moneyness, dtype=np.float64) - self.m
        return np.asarray(self.a + self.b * (self.rho * away + np.hypot(away, self.sigma)))

    def vol(self, log_moneyness: FloatArray | float, time: float) -> FloatArray:
        """Return the implied volatility √(w/τ), annual and decimal."""
        return np.sqrt(self.total_variance(log_moneyness) / time)

    def slope(self, log_moneyness: FloatArray | float) -> FloatArray:
        """Return w′(k)."""
        away = np.asarray(log_moneyness, dtype=np.float64) - self.m
        return np.asarray(self.b * (self.rho + away / np.hypot(away, self.sigma)))

    def curvature(self, log_moneyness: FloatArray | float) -> FloatArray:
        """Return w″(k)."""
        away = np.asarray(log_moneyness, dtype=np.float64) - self.m
        return np.asarray(self.b * self.sigma**2 / np.hypot(away, self.sigma) ** 3)

    def density(self, log_moneyness: FloatArray | float) -> FloatArray:
        """Return g(k) = (1 − kw′/2w)² − w′²/4(1/w + ¼) + w″/2, which has the sign of the implied density.

        Equation 2.1 there; butterflies cannot be arbitraged where it is nowhere negative.
        """
        k = np.asarray(log_moneyness, dtype=np.float64)
        w, first, second = self.total_variance(k), self.slope(k), self.curvature(k)
        return np.asarray(
            (1.0 - 0.5 * k * first / w) ** 2 - 0.25 * first**2 * (1.0 / w + 0.25) + 0.5 * second
        )


def fit_svi(
    log_moneyness: FloatArray, total_variance: FloatArray, weight: FloatArray | None = None
) -> SviSlice:
    """Return the slice with the least weighted squares of w that keeps its density from going below zero.

    Parameters
    ----------
    log_moneyness, total_variance : [M] ln(K/F) and σ²τ of the quotes; pairs with a NaN are left out.
    weight : [M] of each squared error, best one over the square of what w may be off by, its spread over vega
        times 2στ; None weighs them alike.

    Notes
    -----
    Bounds: b ≥ 0, |ρ| < 1, σ > 0, least variance a + bσ√(1 − ρ²) ≥ 0, wings not steeper than `STEEPEST`. A
    negative density on a grid through the quotes and `WINGS` times their span is punished. There are two
    starts, see `_starts`; the better one is kept.

    Raises
    ------
    FitError
        There are fewer than five quotes, or no start led to a slice without arbitrage.
    """
    k, w = np.asarray(log_moneyness, dtype=np.float64), np.asarray(total_variance, dtype=np.float64)
    each = np.ones_like(k) if weight is None else np.asarray(weight, dtype=np.float64)
    known = np.isfinite(k) & np.isfinite(w) & (w > 0.0) & (each > 0.0)
    k, w, each = k[known], w[known], each[known]
    if len(np.unique(k)) < FEWEST:
        raise FitError(
            f"a smile of {len(np.unique(k))} strikes: an SVI slice needs {FEWEST}, take a denser expiry"
        )
    span = max(float(np.ptp(k)), 1e-3)
    grid = np.linspace(k.min() - (WINGS - 1) * span, k.max() + (WINGS - 1) * span, 101)
    scale = float(np.average(w, weights=each))
    root = np.sqrt(each / each.sum()) / scale

    def residuals(parameters: FloatArray) -> FloatArray:
        found = _slice(parameters)
        short = np.minimum(found.density(grid) - _MARGIN, 0.0)
        steep = max(found.b * (1.0 + abs(found.rho)) - STEEPEST, 0.0)
        return np.concatenate([root * (found.total_variance(k) - w), _PENALTY * short, [_PENALTY * steep]])

    low, high = _bounds(k, scale, span)
    fits = [
        least_squares(residuals, np.clip(start, low, high), bounds=(low, high), x_scale="jac", max_nfev=100)
        for start in _starts(k, w, each, scale, span)
    ]
    sound = [fit for fit in fits if _slice(fit.x).density(grid).min() >= 0.0]
    if not sound:
        raise FitError("the smile has no SVI slice without butterfly arbitrage near it: check its quotes")
    return _slice(min(sound, key=lambda fit: float(fit.cost)).x)


def calendar_gap(short: SviSlice, long: SviSlice, log_moneyness: FloatArray) -> FloatArray:
    """Return w_long(k) − w_short(k): where it is below zero a calendar spread can be arbitraged.

    Gatheral and Jacquier (2014), lemma 2.1.
    """
    return np.asarray(long.total_variance(log_moneyness) - short.total_variance(log_moneyness))


def _slice(parameters: FloatArray) -> SviSlice:
    """The first parameter is the least variance, so that it is positive whatever the others are."""
    least, b, rho, m, sigma = (float(each) for each in parameters)
    return SviSlice(least - b * sigma * math.sqrt(1.0 - rho * rho), b, rho, m, sigma)


def _bounds(k: FloatArray, scale: float, span: float) -> tuple[list[float], list[float]]:
    low = [1e-9 * scale, 0.0, -0.999, float(k.min()) - span, 1e-4 * span]
    high = [10.0 * scale, STEEPEST, 0.999, float(k.max()) + span, 5.0 * span]
    return low, high


def _starts(k: FloatArray, w: FloatArray, weight: FloatArray, scale: float, span: float) -> list[FloatArray]:
    """Return the best slice over m and σ, for which a, b and ρ are linear, and a gentler one.

    A grid first, then Nelder and Mead's simplex from its best point. Zeliade Systems (2009), "Quasi-explicit
    calibration of Gatheral's SVI model".
    """
    plain = np.array([0.5 * w.min(), 1e-3, 0.0, float(np.median(k)), 0.2 * span])
    middles, widths = np.linspace(k.min(), k.max(), 13), span * np.geomspace(0.01, 1.0, 9)
    best = min(
        (_linear(k, w, weight, m, sigma) for m in middles for sigma in widths), key=lambda found: found[0]
    )
    if math.isfinite(best[0]):
        refined = minimize(
            lambda at: _linear(k, w, weight, at[0], math.exp(at[1]))[0],
            (best[1][3], math.log(best[1][4])),
            method="Nelder-Mead",
            options={"xatol": 1e-6, "fatol": 1e-12 * scale**2, "maxiter": 200},
        )
        best = min(
            best, _linear(k, w, weight, refined.x[0], math.exp(refined.x[1])), key=lambda found: found[0]
        )
    shape = best[1] if math.isfinite(best[0]) else plain
    gentle = shape * np.array([1.0, 0.5, 0.5, 1.0, 2.0])
    return [np.maximum(shape, [1e-6 * scale, 0.0, -1.0, -np.inf, 0.0]), gentle]


def _linear(
    k: FloatArray, w: FloatArray, weight: FloatArray, m: float, sigma: float
) -> tuple[float, FloatArray]:
    """Return the least weighted squares at m and σ, and the slice; infinite where it has no |ρ| < 1."""
    root, away = np.sqrt(weight), (k - m) / sigma
    terms = np.stack([np.ones_like(k), away, np.hypot(away, 1.0)], axis=1)
    (a, tilt, bend), *_ = np.linalg.lstsq(root[:, None] * terms, root * w, rcond=None)
    if not bend > abs(tilt):
        return math.inf, np.empty(0)
    rho = tilt / bend
    cost = float(np.sum(weight * (terms @ (a, tilt, bend) - w) ** 2))
    return cost, np.array([a + bend * math.sqrt(1 - rho * rho), bend / sigma, rho, m, sigma])
