"""Where market data comes from: the embedded sample, or the user's own files and how to read them."""

import itertools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from pipeline.domain.alternative_settings import AlternativeData, RecordFile
from pipeline.domain.errors import SettingsError
from pipeline.domain.file_settings import (
    VIX_TENOR_DAYS,
    BarsFile,
    FactorsFile,
    ImpliedVolFile,
    RealizedFile,
    TimedFile,
    VolIndices,
    nearest,
)
from pipeline.domain.naming import hint
from pipeline.domain.own_settings import OwnData
from pipeline.domain.settings import Settings

MARKET_TABLES: Final = ("bars", "implied_vol")


class SampleData(Settings):
    """The embedded sample: S&P 500 bars 1999–2018, VIX 2014–2018."""

    source: Literal["sample"] = "sample"
    alternative: AlternativeData = AlternativeData()
    own: OwnData = OwnData()

    @property
    def records(self) -> dict[str, tuple[RecordFile, ...]]:
        """Files beside the market's, alternative and own, by kind."""
        return {**self.alternative.given, **self.own.given}

    @property
    def tenors(self) -> dict[str, int]:
        """Calendar days that the index of volatility looks ahead."""
        return {"implied_vol": VIX_TENOR_DAYS}

    @property
    def tables(self) -> tuple[str, ...]:
        """Canonical tables that the features are made of."""
        return (*MARKET_TABLES, *self.alternative.tables, *self.own.given)

    @property
    def label(self) -> str:
        """Name of the data in reports and in the ledger of looks."""
        return self.source

    @property
    def calendar(self) -> str:
        """Name of the exchange in the package exchange_calendars."""
        return "XNYS"

    @property
    def reinvests(self) -> bool:
        """Whether dividends are in the prices, so that the market's dividend yield is 0."""
        return False

    def located(self, folder: Path) -> Self:
        """Return the settings with the paths of further files made absolute, seen from `folder`."""
        beside = {"alternative": self.alternative.located(folder), "own": self.own.located(folder)}
        return self.model_copy(update=beside)


