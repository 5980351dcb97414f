"""Latency, half-spread and impact from a desk's own fills, shrunk to what its file and the book say."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.domain.intraday_desk import LatencySettings

SHORTEST: Final = 1e-6
"""Seconds that a latency has at least: below, clocks are not believed."""
LEAST: Final = 1e-3
"""Of the half-spread: a regressor that is smaller in the typical market counts as this much."""
BOOK_RATIO: Final = 1.0
"""What the book says of the half-spread that an order pays, over the one that was quoted."""


@dataclass(frozen=True)
class LatencyEstimate:
    """Lognormal latency; `log_error`, `spread_error`: standard errors of log median and of `spread`."""

    median: float
    spread: float
    log_error: float
    spread_error: float
    orders: int


def latency_of(seconds: FloatArray, prior: LatencySettings, weight: float) -> LatencyEstimate:
    r"""Return the latency of own orders, shrunk to a prior that weighs as much as w orders.

    .. math:: μ_n = μ_0 + \frac{n}{w + n} (\bar l - μ_0), \quad
        ψ_n^2 = \frac{w ψ_0^2 + Σ(l - \bar l)^2 + \frac{w n}{w + n} (\bar l - μ_0)^2}{w + n}

    for logs l of the latencies: the conjugate update of a normal (Gelman et al. 2013, section 3.3). Standard
    errors are ψ/√(w + n) and ψ/√(2(w + n)).

    Parameters
    ----------
    seconds : [n] from decision to fill, not NaN; below `SHORTEST` they count as that.
    prior : of the desk file. A median of nought is no guess of any latency, and then weighs nothing.
    weight : w.

    Examples
    --------
    >>> prior = LatencySettings(median_seconds=0.05, spread=0.5)
    >>> found = latency_of(np.full(150, 0.2), prior, weight=50.0)
    >>> round(found.median, 4), found.orders  # three quarters of the way in logs
    (0.1414, 150)
    >>> latency_of(np.empty(0), prior, weight=50.0).median
    0.05
    """
    number = len(seconds)
    if prior.median_seconds == 0.0:
        weight = 0.0
    if not number:
        error = prior.spread / math.sqrt(weight) if weight else math.inf
        return LatencyEstimate(prior.median_seconds, prior.spread, error, error / math.sqrt(2.0), 0)
    logs = np.log(np.maximum(seconds, SHORTEST))
    before = math.log(prior.median_seconds) if weight else 0.0
    total, mean = weight + number, float(logs.mean())
    centre = before + number / total * (mean - before)
    scatter = float(((logs - mean) ** 2).sum()) + weight * number / total * (mean - before) ** 2
    spread = math.sqrt((weight * prior.spread**2 + scatter) / total)
    return LatencyEstimate(
        math.exp(centre), spread, spread / math.sqrt(total), spread / math.sqrt(2.0 * total), number
    )


def regressors(half_spread: FloatArray, vol: FloatArray, share: FloatArray, steps: FloatArray) -> FloatArray:
    """Return what an order pays for, [n, 3] fractions of the mid: half-spread, σ √share and σ √steps.

    Parameters
    ----------
    half_spread : quoted at the decision, a fraction of the mid.
    vol : σ, of the return of one decision interval.
    share : what was traded over the depth.
    steps : from the decision to the fill, in decision intervals.
    """
    return np.stack([half_spread, vol * np.sqrt(share), vol * np.sqrt(steps)], axis=1)


@dataclass(frozen=True)
class CostEstimate:
    """What orders pay beside the mid of their decision: κ half-spread + Y σ √(Q/D) + δ σ √steps.

    Attributes
    ----------
    coefficients : [3] κ, Y, δ.
    covariance : [3, 3] of them.
    typical : [3] `regressors` of the desk's order in the typical market of the book's data.
    book_impact : Y in those data.
    orders : own ones that were learned from.
    """

    coefficients: FloatArray
    covariance: FloatArray
    typical: FloatArray
    book_impact: float
    orders: int

    @property
    def errors(self) -> FloatArray:
        """[3] standard errors."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))

    @property
    def crossing(self) -> tuple[float, float]:
        """What crossing costs over what the book shows, for the desk's order; and its standard error.

        Delay is left out: it is the market's move on the way, which a backtest has beside.
        """
        book = np.array([BOOK_RATIO, self.book_impact])
        shown = float(book @ self.typical[:2])
        slope = self.typical[:2] / shown
        error = math.sqrt(float(slope @ self.covariance[:2, :2] @ slope))
        return float(self.coefficients[:2] @ self.typical[:2]) / shown, error


