"""No hedge at all: the risk that hedging removes."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pipeline.domain.band import Band
from pipeline.domain.market_state import MarketState
from pipeline.policies.base import Untrained


@dataclass(frozen=True)
class NoHedge(Untrained):
    """Never trades."""

    name: ClassVar[str] = "none"

    def band(self, state: MarketState) -> Band:
        """Return a band so wide that no position leaves it."""
        return Band.around(np.zeros(state.shape)).where(np.zeros(state.shape, dtype=bool))