class FilesData(Settings):
    """The user's own files. A row that fails a check is put in quarantine; see docs/own-data.md."""

    source: Literal["files"]
    bars: BarsFile
    implied_vol: ImpliedVolFile
    vol_indices: VolIndices = VolIndices()
    realized: RealizedFile | None = None
    factors: FactorsFile | None = None
    """Adjusts the bars for splits and dividends, see `ingest.factors`."""
    alternative: AlternativeData = AlternativeData()
    own: OwnData = OwnData()
    calendar: str = "XNYS"
    """Name of the exchange in the package exchange_calendars: its sessions and closing times."""
    quarantine_limit: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Largest share of a file's rows in quarantine, and of sessions without a bar, that a run accepts."""
    jump_limit: Annotated[float, Field(gt=0)] = 0.35
    """Largest believed move |ln(P/P before)| from close to close or within a session (0.35 is 42 %)."""
    vol_jump_limit: Annotated[float, Field(gt=0)] = 2.0
    """Largest believed move |ln(V/V before)| of a volatility index over a session (2 is 7.4-fold)."""

    @field_validator("calendar")
    @classmethod
    def _known_calendar(cls, name: str) -> str:
        import exchange_calendars  # brings pandas, which a look at the command line should not wait for

        names = exchange_calendars.get_calendar_names(include_aliases=True)
        if name not in names:
            raise ValueError(f"no such exchange calendar; {hint(name, nearest(name, names, 'XNYS'))}")
        return name

    @model_validator(mode="after")
    def _tenors_in_order(self) -> Self:
        days = list(self.tenors.values())
        if any(short >= long for short, long in itertools.pairwise(days)):
            shown = ", ".join(f"{name} {tenor}" for name, tenor in self.tenors.items())
            raise ValueError(f"tenor_days must rise from vix9d over implied_vol to vix3m; they are {shown}")
        return self

    @property
    def records(self) -> dict[str, tuple[RecordFile, ...]]:
        """Files beside the market's, alternative and own, by kind."""
        return {**self.alternative.given, **self.own.given}

    @property
    def tenors(self) -> dict[str, int]:
        """Calendar days that each index of volatility looks ahead, from the shortest to the longest."""
        short, long = self.vol_indices.vix9d, self.vol_indices.vix3m
        return {
            **({} if short is None else {"vix9d": short.tenor_days}),
            "implied_vol": self.implied_vol.tenor_days,
            **({} if long is None else {"vix3m": long.tenor_days}),
        }

    @property
    def tables(self) -> tuple[str, ...]:
        """Canonical tables that the features are made of."""
        indices = ("vol_indices",) if self.vol_indices.given else ()
        measures = () if self.realized is None else ("realized",)
        return (*MARKET_TABLES, *indices, *measures, *self.alternative.tables, *self.own.given)

    @property
    def reinvests(self) -> bool:
        """Whether dividends are in the prices, so that the market's dividend yield is 0."""
        return self.factors is not None and self.factors.columns.price_factor is not None

    @property
    def label(self) -> str:
        """Name of the data in reports and in the ledger of looks: the files of bars and volatility.

        Further indices, realised measures and factors do not enter: with them a run looks at the same test
        rows.
        """
        bars, vol = (re.sub(r"[^\w.-]", "_", part.file.name) for part in (self.bars, self.implied_vol))
        return f"files {bars} and {vol}"

    def located(self, folder: Path) -> Self:
        """Return the settings with the files' paths made absolute, relative ones seen from `folder`."""

        def absolute(parts: Mapping[str, TimedFile]) -> dict[str, TimedFile]:
            return {
                name: part.model_copy(update={"file": (folder / part.file.expanduser()).resolve()})
                for name, part in parts.items()
            }

        indices = self.vol_indices.model_copy(update=absolute(self.vol_indices.given))
        optional = {"realized": self.realized, "factors": self.factors}
        given = {name: part for name, part in optional.items() if part is not None}
        found = absolute({"bars": self.bars, "implied_vol": self.implied_vol, **given})
        beside = {"alternative": self.alternative.located(folder), "own": self.own.located(folder)}
        return self.model_copy(update={**found, "vol_indices": indices, **beside})

    def beside(self, folder: Path | None) -> Self:
        """Return `located` in a folder of other files; None where that is not on this machine.

        Raises
        ------
        SettingsError
            A path is relative, and there is no folder from which it could be seen.
        """
        files = (self.bars, self.implied_vol, *self.vol_indices.given.values(), self.realized, self.factors)
        relative = [each.file for each in files if each and not each.file.expanduser().is_absolute()]
        if folder is None and relative:
            raise SettingsError(
                f"data.history: {relative[0]} is read on this machine and cannot be seen from a folder at a "
                "URL: write its whole path into the desk file"
            )
        return self.located(folder or Path())


def history_only(data: FilesData) -> FilesData:
    """Return the data of a long history, which must not name what no feature of its desk reads.

    Raises
    ------
    ValueError
        It names alternative data or own records.
    """
    if data.records:
        raise ValueError(f"a history does not read {', '.join(data.records)}: leave it out")
    return data


def _source(value: Any) -> str:
    """Return the source that a `[data]` table means; without one it is the sample."""
    found = value.get("source", "sample") if isinstance(value, dict) else getattr(value, "source", None)
    return str(found)


DATA_SOURCES: Final[dict[str, type[Settings]]] = {"sample": SampleData, "files": FilesData}
"""Settings by the name that a desk file gives as `data.source`."""

DataSettings = Annotated[
    Annotated[SampleData, Tag("sample")] | Annotated[FilesData, Tag("files")],
    Discriminator(
        _source,
        custom_error_type="source",
        custom_error_message="source must be sample or files",
    ),
]
