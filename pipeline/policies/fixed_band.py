"""A band of constant width around delta, its width tuned on training episodes."""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

from pipeline.domain.band import Band
from pipeline.domain.market_state import MarketState
from pipeline.policies import exposure
from pipeline.policies.base import Training
from pipeline.policies.batched import batched

WIDTHS = (0.0, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.10, 0.12, 0.15, 0.20)


@dataclass(frozen=True)
class FixedBand:
    """Δ(implied) ± `half_width` · options held, in hedge units."""

    name: ClassVar[str] = "fixed_band"
    half_width: float = 0.05

    def fit(self, training: Training) -> Self:
        """Return the band whose width scores best on the training episodes.

        With one parameter and no prior to hold on to, the best width is taken as it is.
        """
        candidates = [replace(self, half_width=width) for width in WIDTHS]
        return min(candidates, key=lambda policy: training.score(policy).value)

    @batched
    def band(self, state: MarketState) -> Band:
        """Return the constant-width band around the implied-volatility delta."""
        vol = exposure.known(state.implied_vol, self.name, "implied_vol")
        return Band.around(exposure.target(state, vol), self.half_width * exposure.held(state))

    def parameters(self) -> dict[str, float]:
        """Return the half-width."""
        return {"half_width": self.half_width}
