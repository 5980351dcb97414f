"""The asymptotically optimal band of Whalley and Wilmott (1997)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pipeline.domain.band import Band
from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState
from pipeline.policies import exposure
from pipeline.policies.base import Untrained
from pipeline.policies.remembering import remembered
from pipeline.policies.trading_rule import charged, traded


@dataclass(frozen=True)
class WhalleyWilmott(Untrained):
    """Δ ± (3/2 · e^(−rτ) c S Γ² / γ)^(1/3) at the implied volatility, traded as `trading_rule` says."""

    name: ClassVar[str] = "whalley_wilmott"

    def band(self, state: MarketState) -> Band:
        """Return Whalley and Wilmott's band at the desk's constant cost."""
        vol = exposure.known(state.implied_vol, self.name, "implied_vol")
        cost = charged(state, state.desk_cost)
        width = half_width(state, vol, cost, state.risk_aversion)
        return traded(state, exposure.target(state, vol), width, cost, vol)


def half_width(
    state: MarketState, vol: FloatArray, cost: FloatArray | float, aversion: FloatArray | float
) -> FloatArray:
    """Return the half-width [N, T] in hedge units (Whalley, Wilmott 1997, eq. 4.4).

    S is the hedge instrument's price and Γ the net gamma with respect to it.
    """

    def at_unit_cost_and_aversion() -> FloatArray:
        gamma = exposure.curvature(state, vol)
        discount = np.exp(-state.rate * exposure.typical(state, state.time_to_expiry))
        return np.asarray(np.cbrt(1.5 * discount * state.price[..., 0] * gamma**2))

    unit = remembered(state, ("half_width",), (vol,), at_unit_cost_and_aversion)
    return np.asarray(unit * _root(state, cost, aversion))


def _root(state: MarketState, cost: FloatArray | float, aversion: FloatArray | float) -> FloatArray:
    """Return (cost / aversion)^(1/3); the root of a forecast cost is remembered."""
    if isinstance(cost, float):
        return np.cbrt(cost / aversion)
    return remembered(state, ("root",), (cost,), lambda: np.cbrt(cost)) / np.cbrt(aversion)
