"""The band of Whalley and Wilmott under a loss limit: the closer the limit, the flatter the hedge."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pipeline.domain.band import Band
from pipeline.domain.market_state import MarketState
from pipeline.policies import exposure
from pipeline.policies.base import Untrained
from pipeline.policies.trading_rule import charged, traded
from pipeline.policies.whalley_wilmott import half_width


@dataclass(frozen=True)
class LimitAware(Untrained):
    """Whalley and Wilmott's band at the risk aversion γ / room, the share of the loss limit that is left.

    Who may not fall further below the highest P&L than a limit takes risk in proportion to what is left of it
    (Grossman, Zhou 1993, theorem 1): the absolute risk aversion grows as 1 / room. Widths go with the cube
    root of its inverse, so they narrow as room^(1/3); with nothing left every step ends at flat risk, and
    without a limit, or before the first loss, it is Whalley and Wilmott's band.
    """

    name: ClassVar[str] = "limit_aware"
    reads_position: ClassVar[bool] = True

    def band(self, state: MarketState) -> Band:
        """Return the band at what is left of the loss limit at each time.

        Raises
        ------
        PolicyError
            The state does not say it: the policy was not stepped.
        """
        vol = exposure.known(state.implied_vol, self.name, "implied_vol")
        room = exposure.own(state.loss_room, self.name, "loss_room")
        cost = charged(state, state.desk_cost)
        target, gamma = exposure.target_and_curvature(state, vol)
        width = half_width(state, gamma=gamma, cost=cost, aversion=state.risk_aversion) * np.cbrt(room)
        return traded(state, target, width, cost, vol)
