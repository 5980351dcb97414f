"""The simplest minimum-variance hedge: delta less a constant share of the option's vega profile."""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from scipy.stats import norm

from pipeline.domain.band import Band
from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState
from pipeline.policies import exposure
from pipeline.policies.base import Training
from pipeline.policies.batched import batched

SHIFTS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5)


@dataclass(frozen=True)
class ConstantShift:
    """Δ(implied) − `shift` · φ(d₁) · √(τ/τ₀) for every option, τ₀ its life at the start.

    φ(d₁)√τ is vega over F: one number says how far implied volatility falls when the forward rises, at all
    times and in all regimes. It is the rival of everything that learns this slope in more detail.
    """

    name: ClassVar[str] = "constant_shift"
    shift: float = 0.2

    def fit(self, training: Training) -> Self:
        """Return the policy whose shift scores best on the training episodes, as it is: there is no prior."""
        candidates = [replace(self, shift=shift) for shift in SHIFTS]
        return min(candidates, key=lambda policy: training.score(policy).value)

    @batched
    def band(self, state: MarketState) -> Band:
        """Return the zero-width band at the shifted delta."""
        vol = exposure.known(state.implied_vol, self.name, "implied_vol")
        options = -sum(leg.quantity for leg in state.liability.legs)
        shift = options * self.shift * vega_profile(state, vol) * state.forward_slope
        return Band.around(exposure.target(state, vol) - exposure.net(shift))

    def parameters(self) -> dict[str, float]:
        """Return the shift."""
        return {"shift": self.shift}


def vega_profile(state: MarketState, vol: FloatArray) -> FloatArray:
    """Return φ(d₁)·√(τ/τ₀), at most 0.4, and zero at expiry; τ₀ = τ + age · Δt."""
    deviation = vol * np.sqrt(state.time_to_expiry)
    d1 = np.log(state.forward / state.strike) / deviation + deviation / 2.0
    life = state.time_to_expiry + (state.step if state.age is None else state.age) * state.interval
    profile: FloatArray = norm.pdf(d1) * np.sqrt(state.time_to_expiry / life)
    return profile
