"""The asymptotically optimal band of Whalley and Wilmott (1997)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pipeline.domain.band import Band
from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState
from pipeline.policies import exposure
from pipeline.policies.base import Untrained
from pipeline.policies.batched import batched
from pipeline.policies.remembering import remembered
from pipeline.policies.trading_rule import charged, traded
from pipeline.pricing.delta_gamma import cube_root


@dataclass(frozen=True)
class WhalleyWilmott(Untrained):
    """Δ ± (3/2 · e^(−rτ) c S Γ² / γ)^(1/3) at the implied volatility, traded as `trading_rule` says."""

    name: ClassVar[str] = "whalley_wilmott"

    @batched
    def band(self, state: MarketState) -> Band:
        """Return Whalley and Wilmott's band at the desk's constant cost."""
        vol = exposure.known(state.implied_vol, self.name, "implied_vol")
        cost = charged(state, state.desk_cost)
        target, gamma = exposure.target_and_curvature(state, vol)
        width = half_width(state, gamma=gamma, cost=cost, aversion=state.risk_aversion)
        return traded(state, target, width, cost, vol)


def half_width(
    state: MarketState, *, gamma: FloatArray, cost: FloatArray | float, aversion: FloatArray | float
) -> FloatArray:
    """Return the half-width [N, T] in hedge units (Whalley, Wilmott 1997, eq. 4.4).

    S is the hedge instrument's price and `gamma` the net gamma with respect to it, |Γ|.
    """

    def at_unit_cost_and_aversion() -> FloatArray:
        value = np.square(gamma)
        value *= 1.5 * state.price[..., 0]
        if state.rate:
            value *= np.exp(-state.rate * exposure.typical(state, state.time_to_expiry))
        return cube_root(value)

    unit = remembered(state, ("half_width",), (gamma,), at_unit_cost_and_aversion)
    return np.asarray(unit * _root(state, cost, aversion))


def _root(state: MarketState, cost: FloatArray | float, aversion: FloatArray | float) -> FloatArray:
    """Return (cost / aversion)^(1/3); the root of a forecast cost is remembered."""
    if isinstance(cost, float):
        return np.cbrt(cost / aversion)
    return remembered(state, ("root",), (cost,), lambda: np.cbrt(cost)) / np.cbrt(aversion)
