"""Markov switching: a volatility for every hidden regime, and jumps where the regime changes."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
from pipeline.simulate.markov_chain import IntArray, check_transition, stationary_distribution
from pipeline.simulate.paths import Paths
from pipeline.simulate.stepwise import StepwiseProcess

Row = tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class MarkovSwitching(StepwiseProcess):
    """A price whose volatility is that of a hidden regime, with jumps where the regime changes.

    log S_{t+1} = log S_t + μΔt − σ_z²Δt/2 + σ_z√Δt ε + κ_zj − log Σ_k A_zk e^{κ_zk}, with z = z_t and
    j = z_{t+1}, P(z_{t+1} = j | z_t = i) = A_ij.

    Attributes
    ----------
    volatility : [K] σ, annual decimals.
    moves : [K, K] A, for a step of `step` years.
    step : years that one move of the regimes takes.
    jumps : [K, K] κ in logs, zero on the diagonal; empty is none.
    begin : [K] distribution of the first regime; empty is the stationary one.

    Raises
    ------
    SettingsError
        Sizes differ, `moves` is no transition matrix, or the simulation's step is not `step`.

    References
    ----------
    Hamilton (1989), eq. 2.1, with the volatility switching instead of the mean.

    Examples
    --------
    >>> market = MarkovSwitching(volatility=(0.12, 0.35), moves=((0.98, 0.02), (0.05, 0.95)))
    >>> found = market.simulate(paths=3, steps=5, dt=1 / 252, seed=7)
    >>> bool((found.variance == np.array([0.12, 0.35])[found.regime] ** 2).all())
    True
    """

    name: ClassVar[str] = "markov_switching"
    volatility: Row = (0.12, 0.35)
    moves: tuple[Row, ...] = ((0.98, 0.02), (0.05, 0.95))
    jumps: tuple[Row, ...] = ()
    begin: Row = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        count = len(self.volatility)
        self.need(
            count > 0 and all(0.0 <= vol < np.inf for vol in self.volatility), "volatilities of 0 or more"
        )
        try:
            check_transition(np.array(self.moves))
            first = np.array(self.begin) if self.begin else stationary_distribution(np.array(self.moves))
        except ValueError as error:
            self.need(False, str(error))
        self.need(
            len(self.moves) == count == len(first), f"{count} volatilities need {count} × {count} moves"
        )
        self.need(abs(first.sum() - 1.0) < 1e-9 and (first >= 0.0).all(), "begin must be a distribution")
        kappa = self.switch_jumps
        self.need(
            kappa.shape == (count, count) and np.isfinite(kappa).all(), f"jumps: give {count} × {count}"
        )
        self.need(not np.diagonal(kappa).any(), "jumps: a regime that stays does not jump, give 0 there")

    @classmethod
    def of_regimes(
        cls, variance: FloatArray, transition: FloatArray, *, step: float = 1 / 252, spot: float = 100.0
    ) -> Self:
        """Return the market of a fitted hidden Markov model.

        Parameters
        ----------
        variance : [K] of one step's return in each regime, `GaussianDetector.state_variance_`.
        transition : [K, K] per step, `transition_`.
        step : years that one of the model's rows takes.

        Examples
        --------
        >>> market = MarkovSwitching.of_regimes(np.array([1e-4, 4e-4]), np.array([[0.9, 0.1], [0.2, 0.8]]))
        >>> [round(vol, 4) for vol in market.volatility]
        [0.1587, 0.3175]
        """
        volatility = np.sqrt(variance / step)
        moves = tuple(tuple(map(float, row)) for row in transition)
        return cls(spot=spot, volatility=tuple(map(float, volatility)), moves=moves, step=step)

    @property
    def switch_jumps(self) -> FloatArray:
        """κ, [K, K]."""
        count = len(self.volatility)
        return np.array(self.jumps, dtype=np.float64) if self.jumps else np.zeros((count, count))

    def fill(self, noise: FloatArray, out: Paths) -> None:
        """See `Process.fill`."""
        moves, jumps = np.array(self.moves), self.switch_jumps
        deviation = np.array(self.volatility) * np.sqrt(out.interval)
        mean = self.drift * out.interval - 0.5 * deviation**2 - np.log((moves * np.exp(jumps)).sum(axis=1))
        begin = np.array(self.begin) if self.begin else stationary_distribution(moves)
        edges = np.cumsum(moves, axis=1)
        _switch(noise, self.spot, np.cumsum(begin), edges, mean, deviation, jumps, out.spot, out.regime)
        out.variance[:] = (np.array(self.volatility) ** 2)[out.regime]


@kept(nogil=True)
def _switch(
    noise: FloatArray,
    spot: float,
    begin: FloatArray,
    edges: FloatArray,
    mean: FloatArray,
    deviation: FloatArray,
    jumps: FloatArray,
    out: FloatArray,
    regime: IntArray,
) -> None:
    """Move by the first normal and uniform of a step; the first regime is of the first second uniform."""
    last = len(begin) - 1
    logs = np.zeros(out.shape[0])
    for i in range(out.shape[0]):
        k = 0
        while k < last and noise[0, 0, 3, i] >= begin[k]:
            k += 1
        out[i, 0], regime[i, 0] = spot, k
    for t in range(noise.shape[0]):
        for i in range(out.shape[0]):
            z, k = regime[i, t], 0
            while k < last and noise[t, 0, 2, i] >= edges[z, k]:
                k += 1
            logs[i] += mean[z] + deviation[z] * noise[t, 0, 0, i] + jumps[z, k]
            regime[i, t + 1] = k
            out[i, t + 1] = spot * np.exp(logs[i])
