"""What is held together as a book, and the days of stress that a run replays."""

from datetime import date
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from pipeline.domain.settings import Settings


class BookSettings(Settings):
    """The book view: options held together and hedged as one net position."""

    positions: Path | None = None
    """CSV or Parquet file of the options held; without one the book is the desk's rolling programme."""
    margin_rate: Annotated[float, Field(gt=0, le=1)] = 0.05
    """Cash that the hedge in the future ties up, as a share of its value; shares tie up all of it."""

    def located(self, folder: Path) -> Self:
        """Return the settings with the file's path made absolute, a relative one seen from `folder`."""
        if self.positions is None:
            return self
        return self.model_copy(update={"positions": (folder / self.positions.expanduser()).resolve()})


class StressWindow(Settings):
    """Days that are replayed where they lie among the tested sessions, both ends included."""

    name: Annotated[str, Field(min_length=1)]
    start: date
    end: date

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.start < self.end:
            raise ValueError(f"start {self.start} must lie before end {self.end}")
        return self


STRESS: Final = (
    StressWindow(name="2008-10", start=date(2008, 9, 29), end=date(2008, 10, 31)),
    StressWindow(name="2015-08-24", start=date(2015, 8, 17), end=date(2015, 9, 11)),
    StressWindow(name="2018-02-05", start=date(2018, 1, 26), end=date(2018, 2, 23)),
    StressWindow(name="2020-03", start=date(2020, 2, 19), end=date(2020, 3, 31)),
)
"""The days of stress that every desk replays unless it names its own."""
