"""Regime-switched optimal bands: the exact optimum of a hedger who filters the regime from prices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.band import Band
from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import FloatArray, Kind, Side
from pipeline.domain.market_state import MarketState
from pipeline.optimum.bands import Bands, bands_of
from pipeline.optimum.dynamics import Dynamics
from pipeline.optimum.programme import Grid, Programme
from pipeline.policies.base import Training
from pipeline.policies.batched import batched
from pipeline.policies.optimal_book import Edges, optimal_band, steps_left
from pipeline.policies.tuning import tune
from pipeline.simulate.markov_chain import stationary_distribution

SPACE: Mapping[str, Sequence[float]] = {"premium": (1.0, 1.5, 2.0)}
GRID = Grid(points=1.25, positions=81)


@dataclass(frozen=True)
class RegimeOptimalBand:
    """The optimal band over spot, position and filtered regime probabilities.

    The dynamic programme of `pipeline.optimum` whose state is the belief: the desk's regime detector gives
    the transition matrix and the variance of each regime as they were fitted before the window that a
    decision falls in, and the filtered probabilities say where in the table to look. Prices have no drift,
    and beliefs move as returns of these variances move them. `premium` multiplies the variances, which are
    bare expectations; it is tuned on training episodes from a prior of 1, and the regimes are not.

    References
    ----------
    Davis, Panas and Zariphopoulou (1993), with the filter of Hamilton (1989) as a state.
    """

    name: ClassVar[str] = "regime_optimal_band"
    regimes: ClassVar[bool] = True
    premium: float = 1.0

    def fit(self, training: Training) -> Self:
        """Return the policy with its premium tuned on the training episodes."""
        return tune(self, SPACE, training)

    def parameters(self) -> dict[str, float]:
        """Return the premium."""
        return {"premium": self.premium}

    @batched
    def band(self, state: MarketState) -> Band:
        """Return the optimal band at the filtered probabilities.

        Raises
        ------
        PolicyError
            The market state says nothing of how its regimes move.
        """
        if state.regime_moves is None or state.regime_variance is None:
            raise PolicyError(
                f"policy {self.name}: the market state has no regime_moves and regime_variance: it needs the "
                "regime detector's own transition matrix and variances"
            )
        moves, variance, prob = state.regime_moves, state.regime_variance, state.regime_prob
        if not self.regimes:
            moves, variance, prob = _averaged(moves, variance)
        shape, left = state.forward.shape, steps_left(state)
        moneyness = np.log(state.forward / state.strike)
        models, which = _distinct(moves, variance)
        which = np.broadcast_to(which, shape)

        def solved(kind: Kind, side: Side, steps: int, aversion: float, cells: NDArray[np.bool_]) -> Edges:
            at, togo, model = moneyness[cells], np.broadcast_to(left, shape)[cells], which[cells]
            known = np.broadcast_to(prob, (*shape, prob.shape[-1]))[cells]
            lower, upper = np.empty(at.shape), np.empty(at.shape)
            for number in np.unique(model).tolist():
                own = model == number
                bands = self._bands(state, models[number], kind, side, steps, aversion)
                lower[own], upper[own] = bands.edges(at[own], togo[own], known[own])
            return lower, upper

        return optimal_band(state, state.regime_vol, solved)

    def _bands(
        self, state: MarketState, model: FloatArray, kind: Kind, side: Side, steps: int, aversion: float
    ) -> Bands:
        regimes = int(np.sqrt(len(model) + 0.25))
        moves = model[: regimes**2].reshape(regimes, regimes)
        vol = np.sqrt(self.premium * model[regimes**2 :] / state.interval)
        market = Dynamics.switching(vol, moves, cost=state.desk_cost, interval=state.interval)
        grid = GRID if regimes > 1 else Grid()
        return bands_of(Programme(market, aversion, steps, "prices", kind, side, state.unwind, grid))


@dataclass(frozen=True)
class RegimeOptimalBandNoRegimes(RegimeOptimalBand):
    """Ablation: the optimal band of one regime with the long-run variance, tuned with the same budget."""

    name: ClassVar[str] = "regime_optimal_band_no_regimes"
    regimes: ClassVar[bool] = False


def _distinct(moves: FloatArray, variance: FloatArray) -> tuple[FloatArray, NDArray[np.int64]]:
    """Return the different models [R, K² + K] and which one each cell [N, T] has."""
    regimes = variance.shape[-1]
    flat = np.concatenate([moves.reshape(*variance.shape[:-1], regimes**2), variance], axis=-1)
    rows = flat.reshape(-1, flat.shape[-1])
    sums = (rows * np.sqrt(np.arange(2.0, 2.0 + rows.shape[1]))).sum(axis=1)  # sorted sooner than whole rows
    _, first, which = np.unique(sums, return_index=True, return_inverse=True)
    if not (rows[first][which] == rows).all():
        found, which = np.unique(rows, axis=0, return_inverse=True)
        return found, np.asarray(which).reshape(variance.shape[:-1])
    return rows[first], np.asarray(which).reshape(variance.shape[:-1])


def _averaged(moves: FloatArray, variance: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return each model with its regimes as one of their long-run mean variance."""
    models, which = _distinct(moves, variance)
    regimes = variance.shape[-1]
    mean = np.array(
        [
            stationary_distribution(model[: regimes**2].reshape(regimes, regimes)) @ model[regimes**2 :]
            for model in models
        ]
    )
    ones = np.ones((*which.shape, 1))
    return ones[..., None], mean[which][..., None], ones
