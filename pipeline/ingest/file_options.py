"""What the command line says of own files, and its words for settings of a desk file."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pipeline.domain.errors import SettingsError
from pipeline.domain.naming import hint

TABLES: Final[Mapping[str, str]] = {
    "bars": "bars",
    "vol": "implied_vol",
    "vix9d": "vol_indices.vix9d",
    "vix3m": "vol_indices.vix3m",
    "vvix": "vol_indices.vvix",
    "skew": "vol_indices.skew",
    "realized": "realized",
    "factors": "factors",
}
"""Table below `[data]` of each file, by the option that names the file."""
_OPTION: Final = {table: option for option, table in TABLES.items()}
_COLUMNS: Final = r"data\.((?:vol_indices\.)?\w+)\.columns\.(\w+)"
_UNIT: Final = r"read with data\.((?:vol_indices\.)?\w+)\.unit '(\w+)': try '\w+', or another column"
_LEFT_OUT: Final = r"leave out columns\.(\w+)"
_NUMBERS: Final = r"data\.(calendar|quarantine_limit|jump_limit|vol_jump_limit)\b"
_SEEN_FROM: Final = "; paths in a desk file are seen from its own folder"


@dataclass(frozen=True)
class FileOptions:
    """How the files of a new desk are read, where the command line says so.

    Attributes
    ----------
    calendar : name of the exchange; None looks which one fits.
    limits : `quarantine_limit`, `jump_limit` and `vol_jump_limit`, such as are given.
    realized_scale : variances of the file of realised measures times this are daily variances as decimals.
    columns : by file and name of the desk file what the column is called; empty where none is to be read.
    date_formats, time_zones : by file.
    """

    calendar: str | None = None
    limits: Mapping[str, Any] = field(default_factory=dict)
    realized_scale: float = 1.0
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    date_formats: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    time_zones: Mapping[str, str] = field(default_factory=dict)

    def columns_of(self, file: str) -> dict[str, str]:
        """Return what was said of the columns of a file."""
        return dict(self.columns.get(file, {}))

    def time_of(self, file: str) -> dict[str, Any]:
        """Return what was said of the time of a file's rows, as settings."""
        said: dict[str, Any] = {}
        if file in self.date_formats:
            said["date_format"] = self.date_formats[file]
        if file in self.time_zones:
            said["time_zone"] = self.time_zones[file]
        return said


def each_file(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the values of an option that is written VALUE, for all files, or FILE=VALUE, for one.

    Raises
    ------
    SettingsError
        A text names no file.

    Examples
    --------
    >>> each_file(["%d/%m/%Y", "vol=%d.%m.%y"])["bars"], each_file(["vol=%d.%m.%y"])
    (('%d/%m/%Y',), {'vol': ('%d.%m.%y',)})
    """
    everywhere: list[str] = []
    own: dict[str, list[str]] = {}
    for text in texts:
        file, equals, value = text.partition("=")
        if equals and file in TABLES:
            own.setdefault(file, []).append(value)
        elif equals and file.isidentifier():
            raise SettingsError(f"{text}: no such file as {file}; {hint(file, TABLES)}")
        else:
            everywhere.append(text)
    found = dict.fromkeys(TABLES, everywhere) | own if everywhere else own
    return {file: tuple(values) for file, values in found.items()}


def named_columns(texts: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the columns of an option that is written NAME=COLUMN for the bars, FILE.NAME=COLUMN for others.

    Raises
    ------
    SettingsError
        A text has no `=`, or names no file.

    Examples
    --------
    >>> named_columns(["close=Schluss", "vol.date=Datum", "volume="])
    {'bars': {'close': 'Schluss', 'volume': ''}, 'vol': {'date': 'Datum'}}
    """
    found: dict[str, dict[str, str]] = {}
    for text in texts:
        place, equals, column = text.partition("=")
        file, dot, name = place.rpartition(".")
        if not equals:
            raise SettingsError(f"--column {text}: write NAME=COLUMN, or FILE.NAME=COLUMN")
        if dot and file not in TABLES:
            raise SettingsError(f"--column {text}: no such file as {file}; {hint(file, TABLES)}")
        found.setdefault(file or "bars", {})[name] = column
    return found


def as_options(message: str) -> str:
    """Return a message about settings of a desk file in the words of the command line.

    Examples
    --------
    >>> as_options("no column px: name it in data.implied_vol.columns.implied_vol, or raise data.jump_limit")
    'no column px: name it in --column vol.implied_vol=COLUMN, or raise --jump-limit'
    >>> as_options("write four digits, or give date_format with %y")
    'write four digits, or give --date-format with %y'
    """
    message = message.replace(_SEEN_FROM, "")
    message = re.sub(_UNIT, lambda m: f"read as {m[2]}: name another column with {_column(m[1])}", message)
    message = re.sub(_COLUMNS, lambda m: _column(m[1], m[2]), message)
    message = re.sub(_LEFT_OUT, r"leave it out with --column realized.\1=", message)
    message = re.sub(_NUMBERS, lambda m: f"--{m[1].replace('_', '-')}", message)
    message = message.replace("data.realized.scale", "--realized-scale")
    return re.sub(r"(?<![\w-])(date|time)_(format|zone)\b", r"--\1-\2", message)


def _column(table: str, name: str = "") -> str:
    file = _OPTION.get(table, table)
    name = name or ("implied_vol" if file == "vol" else "value")
    return f"--column {name}=COLUMN" if file == "bars" else f"--column {file}.{name}=COLUMN"
