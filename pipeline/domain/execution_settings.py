"""How orders reach the market: what they do to the price, and what sizes there are."""

from typing import Annotated

from pydantic import Field

from pipeline.domain.settings import Settings


class ExecutionSettings(Settings):
    """Market impact and lots; everything is off unless it is set."""

    impact: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Y of the square-root law I = Y σ √(Q/V), near 1 where it was measured; 0 is no impact."""
    notional_share: Annotated[float, Field(gt=0, le=1)] = 0.001
    """What one option is on, as a share of the volume of a median session."""
    impact_half_life: Annotated[float, Field(ge=0, le=252)] = 0.0
    """Sessions until half of a trade's pressure on the price is gone; 0: all of it by the next session."""
    lot: Annotated[float, Field(ge=0)] = 0.0
    """Smallest amount that can be traded, in units of the hedge (one option is on one); 0 is any amount."""
