"""The solved programme: least risk and optimal band at every time left, information state and spot."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.domain.errors import FitError, SettingsError
from pipeline.domain.instruments import FloatArray
from pipeline.optimum import simplex
from pipeline.optimum.kernel import exponentiate, last_step, step_back
from pipeline.optimum.lattice import Lattice, lattice_of, vertices
from pipeline.optimum.programme import Programme

QUADRATURE = 4.0
"""Nodes a standard deviation of the last step, on each side of the strike."""
PARTS = 8
"""Parts in which columns are handed to threads."""


@dataclass(frozen=True)
class Solution:
    """What a programme gave, money in units of the strike.

    Attributes
    ----------
    programme : what was asked.
    log_spot : [X] log(S/K), evenly spaced.
    positions : [D].
    value : [M, D, X] J at the first decision time: the certainty equivalent of the cost of having sold the
        option, position δ included, before trading.
    lower, upper : [n, M, X] the no-trade band; entry r − 1 is that with r steps left.
    """

    programme: Programme
    log_spot: FloatArray
    positions: FloatArray
    value: FloatArray
    lower: FloatArray
    upper: FloatArray

    def risk(self, spot: float, prob: FloatArray, position: float = 0.0) -> float:
        """Return J at the first decision time, before anything is known: (1/λ) log E exp(λ cost).

        Parameters
        ----------
        spot : S/K.
        prob : [K] probabilities of the regime that drives the first step, as the hedger knows them. Where the
            regime is known, it is known at the first decision: the mean over the regimes of exp(λ J).
        position : held before the first trade.

        Raises
        ------
        SettingsError
            Spot or position lie outside the grid, or `prob` is no distribution of the regimes.
        """
        low, high = self.positions[0], self.positions[-1]
        if not low - 1e-12 <= position <= high + 1e-12:
            raise SettingsError(
                f"a position of {position:g} is not on the grid of the programme, {low:g} to {high:g}: "
                f"a {self.programme.side} {self.programme.kind} needs none outside"
            )
        x = float(np.log(spot))
        if not self.log_spot[0] <= x <= self.log_spot[-1]:
            raise SettingsError(
                f"a spot of {spot:g} strikes is not on the grid, {np.exp(self.log_spot[0]):.3g} to "
                f"{np.exp(self.log_spot[-1]):.3g}: raise grid.reach"
            )
        weight = self._weights(np.asarray(prob, dtype=np.float64))
        at = np.array(
            [[np.interp(position, self.positions, column) for column in state.T] for state in self.value]
        )
        j = np.array([_cubic(self.log_spot, state, x) for state in at])
        peak, aversion = j.max(), self.programme.aversion
        return float(peak + np.log(weight @ np.exp(aversion * (j - peak))) / aversion)

    def _weights(self, prob: FloatArray) -> FloatArray:
        """Return the weights [M] of exp(λ J) in the information states, from the coming regime's [K]."""
        dynamics = self.programme.dynamics
        if prob.shape != (dynamics.regimes,) or (prob < 0.0).any() or abs(prob.sum() - 1.0) > 1e-9:
            raise SettingsError(
                f"probabilities {prob.tolist()}: give one for each of {dynamics.regimes} regimes, "
                "none negative, with a sum of one"
            )
        if self.programme.seen == "regime":
            return prob
        belief = np.asarray(np.linalg.solve(vertices(dynamics).T, prob), dtype=np.float64)
        degree = self.programme.degree
        return np.asarray(simplex.bernstein(belief, degree) @ simplex.coefficients(dynamics.regimes, degree))


