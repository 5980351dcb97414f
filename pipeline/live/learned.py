"""What a desk within the day goes live with."""

from dataclasses import dataclass

import pandas as pd

from pipeline.backtest.intraday_stream import FittedIntraday
from pipeline.policies.base import Policy


@dataclass(frozen=True)
class Learned:
    """Models, the policy that gives the band, its constant cost, and their version.

    `crossing` is what crossing the book costs times what it shows; None: what the desk says. `seen_until` is
    the last decision that the network of the policy learned from, None if it has none.
    """

    signals: FittedIntraday
    policy: Policy
    desk_cost: float
    model: str
    crossing: float | None = None
    seen_until: pd.Timestamp | None = None

    def learned_from(self, when: pd.Timestamp) -> str:
        """Return who learned from a decision or from later ones, and until when, in words; "" is nobody."""
        if when < self.signals.boundary:
            return f"the models learned from decisions until {self.signals.boundary:%Y-%m-%d %H:%M} UTC"
        if self.seen_until is not None and when <= self.seen_until:
            return f"the network learned from decisions until {self.seen_until:%Y-%m-%d %H:%M} UTC"
        return ""
