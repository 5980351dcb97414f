"""What a desk within the day goes live with."""

from dataclasses import dataclass

from pipeline.backtest.intraday_stream import FittedIntraday
from pipeline.policies.base import Policy


@dataclass(frozen=True)
class Learned:
    """Models, the policy that gives the band, its constant cost, and their version."""

    signals: FittedIntraday
    policy: Policy
    desk_cost: float
    model: str
