"""What a file's columns are: by their usual names, or by their places where the file has no header."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.domain.errors import DataError
from pipeline.domain.naming import hint
from pipeline.ingest.raw_table import RawTable, read_raw
from pipeline.ingest.session_dates import is_date

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
    "price_factor": ("price_factor", "pricefactor", "dividend_factor"),
    "split_factor": ("split_factor", "splitfactor"),
    "reference_price": ("reference_price", "referenceprice"),
}
"""What columns are usually called, in lower case, the most telling name first."""

Places = tuple[tuple[str, ...], ...]
SERIES: Final[Places] = (
    ("date", "close"),
    ("date", "open", "high", "low", "close"),
    ("date", "open", "high", "low", "close", "volume"),
)
"""What the columns of bars and indices are where no header says so, by their number."""
FACTORS: Final[Places] = (
    ("date", "price_factor", "split_factor"),
    ("date", "price_factor", "split_factor", "reference_price"),
)


@dataclass(frozen=True)
class NamedColumns:
    """A file whose columns have been looked at.

    Attributes
    ----------
    raw : its rows.
    header : whether its first line names the columns.
    columns : what each column is called in the desk file, by its name in lower case.
    given : what the user calls the columns, by the desk's name; empty where none is to be read.
    """

    raw: RawTable
    header: bool
    columns: Mapping[str, str]
    given: Mapping[str, str]

    def named(self, names: Sequence[str]) -> dict[str, str | None]:
        """Return the column of each of the desk's names, None where there is none.

        Raises
        ------
        DataError
            The user gives a name that the desk does not have.
        """
        for name in self.given:
            if name not in names:
                raise DataError(f"{self.raw.file}: a desk reads no column {name} of it; {hint(name, names)}")
        found = {
            name: next((self.columns[usual] for usual in NAMES[name] if usual in self.columns), None)
            for name in names
        }
        return found | {name: column or None for name, column in self.given.items()}

    def needed(self, found: Mapping[str, str | None], names: Sequence[str], table: str) -> None:
        """Raise where one of `names` is not found.

        Raises
        ------
        DataError
            The message lists the columns and names the key of `table` to write by hand.
        """
        for name in names:
            if found[name] is None:
                raise DataError(
                    f"{self.raw.file}: no column looks like the {name.replace('_', ' ')} (the columns are "
                    f"{', '.join(self.raw.header)}): give the file a header, or name it in "
                    f"data.{table}.columns.{name}"
                )


def look_at(file: Path, places: Places = (), given: Mapping[str, str] | None = None) -> NamedColumns:
    """Read a file and find out what its columns are called.

    A first line that holds a date is a row: such a file has no header, and its columns are known by their
    number and order.

    Parameters
    ----------
    file : CSV or Parquet.
    places : the columns' names by place, one tuple for each number of columns that may come without a header.
    given : what the user calls the columns, by the desk's name; by places in a file without a header.

    Raises
    ------
    DataError
        The file cannot be read, or has no header, another number of columns, and none is `given`.
    """
    raw = read_raw(file)
    if not any(map(is_date, raw.header)):
        return NamedColumns(raw, True, {name.lower(): name for name in reversed(raw.header)}, given or {})
    raw = read_raw(file, header=False)
    names = next((each for each in places if len(each) == len(raw.header)), None)
    if names is None and not given:
        known = "; ".join(", ".join(each) for each in places) or "no file of this kind"
        raise DataError(
            f"{raw.file}: its first line holds a date and is no header, and it has {len(raw.header)} "
            f"columns: give it a header (without one are read: {known})"
        )
    return NamedColumns(raw, False, dict(zip(names or (), raw.header, strict=names is not None)), given or {})
