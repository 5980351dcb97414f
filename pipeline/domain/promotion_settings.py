"""When challengers give up their place to newer ones, and whether a person has to approve a promotion."""

from typing import Annotated

from pydantic import Field

from pipeline.domain.settings import Settings


class PromotionSettings(Settings):
    """What stands between a challenger and the champion's place, beside the criteria."""

    approval: bool = False
    """A person has to approve each promotion, in Prefect or with `hedge approve`; silence means no."""
    deadline_seconds: Annotated[float, Field(gt=0, le=604_800)] = 3600.0
    """How long `hedge promote` waits for an answer."""
    patience_days: Annotated[float, Field(gt=0, le=366)] = 28.0
    """How long a retrain leaves challengers in place that are still compared."""
