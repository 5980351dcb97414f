"""What a desk within the day goes live with."""

from dataclasses import dataclass

from pipeline.backtest.intraday_stream import FittedIntraday
from pipeline.policies.base import Policy


@dataclass(frozen=True)
class Learned:
    """Models, the policy that gives the band, its constant cost, and their version.

    `crossing` is what crossing the book costs times what it shows; None: what the desk says.
    """

    signals: FittedIntraday
    policy: Policy
    desk_cost: float
    model: str
    crossing: float | None = None
