"""What a hedger is: something that can be fitted on past episodes and answers a market state with a band."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from pipeline.domain.band import Band
from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState

PRIOR_BLOCKS = 40.0
"""What the defaults of a tuned policy rest on: ten years of start days (1992-2003, docs/research.md)."""


class Policy(Protocol):
    """A hedger.

    A policy is a frozen dataclass: its fields are its parameters, so two equal policies hedge alike, and
    `fit` returns a new one. `band` at time t may use the state at time t only; the desk's own state
    (`MarketState.inventory` and what follows it) and the path before t only if it says so, see
    `reads_position` and `reads_path`.
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


def reads_path(policy: object) -> bool:
    """Tell whether a policy says, by its attribute `reads_path`, that it reads what came before a decision.

    One that does is asked with all decision times since its options were dealt (`MarketState.until`): what
    it remembers at one of them is a function of these, so there is nothing to keep between two decisions.
    """
    return bool(getattr(policy, "reads_path", False))


def acting(policy: Policy) -> Hashable:
    """Return what of a policy acts: policies for which it is equal hedge alike in every state, to the bit.

    That is the policy itself, unless it says more by its method `acting`: that some of its parameters do
    nothing where others have the values that they have.
    """
    own: Callable[[], Any] = getattr(policy, "acting", lambda: policy)
    found: Hashable = own()
    return found


@dataclass(frozen=True)
class Score:
    """The desk's risk measure of hedged training episodes, lower is better: over all, and block by block.

    `blocks` [B] are the values over successive stretches of start days, long enough to be nearly independent.
    """

    value: float
    blocks: FloatArray

    def clearly_below(self, other: "Score", prior_blocks: float = PRIOR_BLOCKS) -> bool:
        """Tell whether this score is lower by more than two standard errors, what is known before included.

        With B blocks whose paired gains have mean g and deviation s, and a prior that counts like n blocks
        without any gain, the gain is normal with mean gB/(B + n) and deviation s/√(B + n) (Gelman et al.
        2013, section 2.5): the mean has to exceed two deviations, so g√B/s > 2 √(1 + n/B). What a few
        overlapping years cannot tell apart is left as it was, and a few years of one kind do not overrule
        what many have shown. Two, because a search compares dozens of values, and one in six useless ones is
        better by one standard error.

        Examples
        --------
        >>> noisy = Score(0.9, np.array([0.2, 1.8, 0.7]))
        >>> noisy.clearly_below(Score(1.0, np.ones(3)))
        False
        """
        gain = other.blocks - self.blocks
        error = gain.std(ddof=1) / np.sqrt(len(gain))
        needed = 2.0 * error * np.sqrt(1.0 + prior_blocks / len(gain))
        return bool(self.value < other.value and gain.mean() > needed)


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
