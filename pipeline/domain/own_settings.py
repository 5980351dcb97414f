"""Files of a desk's own records: what it holds, traded and may, in one instrument."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.domain.alternative_settings import RecordFile, RecordFiles
from pipeline.domain.settings import Settings

LimitKind = Literal["position", "notional", "loss"]


def _usual_limits() -> dict[str, LimitKind]:
    return {"position": "position", "notional": "notional", "loss": "loss"}


class OwnData(Settings):
    """The desk's own records of the instrument of its market data; each is optional."""

    instrument: str = ""
    """Its name in the files."""
    currency: str = ""
    """Of the market's prices, such as USD: limits in another are an error. Empty takes that with which the
    name of a pair ends (BTCUSDT); where there is none, limits in money are taken to be in it."""
    multiplier: Annotated[float, Field(gt=0)] = 1.0
    """Units of the underlying in one contract, 50 of ES, where positions, fills and limits on the position
    count contracts: one is worth that many times its price."""
    others: tuple[str, ...] = ()
    """Names of further instruments that the files may hold; a row of any other is in quarantine."""
    positions: RecordFiles = ()
    fills: RecordFiles = ()
    limits: RecordFiles = ()
    limit_names: dict[str, LimitKind] = Field(default_factory=_usual_limits)
    """The files' names of limits, and which kind each is; limits of other names are not looked at."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.positions or self.fills or self.limits) and not self.instrument:
            raise ValueError("name the instrument of the market data as the records do: set instrument")
        if self.limits and not (self.positions or self.fills):
            raise ValueError("limits bound what is held: give positions or fills too")
        return self

    @property
    def given(self) -> dict[str, tuple[RecordFile, ...]]:
        """The records that the desk gives, by table, each file told which instruments there are.

        Examples
        --------
        >>> own = OwnData(instrument="ES", fills={"file": "fills.csv"})
        >>> own.given["fills"][0].terms.instruments
        ('ES',)
        """
        known = (self.instrument, *self.others)
        tables = {name: getattr(self, name) for name in ("positions", "fills", "limits")}
        return {name: tuple(_told(each, known) for each in files) for name, files in tables.items() if files}

    @property
    def trades_one(self) -> bool:
        """Whether no other instrument may stand in the files: limits of the whole desk then bound this one.

        Examples
        --------
        >>> own = OwnData(instrument="ES", others=["NQ"], fills={"file": "fills.csv"})
        >>> own.trades_one, own.model_copy(update={"others": ()}).trades_one
        (False, True)
        """
        named = {name for files in self.given.values() for file in files for name in file.terms.instruments}
        return named <= {self.instrument}

    def located(self, folder: Path | str) -> Self:
        """Return the settings with relative paths seen from `folder`."""
        files = {name: getattr(self, name) for name in ("positions", "fills", "limits")}
        return self.model_copy(
            update={name: tuple(each.located(folder) for each in found) for name, found in files.items()}
        )


def _told(file: RecordFile, instruments: tuple[str, ...]) -> RecordFile:
    if file.terms.instruments:
        return file
    return file.model_copy(update={"terms": file.terms.model_copy(update={"instruments": instruments})})
