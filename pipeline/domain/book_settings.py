"""What is held together as a book, and the days of stress that a run replays."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import Field, field_validator, model_validator

from pipeline.domain.file_settings import NonEmpty, TimedRows
from pipeline.domain.public_url import PublicUrl
from pipeline.domain.settings import Settings


class PositionsColumns(Settings):
    """Names of the file's columns. `opened` and `price` may be missing, unless they are named here."""

    kind: NonEmpty = "kind"
    strike: NonEmpty = "strike"
    expiry: NonEmpty = "expiry"
    quantity: NonEmpty = "quantity"
    opened: NonEmpty = "opened"
    price: NonEmpty = "price"


class PositionsFile(TimedRows):
    """The options held, one a row. A row that fails a check is put in quarantine; see docs/book.md."""

    file: Path | None = None
    """CSV or Parquet; or a table of a database instead."""
    database: PublicUrl = ""
    """SQLAlchemy URL, without a password: desk files are copied into reports."""
    table: str = ""
    columns: PositionsColumns = PositionsColumns()
    quarantine_limit: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Largest share of the rows in quarantine that a run accepts; a decision accepts none."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.file is None) == (not self.database):
            raise ValueError("give either file, or database and table")
        if bool(self.database) != bool(self.table):
            raise ValueError("database and table belong together: give both or neither")
        return self

    @property
    def named(self) -> str:
        """What the options are read from, for reports."""
        return f"table {self.table}" if self.file is None else self.file.name

    def located(self, folder: Path) -> Self:
        """Return the settings with the path made absolute, a relative one seen from `folder`."""
        if self.file is not None:
            return self.model_copy(update={"file": (folder / self.file.expanduser()).resolve()})
        start = "sqlite:///"
        if not self.database.startswith(start):
            return self
        place = (folder / Path(self.database.removeprefix(start)).expanduser()).resolve()
        return self.model_copy(update={"database": f"{start}{place}"})


class BookSettings(Settings):
    """The book view: options held together and hedged as one net position."""

    positions: PositionsFile | None = None
    """CSV or Parquet file of the options held, its path or a table of settings, or a table of a database;
    without one the book is the desk's rolling programme."""
    margin_rate: Annotated[float, Field(gt=0, le=1)] = 0.05
    """Cash that the hedge in the future ties up, as a share of its value; shares tie up all of it."""

    @field_validator("positions", mode="before")
    @classmethod
    def _named(cls, positions: Any) -> Any:
        return {"file": positions} if isinstance(positions, str | Path) else positions

    def located(self, folder: Path) -> Self:
        """Return the settings with the file's path made absolute, a relative one seen from `folder`."""
        if self.positions is None:
            return self
        return self.model_copy(update={"positions": self.positions.located(folder)})


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
