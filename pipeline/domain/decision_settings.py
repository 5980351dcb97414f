"""What a decision needs to know beside the market: where the position of the hedge is written down."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from pipeline.domain.settings import Settings


class DecisionSettings(Settings):
    """The decision after the close, see docs/deploy.md."""

    position_file: Path | None = None
    """CSV or Parquet file of what is held: `instrument`, `position`, `as_of`, one row an instrument."""
    instrument: Annotated[str, Field(min_length=1)] | None = None
    """What the file calls the hedge; without it `hedge.instrument`."""

    @model_validator(mode="after")
    def _has_a_file(self) -> Self:
        if self.instrument is not None and self.position_file is None:
            raise ValueError("instrument is a name in the file of positions: give position_file too")
        return self

    def located(self, folder: Path) -> Self:
        """Return the settings with the file's path made absolute, a relative one seen from `folder`."""
        if self.position_file is None:
            return self
        return self.model_copy(update={"position_file": (folder / self.position_file.expanduser()).resolve()})
