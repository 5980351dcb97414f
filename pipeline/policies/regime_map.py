"""A hedge and a re-hedging frequency written down in advance for each regime."""

from dataclasses import dataclass, fields, replace
from typing import ClassVar, Self

import numpy as np

from pipeline.domain.band import Band
from pipeline.domain.market_state import MarketState
from pipeline.policies.base import Policy, Training, reads_path, reads_position


@dataclass(frozen=True)
class Rule:
    """What to do in one regime: a policy, and every how many decision times it may trade."""

    policy: Policy
    every: int


@dataclass(frozen=True)
class RegimeMap:
    """The rule of the most probable regime applies; between its re-hedging times nothing is traded.

    `rules[k]` belongs to regime k. Re-hedging times are counted from the start of the episode, where
    every rule trades.
    """

    name: ClassVar[str] = "regime_map"
    rules: tuple[Rule, ...]

    @property
    def reads_position(self) -> bool:
        """Whether one of its policies reads the desk's own state."""
        return any(reads_position(rule.policy) for rule in self.rules)

    @property
    def reads_path(self) -> bool:
        """Whether one of its policies reads what came before a decision."""
        return any(reads_path(rule.policy) for rule in self.rules)

    def fit(self, training: Training) -> Self:
        """Return the map with the policy of each rule fitted on the training episodes."""
        return replace(
            self, rules=tuple(replace(rule, policy=rule.policy.fit(training)) for rule in self.rules)
        )

    def band(self, state: MarketState) -> Band:
        """Return, at each time, the band of the rule of the most probable regime."""
        regime = np.argmax(state.regime_prob, axis=-1)[..., None]
        bands = [rule.policy.band(state).where(state.step % rule.every == 0) for rule in self.rules]
        chosen = {
            field.name: np.choose(regime, [getattr(band, field.name) for band in bands])
            for field in fields(Band)
        }
        return Band(**chosen)

    def parameters(self) -> dict[str, float]:
        """Return the re-hedging frequency of each regime and what its policy learned."""
        found: dict[str, float] = {}
        for k, rule in enumerate(self.rules):
            found[f"regime_{k}_every"] = float(rule.every)
            found |= {f"regime_{k}_{name}": value for name, value in rule.policy.parameters().items()}
        return found
