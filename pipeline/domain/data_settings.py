"""Where market data comes from: the embedded sample, or the user's own files and how to read them."""

import difflib
import itertools
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import available_timezones

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from pipeline.domain.naming import hint
from pipeline.domain.settings import Settings

AUTO: Final = "auto"
MARKET_TABLES: Final = ("bars", "implied_vol")
VIX_TENOR_DAYS: Final = 30
NonEmpty = Annotated[str, Field(min_length=1)]
Positive = Annotated[float, Field(gt=0)]


class SampleData(Settings):
    """The embedded sample: S&P 500 bars 1999–2018, VIX 2014–2018."""

    source: Literal["sample"] = "sample"

    @property
    def tenors(self) -> dict[str, int]:
        """Calendar days that the index of volatility looks ahead."""
        return {"implied_vol": VIX_TENOR_DAYS}

    @property
    def tables(self) -> tuple[str, ...]:
        """Canonical tables that the features are made of."""
        return MARKET_TABLES

    @property
    def label(self) -> str:
        """Name of the data in reports and in the ledger of looks."""
        return self.source

    @property
    def calendar(self) -> str:
        """Name of the exchange in the package exchange_calendars."""
        return "XNYS"

    def located(self, _: Path) -> Self:
        """Return the settings themselves: they name no file."""
        return self


class TimedFile(Settings):
    """A CSV or Parquet file with one row a session, and how to read its time."""

    file: Path
    date_format: NonEmpty | tuple[NonEmpty, ...] = AUTO
    """`auto`, or one or several strptime formats, tried in this order."""
    time_zone: str | None = None
    """Zone of the times of day that carry no offset of their own; not needed for plain dates."""

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        if zone is not None and zone not in (zones := available_timezones()):
            raise ValueError(f"no such time zone; {hint(zone, _near(zone, zones, 'America/New_York'))}")
        return zone

    @property
    def date_formats(self) -> tuple[str, ...]:
        """The strptime formats to try; empty for `auto`."""
        if isinstance(self.date_format, tuple):
            return self.date_format
        return () if self.date_format == AUTO else (self.date_format,)


class BarsColumns(Settings):
    """Names of the file's columns; what is not named is not read."""

    date: NonEmpty = "date"
    open: NonEmpty | None = None
    high: NonEmpty | None = None
    low: NonEmpty | None = None
    close: NonEmpty = "close"
    volume: NonEmpty | None = None


class BarsFile(TimedFile):
    """The price bars of the underlying."""

    columns: BarsColumns = BarsColumns()
    price_scale: Positive = 1.0
    """Prices of the file times this are prices of the desk (0.0001 for ten-thousandths)."""


class ImpliedVolColumns(Settings):
    """Names of the file's columns."""

    date: NonEmpty = "date"
    implied_vol: NonEmpty = "close"


class ImpliedVolFile(TimedFile):
    """The volatility index of the underlying."""

    columns: ImpliedVolColumns = ImpliedVolColumns()
    unit: Literal["points", "decimal"] = "points"
    """`points`: 16 means 16 % a year; `decimal`: 0.16 does."""
    tenor_days: Annotated[int, Field(ge=1)] = VIX_TENOR_DAYS


class VolIndexColumns(Settings):
    """Names of the file's columns."""

    date: NonEmpty = "date"
    value: NonEmpty = "close"


class SkewFile(TimedFile):
    """An index of skewness in points, 100 − 10 × the risk-neutral skewness of the 30-day return."""

    columns: VolIndexColumns = VolIndexColumns()


class VolIndexFile(SkewFile):
    """A further volatility index."""

    unit: Literal["points", "decimal"] = "points"
    """`points`: 90 means 90 % a year; `decimal`: 0.9 does."""


class ShortVolFile(VolIndexFile):
    """A volatility index of a shorter tenor than `implied_vol`."""

    tenor_days: Annotated[int, Field(ge=1)] = 9


class LongVolFile(VolIndexFile):
    """A volatility index of a longer tenor than `implied_vol`."""

    tenor_days: Annotated[int, Field(ge=1)] = 93


class VolIndices(Settings):
    """Further indices made of option prices, named after Cboe's; each is optional."""

    vix9d: ShortVolFile | None = None
    """Volatility of a shorter tenor than `implied_vol`."""
    vix3m: LongVolFile | None = None
    """Volatility of a longer tenor than `implied_vol`."""
    vvix: VolIndexFile | None = None
    """Volatility of the volatility index."""
    skew: SkewFile | None = None

    @property
    def given(self) -> dict[str, SkewFile]:
        """The indices that the desk gives, by name."""
        return {name: each for name in type(self).model_fields if (each := getattr(self, name)) is not None}


class RealizedColumns(Settings):
    """Names of the file's columns; what is not named is not read."""

    date: NonEmpty = "date"
    rv: NonEmpty = "rv"
    """Realised variance of the session."""
    rq: NonEmpty | None = None
    """Realised quarticity, in one unit throughout."""
    rs_plus: NonEmpty | None = None
    """Realised semivariance of the rises."""
    rs_minus: NonEmpty | None = None

    @model_validator(mode="after")
    def _both_halves(self) -> Self:
        if (self.rs_plus is None) != (self.rs_minus is None):
            given, lacking = ("rs_minus", "rs_plus") if self.rs_plus is None else ("rs_plus", "rs_minus")
            raise ValueError(f"{given} is named without {lacking}: name both or neither")
        return self


class RealizedFile(TimedFile):
    """Measures of each session's variance, made of returns within it."""

    columns: RealizedColumns = RealizedColumns()
    scale: Positive = 1.0
    """Variances of the file times this are daily variances as decimals (0.0001 for percent squared)."""


class FilesData(Settings):
    """The user's own files. A row that fails a check is put in quarantine; see docs/own-data.md."""

    source: Literal["files"]
    bars: BarsFile
    implied_vol: ImpliedVolFile
    vol_indices: VolIndices = VolIndices()
    realized: RealizedFile | None = None
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
            raise ValueError(f"no such exchange calendar; {hint(name, _near(name, names, 'XNYS'))}")
        return name

    @model_validator(mode="after")
    def _tenors_in_order(self) -> Self:
        days = list(self.tenors.values())
        if any(short >= long for short, long in itertools.pairwise(days)):
            shown = ", ".join(f"{name} {tenor}" for name, tenor in self.tenors.items())
            raise ValueError(f"tenor_days must rise from vix9d over implied_vol to vix3m; they are {shown}")
        return self

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
        return (*MARKET_TABLES, *indices, *(() if self.realized is None else ("realized",)))

    @property
    def label(self) -> str:
        """Name of the data in reports and in the ledger of looks: the files of bars and volatility.

        Further indices and realised measures do not enter: with them a run looks at the same test rows.
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
        measures = {} if self.realized is None else {"realized": self.realized}
        found = absolute({"bars": self.bars, "implied_vol": self.implied_vol, **measures})
        return self.model_copy(update={**found, "vol_indices": indices})


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


def _near(name: str, names: Iterable[str], example: str) -> list[str]:
    """Return the name that is nearest, or an example: a hint never lists hundreds of names."""
    return difflib.get_close_matches(name, list(names), n=1, cutoff=0.5) or [example]
