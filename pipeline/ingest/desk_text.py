"""The text of a commented desk file on a user's data."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

from pipeline.domain.data_settings import FilesData
from pipeline.domain.file_settings import (
    BarsFile,
    FactorsFile,
    ImpliedVolFile,
    RealizedFile,
    SkewFile,
    TimedFile,
)

TIME: Final = """\
date_format = "auto"     # or strptime formats, ["%d/%m/%Y", "%Y-%m-%d"]
# time_zone = "America/New_York"  # of times of day without an offset
"""
WHAT_THEY_ARE: Final[Mapping[str, str]] = {
    "vix9d": "options are marked between the indices by their time to expiry",
    "vix3m": "options are marked between the indices by their time to expiry",
    "vvix": "the volatility of the volatility index",
    "skew": "in points, 100 − 10 × the skewness that the options imply",
}


def desk_text(
    path: Path, data: FilesData, windows: Mapping[str, date], scale_seen: str, calendar_seen: str
) -> str:
    """Return the text of a desk file.

    Parameters
    ----------
    path : where it will stand; the files' paths are written as seen from there.
    data : its files.
    windows : dates of `[windows]`.
    scale_seen, calendar_seen : what the unit of the prices and the calendar were seen by.
    """
    folder = path.resolve().parent
    return (
        _desk(path, data)
        + _data(data, calendar_seen)
        + _bars(folder, data.bars, scale_seen)
        + _implied_vol(folder, data.implied_vol)
        + _factors(folder, data.factors)
        + _indices(folder, data.vol_indices.given)
        + _measures(folder, data.realized)
        + _windows(windows)
        + _regimes(data.bars)
    )


def _desk(path: Path, data: FilesData) -> str:
    """Return what the desk is, and what the data does not carry."""
    dividends = (
        "0       # data.factors reinvests them in the prices: a yield would count them twice"
        if data.reinvests
        else "0.02    # 0 if the prices are adjusted for dividends"
    )
    return f"""\
# A desk on your own data. Every key that is not here has the default of the desk spx-daily, see
# docs/desk-file.md; an unknown key is an error. Run it with: hedge run {path.name}
name = {_quoted(_name(path))}
description = {_quoted(f"Hedges a short 21-session at-the-money call on {data.bars.file.stem}")}

[hedge]
instrument = "spot"      # spot, or future where one trades

[market]                 # what the data does not carry: check these three
rate = 0.01              # interest, continuously compounded
dividend_yield = {dividends}
atm_ratio = 0.85         # at-the-money implied volatility over the volatility index

[costs]                  # one way: fee + half-spread × realised illiquidity (1 in a median training session)
fee_bps = 0.2
half_spread_bps = 0.8

"""


def _data(data: FilesData, calendar_seen: str) -> str:
    """Return the table of what all files have in common."""
    return f"""\
[data]
source = "files"
calendar = {_quoted(data.calendar)}        # {calendar_seen}
quarantine_limit = {data.quarantine_limit:g}  # largest share of rows that may fail a check
jump_limit = {data.jump_limit:g}        # largest believed |ln(price / price before)|
vol_jump_limit = {data.vol_jump_limit:g}       # the same of a volatility index

"""


def _bars(folder: Path, bars: BarsFile, scale_seen: str) -> str:
    """Return the table of the prices."""
    absent = [name for name, column in bars.columns if column is None]
    lacking = f"   # not found: {', '.join(absent)}" if absent else ""
    return f"""\
[data.bars]
file = {_quoted(_from(folder, bars.file))}   # as seen from this file
{_header(bars)}price_scale = {bars.price_scale:g}     # {scale_seen}
{_time(bars) or TIME}
[data.bars.columns]{lacking}
{_lines(_found(bars))}

"""


def _implied_vol(folder: Path, vol: ImpliedVolFile) -> str:
    """Return the table of the volatility index."""
    return f"""\
[data.implied_vol]
file = {_quoted(_from(folder, vol.file))}
{_header(vol)}{_time(vol)}unit = {_quoted(vol.unit)}     # points (16 is 16 % a year) or decimal (0.16 is)
tenor_days = {vol.tenor_days}

[data.implied_vol.columns]
{_lines(dict(vol.columns))}

"""


def _windows(windows: Mapping[str, date]) -> str:
    """Return the table of the dates."""
    return f"""\
[windows]                # from the span of the data
learn_start = {windows["learn_start"]}    # regimes and volatility learn from here
signals_start = {windows["signals_start"]}  # first out-of-sample signals; policies train from here
test_start = {windows["test_start"]}
test_end = {windows["test_end"]}

"""


def _regimes(bars: BarsFile) -> str:
    """Return the tables of the regimes."""
    regimes = (
        'features = ["log_parkinson_1d"]   # the range of the day; needs high and low'
        if {"high", "low"} <= _found(bars).keys()
        else 'features = ["return_1d"]           # of closes: the file has no high and low'
    )
    return f"""\
[regimes]
states = 3
{regimes}

[regimes.map]            # the policy regime_map: a hedge for each regime, written down in advance
calm = {{ policy = "whalley_wilmott", every = 2 }}
normal = {{ policy = "whalley_wilmott", every = 1 }}
turbulent = {{ policy = "delta_implied", every = 1 }}
"""


def _found(file: BarsFile | FactorsFile | RealizedFile) -> dict[str, str]:
    """Return the columns that a file has, by what they are."""
    return {name: column for name, column in file.columns if column is not None}


def _header(file: TimedFile) -> str:
    """Return the key of a file without a header, nothing for one that has it."""
    return "" if file.header else "header = false           # columns are named by their place\n"


def _time(file: TimedFile) -> str:
    """Return the keys that say how a file's time is read, nothing where none is given."""
    formats = [_quoted(each) for each in file.date_formats]
    said = [f"date_format = [{', '.join(formats)}]"] if formats else []
    said += [] if file.time_zone is None else [f"time_zone = {_quoted(file.time_zone)}"]
    return "".join(f"{line}\n" for line in said)


def _factors(folder: Path, factors: FactorsFile | None) -> str:
    """Return the table of the factor file."""
    if factors is None:
        return ""
    return f"""\
[data.factors]   # of dividends and splits: a row holds up to its date; prices start as quoted
file = {_quoted(_from(folder, factors.file))}
{_header(factors)}{_time(factors)}columns = {{ {", ".join(_lines(_found(factors)).splitlines())} }}

"""


def _indices(folder: Path, given: Mapping[str, SkewFile]) -> str:
    """Return the tables of the further indices."""
    return "".join(f"{_index_table(folder, name, each)}\n\n" for name, each in given.items())


def _measures(folder: Path, realized: RealizedFile | None) -> str:
    """Return the table of the realised measures."""
    if realized is None:
        return ""
    return f"""\
[data.realized]   # the levels of the variance forecasts; SHAR, HARQ and log-SHARQ
file = {_quoted(_from(folder, realized.file))}
{_header(realized)}{_time(realized)}scale = {realized.scale:g}    # its variances times this are daily ones
columns = {{ {", ".join(_lines(_found(realized)).splitlines())} }}

"""


def _index_table(folder: Path, name: str, index: SkewFile) -> str:
    settings = index.model_dump(include={"unit", "tenor_days"})
    lines = [f"{key} = {_quoted(each) if isinstance(each, str) else each}" for key, each in settings.items()]
    lines += (_header(index) + _time(index)).splitlines()
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
