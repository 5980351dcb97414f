"""The minimum-variance delta with slopes from elsewhere: the long history of a volatility index."""

from dataclasses import dataclass
from typing import ClassVar, Self

from pipeline.policies.base import Training
from pipeline.policies.minimum_variance import MinimumVariance


@dataclass(frozen=True)
class HistorySlope(MinimumVariance):
    """δ_MV as in `MinimumVariance`, (a, b, c) given: learned before the first chain."""

    name: ClassVar[str] = "history_slope"

    def fit(self, training: Training) -> Self:
        """Return the policy as it is."""
        return self
