"""The limits that a desk works under."""

from typing import Annotated, Final

from pydantic import Field

from pipeline.domain.settings import Settings

Positive = Annotated[float, Field(gt=0)]


class LimitSettings(Settings):
    """Limits of one option; of a book they are as many times these as it holds options. None is no limit."""

    position: Positive | None = None
    """Largest hedge position, units of the hedge instrument, bought or sold."""
    loss: Positive | None = None
    """Largest fall of the marked P&L below the highest it has been, in % of the starting spot."""


NO_LIMITS: Final = LimitSettings()