def costs_of_fills(
    paid: FloatArray, seen: FloatArray, typical: FloatArray, book_impact: float, weight: float
) -> CostEstimate:
    r"""Return what own fills say of κ, Y and δ, shrunk to the book's (1, `book_impact`, 0).

    .. math:: y_i = x_i β + ε_i, \quad ε_i \sim N(0, s^2 v_i), \quad v_i = x_{i1}^2 + x_{i3}^2, \quad
        β \sim N(β_0, s^2 Λ_0^{-1})

    The variance of an order's noise is that of the market's move on the way and of a half-spread. The prior
    knows of κ and Y what w orders of the typical market would tell of each alone, of δ what w orders would
    whose noise is the market's move, Λ_0 = w diag(x̄_1²/v̄, x̄_2²/v̄, 1), and of s² what w would, around 1: the
    conjugate normal-inverse-gamma update (Gelman et al. 2013, section 14.8), a ridge regression around β_0.
    Without fills it is the prior to the last bit.

    Parameters
    ----------
    paid : [n] side · (price − mid at the decision) over that mid.
    seen : [n, 3] `regressors` of the orders.
    typical : [3] of the desk's order in the typical market.
    book_impact : Y of the book's data.
    weight : w, above 2.

    Examples
    --------
    >>> typical = np.array([2e-4, 1e-4, 1e-5])
    >>> costs_of_fills(np.empty(0), np.empty((0, 3)), typical, 0.5, weight=50.0).crossing[0]
    1.0
    >>> seen = np.tile(typical, (5000, 1)) * np.linspace(0.5, 2.0, 5000)[:, None]
    >>> dear = costs_of_fills(2.0 * seen @ [1.0, 0.5, 0.0], seen, typical, 0.5, weight=50.0)
    >>> round(dear.crossing[0], 2)
    1.99
    """
    start = np.array([BOOK_RATIO, book_impact, 0.0])
    size = np.maximum(typical[:2], LEAST * typical[0])
    prior = weight * np.diag([*(size**2 / (typical[0] ** 2 + typical[2] ** 2)), 1.0])
    scale = 1.0 / np.sqrt(seen[:, 0] ** 2 + seen[:, 2] ** 2)
    x, rest = seen * scale[:, None], (paid - seen @ start) * scale
    precision = prior + x.T @ x
    moved = np.linalg.solve(precision, x.T @ rest)
    misfit = max(float(rest @ rest - moved @ precision @ moved), 0.0)
    noise = (weight + misfit) / (weight + len(paid) - 2.0)
    return CostEstimate(
        np.asarray(start + moved),
        np.asarray(noise * np.linalg.inv(precision)),
        typical,
        book_impact,
        len(paid),
    )


def book_impact(beyond: FloatArray, push: FloatArray) -> float:
    """Return Y of a book: least squares of what lies beyond the best level on σ √(Q/D).

    Parameters
    ----------
    beyond : what crossing the desk's order costs more than the half-spread, a fraction of the mid.
    push : σ √(Q/D) then.

    Examples
    --------
    >>> book_impact(np.array([1e-4, 2e-4]), np.array([2e-4, 4e-4]))
    0.5
    """
    square = float(push @ push)
    return float(push @ beyond) / square if square else 0.0
