"""A commented desk file written from a look at a user's data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from pipeline.domain.data_settings import (
    BarsColumns,
    BarsFile,
    FilesData,
    ImpliedVolColumns,
    ImpliedVolFile,
    RealizedColumns,
    RealizedFile,
    SkewFile,
    VolIndices,
)
from pipeline.domain.errors import DataError
from pipeline.ingest.files import load
from pipeline.ingest.raw_table import RawTable, Text, read_raw

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "date": ("date", "session", "day", "datetime", "time", "timestamp"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "last", "price", "c", "adj close", "adj_close"),
    "volume": ("volume", "vol", "v"),
    "implied_vol": ("implied_vol", "iv", "vix", "close", "last", "value"),
    "vix9d": ("vix9d", "vxst", "close", "last", "value"),
    "vix3m": ("vix3m", "vxv", "close", "last", "value"),
    "vvix": ("vvix", "close", "last", "value"),
    "skew": ("skew", "close", "last", "value"),
    "rv": ("rv", "realized_variance", "realised_variance", "rv5"),
    "rq": ("rq", "realized_quarticity", "realised_quarticity"),
    "rs_plus": ("rs_plus", "rsplus", "rs+", "rsv_plus", "rs_p"),
    "rs_minus": ("rs_minus", "rsminus", "rs-", "rsv_minus", "rs_n"),
}
"""What columns are usually called, in lower case, the most telling name first."""

WHAT_THEY_ARE: Final[Mapping[str, str]] = {
    "vix9d": "options are marked between the indices by their time to expiry",
    "vix3m": "options are marked between the indices by their time to expiry",
    "vvix": "the volatility of the volatility index",
    "skew": "in points, 100 − 10 × the skewness that the options imply",
}
FEWEST_YEARS: Final = 5.0
POINTS_FROM: Final = 2.0
"""A median volatility above this is in index points."""


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
) -> NewDesk:
    """Return the text of a desk file for a user's bars and volatility indices.

    Columns are found by their names, the unit of the volatility by its median, and the windows by the span
    of the data: regimes learn from its first two fifths, policies from the third, the rest is tested. The
    files are read and screened as a run will read them. Further indices do not move the windows: where one
    begins later than the signals, options are marked without it until then. Nor do realised measures: where
    they begin too late, their models are not fitted.

    Parameters
    ----------
    path : where the desk file will stand; the files' paths are written as seen from there.
    bars, vol : CSV or Parquet files.
    indices : files of further indices by their names in `data.vol_indices`.
    realized : file of realised measures.

    Raises
    ------
    DataError
        A file cannot be read, has no column that looks like a date or a close, fails too many checks, or the
        two have less than five years in common.
    """
    further = VolIndices.model_validate({name: _index(name, file) for name, file in (indices or {}).items()})
    data = FilesData(
        source="files",
        bars=_bars(bars),
        implied_vol=_implied_vol(vol),
        vol_indices=further,
        realized=None if realized is None else _realized(realized),
    )
    tables = load(data, {})
    sessions = tables["bars"]["session"]
    windows = _windows(sessions, tables["implied_vol"]["session"])
    return NewDesk(_text(path, data, windows), tuple(tables["notes"]["note"]))


def _bars(file: Path) -> BarsFile:
    raw = read_raw(file)
    if not (has_name := {name: _column(raw, name) for name in BarsColumns.model_fields})["date"]:
        raise _unnamed(raw, "date", "bars")
    if not has_name["close"]:
        raise _unnamed(raw, "close", "bars")
    return BarsFile(file=file.resolve(), columns=BarsColumns.model_validate(has_name))


def _implied_vol(file: Path) -> ImpliedVolFile:
    raw = read_raw(file)
    has_name = {name: _column(raw, name) for name in ImpliedVolColumns.model_fields}
    for name, found in has_name.items():
        if not found:
            raise _unnamed(raw, name, "implied_vol")
    columns = ImpliedVolColumns.model_validate(has_name)
    unit = _unit(raw.column(columns.implied_vol, "data.implied_vol.columns.implied_vol"))
    return ImpliedVolFile(file=file.resolve(), columns=columns, unit=unit)


def _index(name: str, file: Path) -> dict[str, Any]:
    raw = read_raw(file)
    has_name = {"date": _column(raw, "date"), "value": _column(raw, name)}
    for column, found in has_name.items():
        if not found:
            raise _unnamed(raw, column, f"vol_indices.{name}")
    settings = {"file": file.resolve(), "columns": has_name}
    if name == "skew":
        return settings
    return settings | {"unit": _unit(raw.column(str(has_name["value"]), f"data.vol_indices.{name}"))}


def _realized(file: Path) -> RealizedFile:
    raw = read_raw(file)
    has_name = {name: _column(raw, name) for name in RealizedColumns.model_fields}
    for name in ("date", "rv"):
        if not has_name[name]:
            raise _unnamed(raw, name, "realized")
    if not (has_name["rs_plus"] and has_name["rs_minus"]):
        has_name["rs_plus"] = has_name["rs_minus"] = None
    return RealizedFile(file=file.resolve(), columns=RealizedColumns.model_validate(has_name))


def _unit(texts: Text) -> Literal["points", "decimal"]:
    values = pd.to_numeric(pd.Series(texts, dtype="str"), errors="coerce").dropna()
    return "points" if not len(values) or float(np.median(values)) > POINTS_FROM else "decimal"


def _column(raw: RawTable, name: str) -> str | None:
    lower = [each.lower() for each in raw.header]
    return next((raw.header[lower.index(usual)] for usual in NAMES[name] if usual in lower), None)


def _unnamed(raw: RawTable, name: str, table: str) -> DataError:
    return DataError(
        f"{raw.file}: no column looks like the {name.replace('_', ' ')} (the columns are "
        f"{', '.join(raw.header)}): give the file a header, or write data.{table}.columns.{name} by hand"
    )


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


def _text(path: Path, data: FilesData, windows: Mapping[str, date]) -> str:
    folder = path.resolve().parent
    further = _indices(folder, data.vol_indices.given) + _measures(folder, data.realized)
    bars, vol = data.bars, data.implied_vol
    found = {name: column for name, column in bars.columns if column is not None}
    absent = [name for name, column in bars.columns if column is None]
    lacking = f"   # not found: {', '.join(absent)}" if absent else ""
    regimes = (
        'features = ["log_parkinson_1d"]   # the range of the day; needs high and low'
        if {"high", "low"} <= found.keys()
        else 'features = ["return_1d"]           # of closes: the file has no high and low'
    )
    return f"""\
