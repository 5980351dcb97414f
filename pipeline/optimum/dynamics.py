"""How the market of a dynamic programme moves: volatilities, what switches them, what trading costs."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from pipeline.domain.errors import SettingsError
from pipeline.domain.instruments import FloatArray
from pipeline.simulate.markov_chain import check_transition

Row = tuple[float, ...]


@dataclass(frozen=True)
class Dynamics:
    """A price whose volatility switches between the K regimes of a Markov chain.

    In regime z a step returns −σ_z²Δt/2 + σ_z√Δt ε, and κ_zj on top where the chain moves on to j ≠ z. What
    the jumps add on average is taken out again, −log Σ_j A_zj exp(κ_zj), and μΔt is added: the price is a
    martingale but for its drift.

    Attributes
    ----------
    volatility : [K] σ, annual decimals.
    moves : [K, K] A, per step.
    cost : [K] one-way proportional cost while the regime lasts.
    interval : Δt, years.
    jumps : [K, K] κ in logs, zero on the diagonal; empty is none.
    drift : μ, annual; a desk's optimum has none, for it is to hedge and not to speculate.

    Raises
    ------
    SettingsError
        A volatility is not positive, a cost is negative or 1 and more, `moves` is no transition matrix, or
        the sizes differ.

    Examples
    --------
    >>> Dynamics.black_scholes(0.2, cost=1e-3, interval=1 / 365).regimes
    1
    """

    volatility: Row
    moves: tuple[Row, ...]
    cost: Row
    interval: float
    jumps: tuple[Row, ...] = ()
    drift: float = 0.0

    def __post_init__(self) -> None:
        if not self.volatility or not all(0.0 < vol < np.inf for vol in self.volatility):
            raise SettingsError(f"volatilities {self.volatility}: each must be positive and finite")
        if not np.isfinite(self.drift):
            raise SettingsError(f"a drift of {self.drift}: it must be finite")
        if not self.interval > 0.0:
            raise SettingsError(f"a step of {self.interval} years: it must be positive")
        if len(self.cost) != self.regimes or not all(0.0 <= cost < 1.0 for cost in self.cost):
            raise SettingsError(f"costs {self.cost}: one a regime, each at least 0 and below 1")
        try:
            check_transition(np.array(self.moves))
        except ValueError as error:
            raise SettingsError(f"the regimes' moves: {error}") from None
        if len(self.moves) != self.regimes:
            raise SettingsError(
                f"{self.regimes} volatilities, but the moves are of {len(self.moves)} regimes"
            )
        if self.jumps and np.array(self.jumps).shape != (self.regimes, self.regimes):
            raise SettingsError(f"jumps at switches: give {self.regimes} × {self.regimes} of them")
        if self.jumps and np.diagonal(np.array(self.jumps)).any():
            raise SettingsError("jumps at switches: one that stays in its regime does not jump")

    @classmethod
    def black_scholes(cls, volatility: float, *, cost: float, interval: float, drift: float = 0.0) -> Self:
        """Return the market of one volatility."""
        return cls((float(volatility),), ((1.0,),), (float(cost),), interval, drift=drift)

    @classmethod
    def switching(
        cls,
        volatility: FloatArray,
        moves: FloatArray,
        *,
        cost: float | FloatArray,
        interval: float,
        jumps: FloatArray | None = None,
    ) -> Self:
        """Return a market of K regimes from arrays [K] and [K, K]; one cost counts for every regime."""
        costs = np.broadcast_to(np.asarray(cost, dtype=np.float64), np.shape(volatility))
        return cls(
            tuple(map(float, volatility)),
            tuple(tuple(map(float, row)) for row in moves),
            tuple(map(float, costs)),
            interval,
            () if jumps is None or not np.any(jumps) else tuple(tuple(map(float, row)) for row in jumps),
        )

    @property
    def regimes(self) -> int:
        """K."""
        return len(self.volatility)

    @property
    def deviation(self) -> FloatArray:
        """σ√Δt of every regime, [K]."""
        return np.asarray(np.array(self.volatility) * np.sqrt(self.interval), dtype=np.float64)

    def components(self) -> tuple[FloatArray, FloatArray]:
        """Return mean and standard deviation of a step's return by regime and next regime, [K, K] each."""
        deviation = np.repeat(self.deviation[:, None], self.regimes, axis=1)
        jumps = np.array(self.jumps) if self.jumps else np.zeros_like(deviation)
        added = np.log((np.array(self.moves) * np.exp(jumps)).sum(axis=1))
        return jumps - added[:, None] - 0.5 * deviation**2 + self.drift * self.interval, deviation
