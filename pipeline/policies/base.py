"""What a hedger is: something that can be fitted on past episodes and answers a market state with a band."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

import numpy as np

from pipeline.domain.band import Band
from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState


class Policy(Protocol):
    """A hedger.

    A policy is a frozen dataclass: its fields are its parameters, so two equal policies hedge alike, and
    `fit` returns a new one. `band` at time t may use the state at time t only; of the desk's own state
    (`MarketState.inventory` and what follows it) it may do so if it says so, see `reads_position`.
    """

    name: ClassVar[str]

    def fit(self, training: "Training") -> Self:
        """Return the policy with its parameters learned on training episodes (itself if it has none)."""
        ...

    def band(self, state: MarketState) -> Band:
        """Return the no-trade band in every episode at every decision time of `state`."""
        ...

    def parameters(self) -> dict[str, float]:
        """Return the parameters as plain numbers, for reports and the model registry."""
        ...


def reads_position(policy: object) -> bool:
    """Tell whether a policy says, by its attribute `reads_position`, that it reads the desk's own state.

    One that does is asked step by step (`backtest.stepping`), every other for all times in one call.
    """
    return bool(getattr(policy, "reads_position", False))


@dataclass(frozen=True)
class Score:
    """The desk's risk measure of hedged training episodes, lower is better: over all, and block by block.

    `blocks` [B] are the values over successive stretches of start days, long enough to be nearly independent.
    """

    value: float
    blocks: FloatArray

    def clearly_below(self, other: "Score") -> bool:
        """Tell whether this score is lower by more than two standard errors of the difference.

        The standard error comes from the paired differences of the blocks, as in the one-standard-error rule
        of Breiman, Friedman, Olshen, Stone (1984, section 3.4.3): what a few overlapping years cannot tell
        apart is left as it was. Two, because a search compares dozens of values, and one in six useless ones
        is better by one standard error.

        Examples
        --------
        >>> noisy = Score(0.9, np.array([0.2, 1.8, 0.7]))
        >>> noisy.clearly_below(Score(1.0, np.ones(3)))
        False
        """
        gain = other.blocks - self.blocks
        error = gain.std(ddof=1) / np.sqrt(len(gain))
        return bool(self.value < other.value and gain.mean() > 2.0 * error)


@dataclass(frozen=True)
class Training:
    """Finished episodes that a policy may learn from.

    `score` hedges them with a policy, costs included. `budget` is the number of scores that a tuned policy
    may ask for.
    """

    state: MarketState
    score: Callable[[Policy], Score]
    budget: int


class Untrained:
    """A policy with nothing to learn."""

    def fit(self, training: Training) -> Self:
        """Return the policy itself."""
        return self

    def parameters(self) -> dict[str, float]:
        """Return an empty mapping: there is nothing to choose."""
        return {}
