"""What a file does not say about itself and its reader has to be told."""

import os
from datetime import date
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import Field, field_validator

from pipeline.domain.settings import Settings


class Terms(Settings):
    """How to read a file; a reader ignores what its format does not need."""

    instrument: str = ""
    """Name of the instrument; empty where the file names it itself."""
    instruments: tuple[str, ...] = ()
    """Names that the rows of a desk's own files may have; empty takes any."""
    day: date | None = None
    """Date of a file whose rows carry times of day only; None takes it from the file's name."""
    time_zone: str = ""
    """Zone of times without an offset; empty takes the format's own."""
    price_scale: Annotated[float, Field(gt=0)] | None = None
    """Prices of the file times this are money a unit; None takes the format's own."""
    rate_unit: Literal["", "fraction", "percent"] = ""
    """Of rates of funding: 0.0001 as a fraction is 0.01 in per cent; empty takes fractions that can be."""
    known_lag_seconds: Annotated[float, Field(ge=0)] = 0.0
    """From an event until the desk can know it, where the file has no time of receipt."""
    clock_tolerance_seconds: Annotated[float, Field(ge=0)] = 1.0
    """How far a clock may go back before its row is held."""
    follows_within_seconds: Annotated[float, Field(ge=0)] = 10.0
    """Silence after which a file of a book without update ids no longer goes on with the file before it; 0
    lets none go on, so that each needs a snapshot."""
    snapshot: str = ""
    """File of the book as it was when a stream of updates began, where the stream does not hold it; a desk's
    is seen from the folder of its files."""
    published_lag_days: Annotated[int, Field(ge=0)] | None = None
    """Days from the end of a period until a vintage without a record of its own was published."""

    @property
    def known_lag(self) -> np.timedelta64:
        """From an event until the desk can know it, to the nanosecond."""
        return np.timedelta64(round(self.known_lag_seconds * 1e9), "ns")

    def located(self, folder: str) -> Self:
        """Return the terms with a relative path seen from a folder, which may be a URL.

        Examples
        --------
        >>> terms = Terms(snapshot="first.json")
        >>> terms.located("s3://ticks/").snapshot, Terms(snapshot="/data/a.json").located("/ticks").snapshot
        ('s3://ticks/first.json', '/data/a.json')
        """
        named = os.path.expanduser(self.snapshot)
        if not named or "://" in named or os.path.isabs(named):
            return self.model_copy(update={"snapshot": named})
        return self.model_copy(update={"snapshot": f"{folder.rstrip('/')}/{named}"})

    @field_validator("time_zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            if zone:
                ZoneInfo(zone)
        except (ValueError, OSError, KeyError):
            raise ValueError(f"no time zone {zone}: name it like Europe/Paris or UTC") from None
        return zone