# A desk on your own data. Every key that is not here has the default of the desk spx-daily, see
# docs/desk-file.md; an unknown key is an error. Run it with: hedge run {path.name}
name = {_quoted(_name(path))}
description = {_quoted(f"Hedges a short 21-session at-the-money call on {bars.file.stem}")}

[hedge]
instrument = "spot"      # spot, or future where one trades

[market]                 # what the data does not carry: check these three
rate = 0.01              # interest, continuously compounded
dividend_yield = 0.02    # 0 if the prices are adjusted for dividends
atm_ratio = 0.85         # at-the-money implied volatility over the volatility index

[costs]                  # one way: fee + half-spread × realised illiquidity (1 in a median training session)
fee_bps = 0.2
half_spread_bps = 0.8

[data]
source = "files"
calendar = {_quoted(data.calendar)}        # the exchange's sessions, a name of the package exchange_calendars
quarantine_limit = {data.quarantine_limit:g}  # largest share of rows that may fail a check
jump_limit = {data.jump_limit:g}        # largest believed |ln(price / price before)|

[data.bars]
file = {_quoted(_from(folder, bars.file))}   # as seen from this file
price_scale = 1.0        # prices in the file times this
date_format = "auto"     # or strptime formats, ["%d/%m/%Y", "%Y-%m-%d"]
# time_zone = "America/New_York"  # of times of day without an offset

[data.bars.columns]{lacking}
{_lines(found)}

[data.implied_vol]
file = {_quoted(_from(folder, vol.file))}
unit = {_quoted(vol.unit)}          # points (16 is 16 % a year) or decimal (0.16 is)
tenor_days = {vol.tenor_days}

[data.implied_vol.columns]
{_lines(dict(vol.columns))}

{further}[windows]                # from the span of the data
learn_start = {windows["learn_start"]}    # regimes and volatility learn from here
signals_start = {windows["signals_start"]}  # first out-of-sample signals; policies train from here
test_start = {windows["test_start"]}
test_end = {windows["test_end"]}

[regimes]
states = 3
{regimes}

[regimes.map]            # the policy regime_map: a hedge for each regime, written down in advance
calm = {{ policy = "whalley_wilmott", every = 2 }}
normal = {{ policy = "whalley_wilmott", every = 1 }}
turbulent = {{ policy = "delta_implied", every = 1 }}
"""


def _indices(folder: Path, given: Mapping[str, SkewFile]) -> str:
    """Return the tables of the further indices."""
    return "".join(f"{_index_table(folder, name, each)}\n\n" for name, each in given.items())


def _measures(folder: Path, realized: RealizedFile | None) -> str:
    """Return the table of the realised measures."""
    if realized is None:
        return ""
    named = {name: column for name, column in realized.columns if column is not None}
    return f"""\
[data.realized]   # SHAR, HARQ and log-SHARQ are fitted where their measures are there
file = {_quoted(_from(folder, realized.file))}
scale = {realized.scale:g}    # variances in the file times this are daily variances as decimals
columns = {{ {", ".join(_lines(named).splitlines())} }}

"""


def _index_table(folder: Path, name: str, index: SkewFile) -> str:
    settings = index.model_dump(include={"unit", "tenor_days"})
    lines = (f"{key} = {_quoted(each) if isinstance(each, str) else each}" for key, each in settings.items())
    head = f"[data.vol_indices.{name}]   # {WHAT_THEY_ARE[name]}"
    columns = ", ".join(_lines(dict(index.columns)).splitlines())
    file = _quoted(_from(folder, index.file))
    return "\n".join((head, f"file = {file}", f"columns = {{ {columns} }}", *lines))


def _name(path: Path) -> str:
    kept = "".join(
        each if each.isascii() and (each.isalnum() or each in "_.-") else "-" for each in path.stem
    )
    return kept.lstrip("_.-") or "own-data"


def _from(folder: Path, file: Path) -> str:
    return file.relative_to(folder).as_posix() if file.is_relative_to(folder) else file.as_posix()


def _lines(columns: Mapping[str, str]) -> str:
    return "\n".join(f"{name} = {_quoted(column)}" for name, column in columns.items())


def _quoted(text: str) -> str:
    """Return the text as a TOML string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(each if each.isprintable() else f"\\u{ord(each):04X}" for each in escaped) + '"'
