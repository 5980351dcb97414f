"""A user's volatility indices, each screened row by row."""

from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from pipeline.domain.data_settings import FilesData
from pipeline.domain.errors import DataError
from pipeline.domain.file_settings import ImpliedVolFile, SkewFile, VolIndexFile
from pipeline.domain.instruments import FloatArray
from pipeline.ingest.jumps import spikes
from pipeline.ingest.missing_runs import name_missing
from pipeline.ingest.quarantine import Quarantine
from pipeline.ingest.raw_table import read_raw
from pipeline.ingest.screening import numbers, refuse
from pipeline.ingest.timed_rows import (
    Screened,
    Sessions,
    finished,
    kept_rows,
    lacking,
    ordered,
    placed_sessions,
    timed,
)

PLAUSIBLE_VOL: Final = (0.02, 3.0)
"""Where the median of a volatility index lies, as a decimal, whatever the market."""
HIGHEST_VOL: Final = 5.0
PLAUSIBLE_SKEW: Final = (50.0, 250.0)
"""Where an index of skewness lies, in points."""


def implied_vol(data: FilesData, expected: str | None, sessions: Sessions) -> Screened:
    """Return the canonical `implied_vol` of a desk's file.

    Parameters
    ----------
    data : the desk's settings.
    expected : SHA-256 that the file must have; None takes any.
    sessions : of the bars, in order.

    Raises
    ------
    DataError
        The file cannot be read, lacks a column, or fails too many checks.
    """
    settings = data.implied_vol
    found = _screened(data, "implied_vol", settings, settings.columns.implied_vol, expected, sessions)
    table = found.table.rename(columns={"value": "implied_vol"}).assign(tenor_days=settings.tenor_days)
    unknown = lacking(
        found,
        sessions,
        "no option is dealt in them, those held are marked at the last value, at most five sessions old",
    )
    return replace(found, table=table, notes=(*found.notes, *unknown))


def vol_index(data: FilesData, name: str, expected: str | None, sessions: Sessions) -> Screened:
    """Return one further index: `session, event_time, known_time`, and a column of its name.

    Volatilities are annual decimals, the index of skewness stays in points. Parameters and errors as in
    `implied_vol`.
    """
    settings = data.vol_indices.given[name]
    key = f"vol_indices.{name}"
    found = _screened(data, key, settings, settings.columns.value, expected, sessions)
    marked = "options are marked by the other indices there" if name in data.tenors else "it is unknown there"
    unknown = lacking(found, sessions, marked)
    return replace(found, table=found.table.rename(columns={"value": name}), notes=(*found.notes, *unknown))


def wide(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Return one table of several indices, a row for every session that one of them has."""
    merged = tables[0]
    for table in tables[1:]:
        merged = merged.merge(table, how="outer", on=["session", "event_time", "known_time"])
    return merged.sort_values("session", ignore_index=True)


def _screened(
    data: FilesData,
    table: str,
    settings: ImpliedVolFile | SkewFile,
    column: str,
    expected: str | None,
    bars: Sessions,
) -> Screened:
    raw = read_raw(settings.file, expected, settings.header)
    screened = Quarantine(table, raw)
    key = f"data.{table}"
    name = table.rpartition(".")[2]
    text = raw.column(column, f"{key}.columns.{'implied_vol' if table == 'implied_vol' else 'value'}")
    dates = raw.column(settings.columns.date, f"{key}.columns.date")
    sessions = placed_sessions(screened, dates, settings, data.calendar)
    name_missing(screened, {name: text}, sessions)
    values = numbers(screened, name, text)
    if isinstance(settings, ImpliedVolFile | VolIndexFile):
        values = values / (100.0 if settings.unit == "points" else 1.0)
        refuse(screened, ~(values > 0.0), "volatility not above zero")
        _check_unit(settings, key, values[screened.sound])
        refuse(screened, ~(values < HIGHEST_VOL), "volatility of 500 % or more")
    else:
        low, high = PLAUSIBLE_SKEW
        outside = ~((values > low) & (values < high))
        refuse(screened, outside, f"skew outside {low:g} to {high:g} points")
    order = ordered(screened, sessions)
    jumps = spikes(
        {"close": values},
        order,
        sessions,
        data.vol_jump_limit,
        settings.file.name,
        moved=name.replace("_", " "),
        remedy="mend the change of units, or raise data.vol_jump_limit",
    )
    screened.put(jumps, f"absurd jump: more than data.vol_jump_limit {data.vol_jump_limit:g}")
    kept = kept_rows(screened, order, data.quarantine_limit)
    frame = timed(sessions[kept], data.calendar).assign(value=values[kept])
    return finished(screened, kept, sessions, frame, bars)


def _check_unit(settings: ImpliedVolFile | VolIndexFile, key: str, vol: FloatArray) -> None:
    if not len(vol):
        return
    median, (low, high) = float(np.median(vol)), PLAUSIBLE_VOL
    if not low < median < high:
        other = "decimal" if settings.unit == "points" else "points"
        raise DataError(
            f"{settings.file.name}: the median volatility is {median:.4g} a year, read with "
            f"{key}.unit {settings.unit!r}: try {other!r}, or another column"
        )
