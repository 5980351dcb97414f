"""A commented desk file written from a look at a user's data."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from pipeline.domain.data_settings import FilesData
from pipeline.domain.errors import DataError
from pipeline.domain.file_settings import (
    BarsColumns,
    BarsFile,
    FactorsColumns,
    FactorsFile,
    ImpliedVolColumns,
    ImpliedVolFile,
    RealizedColumns,
    RealizedFile,
    VolIndices,
)
from pipeline.ingest.desk_text import desk_text
from pipeline.ingest.files import load
from pipeline.ingest.naming_columns import FACTORS, SERIES, NamedColumns, look_at
from pipeline.ingest.raw_table import Text

FEWEST_YEARS: Final = 5.0
POINTS_FROM: Final = 2.0
"""A median volatility above this is in index points."""
_LEAN_DATE = re.compile(r"[0-9]{8} 00:00")


@dataclass(frozen=True)
class NewDesk:
    """The text of a desk file, and what was seen on the way."""

    text: str
    notes: tuple[str, ...]


def new_desk(
    path: Path,
    bars: Path,
    vol: Path,
    indices: Mapping[str, Path] | None = None,
    realized: Path | None = None,
    factors: Path | None = None,
) -> NewDesk:
    """Return the text of a desk file for a user's bars and volatility indices.

    Columns are found by their names, or by their places in a file without a header; the unit of the
    volatility by its median, the unit of the prices by the signs of a Lean archive, and the windows by the
    span of the data: regimes learn from its first two fifths, policies from the third, the rest is tested.
    The files are read and screened as a run will read them. Further indices do not move the windows: where
    one begins later than the signals, options are marked without it until then. Nor do realised measures:
    where they begin too late, their models are not fitted.

    Parameters
    ----------
    path : where the desk file will stand; the files' paths are written as seen from there.
    bars, vol : CSV or Parquet files.
    indices : files of further indices by their names in `data.vol_indices`.
    realized : file of realised measures.
    factors : file of the bars' dividends and splits.

    Raises
    ------
    DataError
        A file cannot be read, has no column that looks like a date or a close, fails too many checks, or the
        two have less than five years in common; the factors are not those of the bars.
    """
    further = VolIndices.model_validate({name: _index(name, file) for name, file in (indices or {}).items()})
    prices, scale_seen = _bars(bars)
    data = FilesData(
        source="files",
        bars=prices,
        implied_vol=_implied_vol(vol),
        vol_indices=further,
        realized=None if realized is None else _realized(realized),
        factors=None if factors is None else _factors(factors),
    )
    tables = load(data, {})
    windows = _windows(tables["bars"]["session"], tables["implied_vol"]["session"])
    return NewDesk(desk_text(path, data, windows, scale_seen), tuple(tables["notes"]["note"]))


def _bars(file: Path) -> tuple[BarsFile, str]:
    """Return how to read the bars, and what the unit of their prices was seen by."""
    found = look_at(file, SERIES)
    columns = found.named(list(BarsColumns.model_fields))
    found.needed(columns, ("date", "close"), "bars")
    scale, seen = _price_scale(found)
    settings = BarsFile(
        file=file.resolve(),
        header=found.header,
        columns=BarsColumns.model_validate(columns),
        price_scale=scale,
    )
    return settings, seen


def _price_scale(found: NamedColumns) -> tuple[float, str]:
    """Return 1e-4 where the file looks like a bar file of a Lean archive, and why."""
    prices = found.raw.fields[:, 1:5]
    if found.header or found.raw.fields.shape[1] != len(SERIES[-1]):
        return 1.0, "prices in the file times this"
    dates = all(_LEAN_DATE.fullmatch(text) for text in found.raw.fields[found.raw.whole, 0])
    whole = all(text.isdigit() for text in prices[found.raw.whole].ravel())
    if not (dates and whole):
        return 1.0, "prices in the file times this"
    date, _, _, _, close, _ = found.raw.fields[found.raw.whole][-1]
    return 1e-4, f"as in Lean's archives: dates as {date} and whole prices such as {close}, ten-thousandths"


def _implied_vol(file: Path) -> ImpliedVolFile:
    found = look_at(file, SERIES)
    columns = found.named(list(ImpliedVolColumns.model_fields))
    found.needed(columns, list(columns), "implied_vol")
    named = ImpliedVolColumns.model_validate(columns)
    unit = _unit(found.raw.column(named.implied_vol, "data.implied_vol.columns.implied_vol"))
    return ImpliedVolFile(file=file.resolve(), header=found.header, columns=named, unit=unit)


def _index(name: str, file: Path) -> dict[str, Any]:
    found = look_at(file, SERIES)
    columns = found.named(("date", name))
    columns = {"date": columns["date"], "value": columns[name]}
    found.needed(columns, list(columns), f"vol_indices.{name}")
    settings = {"file": file.resolve(), "header": found.header, "columns": columns}
    if name == "skew":
        return settings
    return settings | {"unit": _unit(found.raw.column(str(columns["value"]), f"data.vol_indices.{name}"))}


def _realized(file: Path) -> RealizedFile:
    found = look_at(file)
    columns = found.named(list(RealizedColumns.model_fields))
    found.needed(columns, ("date", "rv"), "realized")
    if not (columns["rs_plus"] and columns["rs_minus"]):
        columns["rs_plus"] = columns["rs_minus"] = None
    return RealizedFile(file=file.resolve(), columns=RealizedColumns.model_validate(columns))


def _factors(file: Path) -> FactorsFile:
    found = look_at(file, FACTORS)
    columns = found.named(list(FactorsColumns.model_fields))
    found.needed(columns, ("date", "price_factor"), "factors")
    return FactorsFile(
        file=file.resolve(), header=found.header, columns=FactorsColumns.model_validate(columns)
    )


def _unit(texts: Text) -> Literal["points", "decimal"]:
    values = pd.to_numeric(pd.Series(texts, dtype="str"), errors="coerce").dropna()
    return "points" if not len(values) or float(np.median(values)) > POINTS_FROM else "decimal"


def _windows(bars: "pd.Series[pd.Timestamp]", vol: "pd.Series[pd.Timestamp]") -> dict[str, date]:
    """Return the dates of `[windows]`: signals start after two fifths of the bars and with the volatility."""
    first, last = bars.min(), min(bars.max(), vol.max())
    signals = max(first + (last - first) * 0.4, vol.min())
    if (last - first) / pd.Timedelta(days=365.25) < FEWEST_YEARS or signals >= last:
        raise DataError(
            f"bars from {first:%Y-%m-%d} and volatility from {vol.min():%Y-%m-%d} to {last:%Y-%m-%d}: a desk "
            f"needs at least {FEWEST_YEARS:g} years of bars, and volatility in their last three fifths"
        )
    test = max(signals + (last - signals) / 3, signals + pd.DateOffset(months=18))
    if test + pd.DateOffset(months=6) > last:
        raise DataError(
            f"bars and volatility from {signals:%Y-%m-%d} to {last:%Y-%m-%d}: two years are needed, to train "
            "policies and to test them"
        )
    days = {"learn_start": first, "signals_start": signals, "test_start": test, "test_end": last}
    return {name: day.date() for name, day in days.items()}
