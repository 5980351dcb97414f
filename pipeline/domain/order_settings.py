"""How a live desk works what a decision orders: in slices until the next one, and how each is placed."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.domain.settings import Settings


class OrderSettings(Settings):
    """One market order a decision, unless these say otherwise; a backtest knows nothing else."""

    slices: Annotated[int, Field(ge=1, le=1000)] = 1
    """Children of a parent order, equally far apart."""
    schedule: Literal["twap", "almgren_chriss"] = "twap"
    """Equal slices, or the closed form of Almgren and Chriss, larger ones first."""
    urgency: Annotated[float, Field(gt=0, le=100)] = 1.0
    """κT of Almgren and Chriss, see `execution.schedule`; TWAP does not read it."""
    over: Annotated[float, Field(gt=0, lt=1)] = 0.9
    """Share of the time to the next decision for all of it; what rests then is cancelled or crosses."""
    placement: Literal["market", "limit", "passive"] = "market"
    """Take what is shown; take it up to the best price seen and let the rest rest; or rest at the own side's
    best price and cross after a while."""
    cross_after_seconds: Annotated[float, Field(gt=0)] = 5.0
    """How long a passive order rests."""

    follow: bool = False
    """A passive order follows its own side's best price when that moves away, by replacing it."""

    @property
    def at_once(self) -> bool:
        """Tell whether a decision's order goes out whole and at market."""
        return self.slices == 1 and self.placement == "market"

    @property
    def pace(self) -> float:
        """Urgency of the schedule; 0 is TWAP."""
        return self.urgency if self.schedule == "almgren_chriss" else 0.0