def solve(programme: Programme) -> Solution:
    """Solve a programme backwards from expiry.

    Raises
    ------
    FitError
        The numbers left their range: the aversion is too great for so wide a step.

    Examples
    --------
    >>> from pipeline.optimum.dynamics import Dynamics
    >>> market = Dynamics.black_scholes(0.2, cost=1e-3, interval=1 / 365)
    >>> found = solve(Programme(market, aversion=100.0, steps=30))
    >>> round(100.0 * found.risk(1.0, np.ones(1)), 2)
    2.58
    """
    lattice = lattice_of(programme)
    states, steps, aversion = len(lattice.cost), programme.steps, programme.aversion
    log_spot = lattice.points(lattice.half)
    inner, spot = np.exp(log_spot), np.exp(lattice.points(lattice.half + lattice.reach))
    positions = _positions(programme)
    count, points = len(positions), len(log_spot)
    power, exponential = (np.empty((states, count, len(spot))) for _ in range(2))
    value, level = np.empty((states, count, points)), np.zeros(count)
    guess = np.full((states, points), count // 2)
    lower, upper = (np.empty((steps, states, points)) for _ in range(2))
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        last = _last(threads, programme, lattice, log_spot, positions)
        for left in range(1, steps + 1):
            if left > 1:
                level = _levels(value[0], positions, inner, lower[left - 2, 0], upper[left - 2, 0])
                rows = (value, spot, positions, level, aversion, lattice.reach, power, exponential)
                _shared_out(threads, exponentiate, states * count, *rows)
            cut = _shared_out(
                threads, step_back, points, left == 1, lattice.weight, power, exponential,
                lattice.last_weight, last, level, inner, positions, lattice.cost, aversion, guess, value,
                lower[left - 1], upper[left - 1],
            )  # fmt: skip
            if any(cut):
                raise FitError(
                    f"the dynamic programme left the range of numbers {left} steps before expiry: a risk "
                    f"aversion × strike of {aversion:g} is too great for steps of "
                    f"{lattice.last_deviation.max():.1%}, lower it"
                )
    return Solution(programme, log_spot, positions, value, lower, upper)


def _shared_out(
    threads: ThreadPoolExecutor, kernel: Callable[..., Any], count: int, *arguments: Any
) -> list[Any]:
    """Run a kernel over parts of 0 … count − 1; what it writes does not depend on how they are cut."""
    edges = np.linspace(0, count, min(count, PARTS) + 1).astype(int)
    return list(threads.map(lambda start, stop: kernel(start, stop, *arguments), edges[:-1], edges[1:]))


def _positions(programme: Programme) -> FloatArray:
    low, high = (float(end) for end in programme.liability.position_range)
    return np.linspace(low, high, round((high - low) * (programme.grid.positions - 1)) + 1)


def _last(
    threads: ThreadPoolExecutor,
    programme: Programme,
    lattice: Lattice,
    log_spot: FloatArray,
    positions: FloatArray,
) -> FloatArray:
    owed = {leg.right: -float(np.asarray(leg.quantity)) for leg in programme.liability.legs}
    most = 7.0 + programme.aversion * float(lattice.last_deviation.max()) * (positions[-1] - positions[0])
    node, node_weight = np.polynomial.legendre.leggauss(int(np.ceil(QUADRATURE * most)))
    found = np.empty((len(lattice.last_mean), len(positions), len(log_spot)))
    _shared_out(
        threads, last_step, len(log_spot), log_spot, positions, owed.get("call", 0.0), owed.get("put", 0.0),
        programme.aversion, lattice.last_mean, lattice.last_deviation, lattice.last_cost,
        node, node_weight, most, found,
    )  # fmt: skip
    return found


def _levels(
    value: FloatArray, positions: FloatArray, spot: FloatArray, lower: FloatArray, upper: FloatArray
) -> FloatArray:
    """Return J − δS of each position [D] at the spot where it is nearest to the middle of the band."""
    middle = 0.5 * (lower + upper)
    at = np.abs(middle[None, :] - positions[:, None]).argmin(axis=1)
    return np.asarray(value[np.arange(len(positions)), at] - positions * spot[at])


def _cubic(grid: FloatArray, values: FloatArray, x: float) -> float:
    """Return the cubic through the four nodes around x."""
    first = int(np.clip(np.searchsorted(grid, x) - 2, 0, len(grid) - 4))
    part = slice(first, first + 4)
    weight = np.array([np.prod([(x - b) / (a - b) for b in grid[part] if b != a]) for a in grid[part]])
    return float(weight @ values[part])
