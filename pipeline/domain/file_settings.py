"""A user's files of market data: where each stands, what its columns are called, and in which units it is."""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from zoneinfo import available_timezones

from pydantic import Field, field_validator, model_validator

from pipeline.domain.naming import hint
from pipeline.domain.settings import Settings

AUTO: Final = "auto"
VIX_TENOR_DAYS: Final = 30
NonEmpty = Annotated[str, Field(min_length=1)]
Positive = Annotated[float, Field(gt=0)]


class TimedRows(Settings):
    """How the time of rows is read."""

    date_format: NonEmpty | tuple[NonEmpty, ...] = AUTO
    """`auto`, or one or several strptime formats, tried in this order."""
    time_zone: str | None = None
    """Zone of the times of day that carry no offset of their own; not needed for plain dates."""
    header: bool = True
    """Whether the first line names the columns; without it they are called 1, 2, 3 by their place."""

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        if zone is not None and zone not in (zones := available_timezones()):
            raise ValueError(f"no such time zone; {hint(zone, nearest(zone, zones, 'America/New_York'))}")
        return zone

    @property
    def date_formats(self) -> tuple[str, ...]:
        """The strptime formats to try; empty for `auto`."""
        if isinstance(self.date_format, tuple):
            return self.date_format
        return () if self.date_format == AUTO else (self.date_format,)


class TimedFile(TimedRows):
    """A CSV or Parquet file with one row a session, and how to read its time."""

    file: Path


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


class FactorsColumns(Settings):
    """Names of the file's columns; what is not named is not read."""

    date: NonEmpty = "date"
    """Last session that a row's factors hold for."""
    price_factor: NonEmpty | None = None
    """Takes dividends out of the prices before they were paid."""
    split_factor: NonEmpty | None = None
    reference_price: NonEmpty | None = None
    """Close of that session as quoted, which tells whether the factors belong to the bars."""

    @model_validator(mode="after")
    def _some_factor(self) -> Self:
        if self.price_factor is None and self.split_factor is None:
            raise ValueError("name price_factor, split_factor or both")
        return self


class FactorsFile(TimedFile):
    """Factors of dividends and splits: a row holds up to its date, see `ingest.factors`."""

    columns: FactorsColumns


def nearest(name: str, names: Iterable[str], example: str) -> list[str]:
    """Return the name that is nearest, or an example: a hint never lists hundreds of names.

    Examples
    --------
    >>> nearest("XNYZ", ["XNYS", "XTKS"], "XNYS"), nearest("?", ["XNYS", "XTKS"], "XTKS")
    (['XNYS'], ['XTKS'])
    """
    return difflib.get_close_matches(name, list(names), n=1, cutoff=0.5) or [example]
