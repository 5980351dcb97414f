"""A commented desk file written from a look at a user's data."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from pydantic import ValidationError

from pipeline.domain.data_settings import FilesData
from pipeline.domain.errors import DataError, SettingsError
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
from pipeline.ingest.calendar import EXCHANGE
from pipeline.ingest.calendar_fit import fitting_calendar
from pipeline.ingest.desk_text import desk_text
from pipeline.ingest.file_options import FileOptions, as_options
from pipeline.ingest.files import load
from pipeline.ingest.naming_columns import FACTORS, SERIES, NamedColumns, look_at
from pipeline.ingest.raw_table import Text

FEWEST_YEARS: Final = 5.0
GIVEN: Final = "the exchange's sessions, as given"
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
    options: FileOptions | None = None,
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
    options : how the files are read, where they do not say it themselves.

    Raises
    ------
    DataError
        A file cannot be read, has no column that looks like a date or a close, fails too many checks, or the
        two have less than five years in common; the factors are not those of the bars. Settings are named in
        the words of the command line.
    SettingsError
        An option has a wrong value.
    """
    try:
        return _made(path, bars, vol, indices or {}, realized, factors, options or FileOptions())
    except DataError as error:
        raise DataError(as_options(str(error))) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])).replace("calendar", "data.calendar")
        fault = f"{place}: {first['msg'].removeprefix('Value error, ')}"
        raise SettingsError(as_options(fault.removeprefix(": "))) from None


def _made(
    path: Path,
    bars: Path,
    vol: Path,
    indices: Mapping[str, Path],
    realized: Path | None,
    factors: Path | None,
    options: FileOptions,
) -> NewDesk:
    files = {"bars": bars, "vol": vol, **indices, "realized": realized, "factors": factors}
    for file in options.columns:
        if files.get(file) is None:
            raise SettingsError(f"--column {file}.…: names a column of no file: give --{file} too")
    further = VolIndices.model_validate({name: _index(name, file, options) for name, file in indices.items()})
    prices, scale_seen, dates = _bars(bars, options)
    fit = fitting_calendar(dates, prices) if options.calendar is None else None
    data = FilesData(
        source="files",
        bars=prices,
        implied_vol=_implied_vol(vol, options),
        vol_indices=further,
        realized=None if realized is None else _realized(realized, options),
        factors=None if factors is None else _factors(factors, options),
        calendar=options.calendar or (fit.name if fit else EXCHANGE),
        **options.limits,
    )
    tables = load(data, {})
    windows = _windows(tables["bars"]["session"], tables["implied_vol"]["session"])
    seen = GIVEN if fit is None else fit.said
    notes = list(tables["notes"]["note"])
    if data.calendar != EXCHANGE and fit is not None:
        notes.insert(0, f"calendar {data.calendar}: {seen}")
    return NewDesk(desk_text(path, data, windows, scale_seen, seen), tuple(notes))


def _bars(file: Path, options: FileOptions) -> tuple[BarsFile, str, Text]:
    """Return how to read the bars, what the unit of their prices was seen by, and their dates."""
    found = look_at(file, SERIES, options.columns_of("bars"))
    columns = found.named(list(BarsColumns.model_fields))
    found.needed(columns, ("date", "close"), "bars")
    scale, seen = _price_scale(found)
    settings = BarsFile(
        file=file.resolve(),
        header=found.header,
        columns=BarsColumns.model_validate(columns),
        price_scale=scale,
        **options.time_of("bars"),
    )
    return settings, seen, found.raw.column(settings.columns.date, "data.bars.columns.date")


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


def _implied_vol(file: Path, options: FileOptions) -> ImpliedVolFile:
    found = look_at(file, SERIES, options.columns_of("vol"))
    columns = found.named(list(ImpliedVolColumns.model_fields))
    found.needed(columns, list(columns), "implied_vol")
    named = ImpliedVolColumns.model_validate(columns)
    unit = _unit(found.raw.column(named.implied_vol, "data.implied_vol.columns.implied_vol"))
    time = options.time_of("vol")
    return ImpliedVolFile(file=file.resolve(), header=found.header, columns=named, unit=unit, **time)


def _index(name: str, file: Path, options: FileOptions) -> dict[str, Any]:
    given = {{"value": name}.get(key, key): column for key, column in options.columns_of(name).items()}
    found = look_at(file, SERIES, given)
    columns = found.named(("date", name))
    columns = {"date": columns["date"], "value": columns[name]}
    found.needed(columns, list(columns), f"vol_indices.{name}")
    settings = {"file": file.resolve(), "header": found.header, "columns": columns, **options.time_of(name)}
    if name == "skew":
        return settings
    return settings | {
        "unit": _unit(found.raw.column(str(columns["value"]), f"data.vol_indices.{name}.columns.value"))
    }


def _realized(file: Path, options: FileOptions) -> RealizedFile:
    found = look_at(file, given=options.columns_of("realized"))
    columns = found.named(list(RealizedColumns.model_fields))
    found.needed(columns, ("date", "rv"), "realized")
    if not (columns["rs_plus"] and columns["rs_minus"]):
        columns["rs_plus"] = columns["rs_minus"] = None
    return RealizedFile(
        file=file.resolve(),
        header=found.header,
        columns=RealizedColumns.model_validate(columns),
        scale=options.realized_scale,
        **options.time_of("realized"),
    )


def _factors(file: Path, options: FileOptions) -> FactorsFile:
    found = look_at(file, FACTORS, options.columns_of("factors"))
    columns = found.named(list(FactorsColumns.model_fields))
    found.needed(columns, ("date", "price_factor"), "factors")
    return FactorsFile(
        file=file.resolve(),
        header=found.header,
        columns=FactorsColumns.model_validate(columns),
        **options.time_of("factors"),
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
