"""What a hedger is: something that can be fitted on past episodes and answers a market state with a band."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

from pipeline.domain.band import Band
from pipeline.domain.market_state import MarketState


class Policy(Protocol):
    """A hedger.

    A policy is a frozen dataclass: its fields are its parameters, so two equal policies hedge alike, and
    `fit` returns a new one. `band` at time t may use the state at time t only.
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


@dataclass(frozen=True)
class Training:
    """Finished episodes that a policy may learn from.

    `score` hedges them with a policy, costs included, and returns the desk's risk measure: lower is better.
    `budget` is the number of scores that a tuned policy may ask for.
    """

    state: MarketState
    score: Callable[[Policy], float]
    budget: int


class Untrained:
    """A policy with nothing to learn."""

    def fit(self, training: Training) -> Self:
        """Return the policy itself."""
        return self

    def parameters(self) -> dict[str, float]:
        """Return an empty mapping: there is nothing to choose."""
        return {}
