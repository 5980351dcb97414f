"""The exact optimum of Imaki et al.'s lookback option, by programme on price, highest price and position.

Owed is X_T = max(max_t S_t, K) less K; a trade costs c S |Δδ|, there is no unwind, λ = 1. With u_t(y) the
value of max(X_T)/X_t to who is indifferent to risk, at y = log(S_t/X_t) ≤ 0, the least entropic risk from t
on is X u_t(y) − K + R_t(log S, y, δ), R_T = 0, where

    R_t(·, δ⁻) = min_δ { c S |δ − δ⁻| + log E exp[X' u_{t+1}(y') − X u_t(y) − δ (S' − S) + R_{t+1}(·', δ)] }.

R is small and smooth, so that it may be read along lines between the nodes of a grid; u is computed apart, to
ten digits. The expectation goes by Gauss and Legendre's rule on both sides of the price at which the maximum
moves.
"""

from dataclasses import dataclass

import numpy as np
from numpy.polynomial.legendre import leggauss
from scipy.interpolate import CubicSpline

from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept

REACH, LOW = 0.32, -0.35
"""The grid goes so far in log-price to both sides, and so far below the maximum."""
DEVIATIONS, FINE, POINTS = 6.5, 3001, 64


@dataclass(frozen=True)
class LookbackMarket:
    """Black–Scholes prices from 1 on, a lookback call, the cost of a trade; drift and volatility a year."""

    steps: int
    interval: float
    volatility: float
    drift: float
    strike: float
    cost: float

    @property
    def deviation(self) -> float:
        """Of a step's return."""
        return float(self.volatility * np.sqrt(self.interval))


@dataclass(frozen=True)
class Mesh:
    """Nodes of log-price a deviation, of the distance from the maximum, of positions; points a side."""

    by_deviation: int = 2
    below: int = 80
    positions: int = 27
    points: int = 32
    most: float = 1.3


def indifferent(market: LookbackMarket) -> list[CubicSpline]:
    """Return u_t(y) for t = 0 … T: the mean of X_T/X_t where prices have no drift."""
    below = LOW * 3.0 * np.linspace(1.0, 0.0, FINE) ** 2
    values = [CubicSpline(below, np.ones(FINE))]
    mean = -0.5 * market.deviation**2
    moves, weights = _rule(below, mean, market.deviation, POINTS)
    after = below[:, None] + moves
    for _ in range(market.steps):
        values.append(CubicSpline(below, (weights * _grown(values[-1], after)).sum(axis=1)))
    return values[::-1]


def premium(market: LookbackMarket, mesh: Mesh) -> float:
    """Return the least entropic risk at the start, no position held, money."""
    value = indifferent(market)
    spacing = market.deviation / mesh.by_deviation
    half = int(REACH / spacing)
    level = spacing * np.arange(-half, half + 1)
    below = LOW * np.linspace(1.0, 0.0, mesh.below) ** 2
    held = np.linspace(0.0, mesh.most, mesh.positions)
    mean = market.drift * market.interval - 0.5 * market.deviation**2
    moves, weights = _rule(below, mean, market.deviation, mesh.points)
    after = below[:, None] + moves
    rest = np.zeros((len(level), len(below), len(held)))
    for t in range(market.steps - 1, -1, -1):
        change = _grown(value[t + 1], after) - value[t](below)[:, None]
        rest = _earlier(rest, change, moves, weights, level, below, held, market.cost)
    start = -np.log(market.strike)
    return float(market.strike * (value[0](start) - 1.0) + CubicSpline(below, rest[half, :, 0])(start))


def _grown(value: CubicSpline, after: FloatArray) -> FloatArray:
    """Return X' u(y')/X where log(S'/X) is `after`: beyond zero the maximum has moved."""
    return np.exp(np.maximum(after, 0.0)) * value(np.clip(after, value.x[0], 0.0))


def _rule(below: FloatArray, mean: float, deviation: float, points: int) -> tuple[FloatArray, FloatArray]:
    """Return returns [Y, 2P] and their weights, on both sides of the one that reaches the maximum."""
    low, high = mean - DEVIATIONS * deviation, mean + DEVIATIONS * deviation
    touch = np.clip(-below, low, high)
    node, weight = leggauss(points)
    moves, weights = [], []
    for start, end in ((np.full_like(touch, low), touch), (touch, np.full_like(touch, high))):
        size = 0.5 * (end - start)[:, None]
        moves.append(0.5 * (start + end)[:, None] + size * node)
        density = np.exp(-0.5 * ((moves[-1] - mean) / deviation) ** 2) / (deviation * np.sqrt(2.0 * np.pi))
        weights.append(density * weight * size)
    return np.concatenate(moves, axis=1), np.concatenate(weights, axis=1)


@kept(error_model="numpy")
def _earlier(
    rest: FloatArray,
    change: FloatArray,
    moves: FloatArray,
    weights: FloatArray,
    level: FloatArray,
    below: FloatArray,
    held: FloatArray,
    cost: float,
) -> FloatArray:
    """Return R [S, Y, D] a step earlier."""
    nodes, rungs, positions = rest.shape
    points = moves.shape[1]
    out = np.empty_like(rest)
    for i in range(nodes):
        spot = np.exp(level[i])
        gain, grown = np.empty(points), np.empty(points)
        right, up = np.empty(points, np.int64), np.empty(points, np.int64)
        part, share = np.empty(points), np.empty(points)
        for j in range(rungs):
            highest = spot * np.exp(-below[j])
            for q in range(points):
                gain[q] = spot * (np.exp(moves[j, q]) - 1.0)
                grown[q] = highest * change[j, q]
                at = (level[i] + moves[j, q] - level[0]) / (level[1] - level[0])
                at = min(max(at, 0.0), nodes - 1.000001)
                right[q] = int(at)
                part[q] = at - right[q]
                low = max(min(below[j] + moves[j, q], 0.0), below[0])
                up[q] = min(int((1.0 - np.sqrt(low / below[0])) * (rungs - 1)), rungs - 2)
                share[q] = (low - below[up[q]]) / (below[up[q] + 1] - below[up[q]])
            for k in range(positions):
                total = 0.0
                for q in range(points):
                    a, b, x, y = part[q], share[q], right[q], up[q]
                    here = (1.0 - b) * rest[x, y, k] + b * rest[x, y + 1, k]
                    next_ = (1.0 - b) * rest[x + 1, y, k] + b * rest[x + 1, y + 1, k]
                    later = (1.0 - a) * here + a * next_
                    total += weights[j, q] * np.exp(grown[q] - held[k] * gain[q] + later)
                out[i, j, k] = np.log(total)
            for k in range(1, positions):
                out[i, j, k] = min(out[i, j, k], out[i, j, k - 1] + cost * spot * (held[k] - held[k - 1]))
            for k in range(positions - 2, -1, -1):
                out[i, j, k] = min(out[i, j, k], out[i, j, k + 1] + cost * spot * (held[k + 1] - held[k]))
    return out
