"""The asymptotically optimal band of Whalley and Wilmott (1997)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pipeline.domain.band import Band
from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState
from pipeline.policies import exposure
from pipeline.policies.base import Untrained


@dataclass(frozen=True)
class WhalleyWilmott(Untrained):
    """Δ ± (3/2 · e^(−rτ) c S Γ² / γ)^(1/3) at the implied volatility, traded to the nearest edge."""

    name: ClassVar[str] = "whalley_wilmott"

    def band(self, state: MarketState) -> Band:
        """Return Whalley and Wilmott's band at the desk's constant cost."""
        vol = exposure.known(state.implied_vol, self.name, "implied_vol")
        width = half_width(state, vol, state.desk_cost, state.risk_aversion)
        return Band.around(exposure.target(state, vol), width)


def half_width(
    state: MarketState, vol: FloatArray, cost: FloatArray | float, aversion: FloatArray | float
) -> FloatArray:
    """Return the half-width [N, T] in hedge units (Whalley, Wilmott 1997, eq. 4.4).

    S is the hedge instrument's price and Γ the net gamma with respect to it.
    """
    gamma = exposure.curvature(state, vol)
    discount = np.exp(-state.rate * exposure.typical(state, state.time_to_expiry))
    return np.cbrt(1.5 * discount * cost * state.price[..., 0] * gamma**2 / aversion)
