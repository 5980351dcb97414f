"""Records that have been: in another file of their kind, as of exports that overlap, or by a fill's id."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.alternative_settings import SERIES, table_of
from pipeline.domain.errors import DataError
from pipeline.ingest.equal_rows import matched, numbered
from pipeline.ingest.told_twice import told_twice

REPEATED: Final = "duplicate: another file of its kind holds it"
REPEATED_HEADLINE: Final = "duplicate: a headline of its time and text has been"
REPEATED_FILL: Final = "duplicate: its fill_id has been"
COPIES: Final = (REPEATED, REPEATED_HEADLINE)
"""Reasons of rows that are no faults."""
_NOT_COMPARED: Final = ("known_time", "source_row", "file", "source")
"""Columns that are of the file, of how it is read and of who tells it, not of what happened."""
_FURTHER: Final = ("venue", "order_id", "fill_id", "mid", "price")
"""Columns that an export may leave out: they are compared where both files tell them."""
_IDENTITY: Final = ["venue", "instrument", "side", "fill_id"]
"""Of a fill with an id; a venue counts instruments apart, and a trade with oneself has two sides."""
_UNITS: Final = (10**9, 10**6, 10**3)
"""Nanoseconds of the units in which files tell times; two files are compared in the coarser one."""
_COARSEST: Final = pd.Timedelta(_UNITS[0], "ns")
_DIGITS: Final = 1e-7
"""Numbers agree that are one in single precision, in which a file may tell them."""

Span = tuple[pd.Timestamp, pd.Timestamp]
"""The first and the last time of a file."""
ONE: Final = {
    "positions": (["instrument", "event_time"], ["quantity", "price"]),
    "limits": (["name", "instrument", "event_time"], ["value", "unit"]),
    "fills": (["venue", "instrument", "fill_id"], ["price", "size", "fee"]),
    SERIES: (["series", "event_time", "known_time", "pseudo_vintage"], ["value"]),
}
"""By kind the columns that say which one is meant, and what there is one of where it is told."""
_VINTAGE: Final = ("known_time", "pseudo_vintage")


def contradiction(kind: str, rows: pd.DataFrame) -> str:
    """Return which two rows say otherwise of one position, limit, fill by its id, or value; "" for none.

    A series may be told otherwise by another vintage, which is known at another time.

    Examples
    --------
    >>> rows = pd.DataFrame({"instrument": "BTC", "event_time": pd.to_datetime(["2024-01-01"] * 2, utc=True),
    ...                      "quantity": [5.0, 7.0], "price": 1.0, "file": "a.csv", "source_row": [2, 3]})
    >>> contradiction("positions", rows)
    'BTC 2024-01-01 00:00:00+00:00 has quantity 5 in row 2 of a.csv and 7 in row 3 of a.csv'
    """
    if table_of(kind) not in ONE:
        return ""
    names, values = ONE[table_of(kind)]
    meant = _identified(rows) if kind == "fills" else rows
    for value in values:
        told = meant[meant[value].notna()]
        differs = ~_agree(told[value], told.groupby(names)[value].transform("first"))
        if differs.any():
            other = told[differs].iloc[0]
            first = told[(told[names] == other[names]).all(axis=1)].iloc[0]
            called = " ".join(str(other[name]) for name in names if other[name] and name not in _VINTAGE)
            rows_of = [
                f"{_said(each[value])} in row {each['source_row']} of {each['file']}"
                for each in (first, other)
            ]
            return f"{called} has {value} {' and '.join(rows_of)}"
    return ""


def _agree(one: "pd.Series[Any]", other: "pd.Series[Any]") -> NDArray[np.bool_]:
    """Return [rows] whether two columns of numbers, or of texts, say the same."""
    if pd.api.types.is_numeric_dtype(one):
        return np.isclose(one, other, rtol=_DIGITS, atol=0.0)
    return (one == other).to_numpy(dtype=np.bool_)


def _said(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.12g}"


def repeats(kind: str, parts: Sequence[pd.DataFrame]) -> list[NDArray[np.object_]]:
    """Return of each file's records [rows] why one is a repeat; "" for those that are none.

    A record that an earlier file holds, equal in all that both files tell, is one, as often as that file
    holds it: two equal records of one file may both be real (two fills of one order), and stay two. So
    is a fill whose `fill_id` has been at its venue, where an empty venue is any, and a headline whose time
    and text have been, in their own file too.

    Parameters
    ----------
    kind : of the records.
    parts : the records of each file, with its name, `file`.

    Raises
    ------
    DataError
        What is left of two files is one list, told twice: see `told_twice`.

    Examples
    --------
    >>> def held(*quantities):
    ...     at = pd.Timestamp("2024-01-01", tz="UTC")
    ...     rows = {"event_time": at, "known_time": at, "instrument": "BTC", "price": np.nan, "file": "a.csv"}
    ...     return pd.DataFrame({"quantity": quantities, **rows})
    >>> [(each == "").tolist() for each in repeats("positions", [held(5.0, 5.0), held(5.0, 5.0, 5.0, 7.0)])]
    [[True, True], [False, False, True, True]]
    """
    again = [np.zeros(len(part), dtype=np.bool_) for part in parts]
    spans = [(part["event_time"].min(), part["event_time"].max()) for part in parts]
    for one, place in combinations(range(len(parts)), 2):
        if _apart(spans[one], spans[place]):
            continue
        first, second = parts[one], parts[place]
        columns, unit = _compared(first, second), max(_unit(first), _unit(second))
        files = (_comparable(first, unit), _comparable(second, unit))
        has = matched(*numbered(*files, columns))
        again[place] |= has[1]
        if fault := told_twice(kind, files, has, columns):
            raise DataError(f"{first['file'].iloc[0]} and {second['file'].iloc[0]}: {fault}")
    rows = pd.concat(parts, ignore_index=True)
    reasons = np.where(np.concatenate(again), REPEATED, "").astype(object)
    lengths = [len(part) for part in parts]
    if kind == "fills":
        known = _identified(rows.assign(file=np.repeat(np.arange(len(parts)), lengths)))
        for names, reason in (([*_IDENTITY, "file"], REPEATED_FILL), (_IDENTITY, REPEATED)):
            found = known.index[known.duplicated(names)]
            reasons[found] = np.where(reasons[found] == "", reason, reasons[found])
    if kind == "headlines":
        reasons[rows[["event_time", "text"]].duplicated() & (reasons == "")] = REPEATED_HEADLINE
    return np.split(reasons, np.cumsum(lengths)[:-1])


def _apart(first: Span, second: Span) -> bool:
    """Tell whether one file ends before the other begins, in the coarsest unit of times."""
    (begin, end), (start, stop) = first, second
    return bool(max(begin, start) - min(end, stop) > _COARSEST)


def _compared(first: pd.DataFrame, second: pd.DataFrame) -> list[str]:
    """Return the columns that two files are compared in."""
    both = [str(name) for name in first if name not in _NOT_COMPARED]
    return [
        name for name in both if name not in _FURTHER or (_is_told(first[name]) and _is_told(second[name]))
    ]


def _is_told(column: "pd.Series[Any]") -> bool:
    """Tell whether any row of an optional column has a value."""
    return bool((column.notna() & (column != "")).any())


def _unit(rows: pd.DataFrame) -> int:
    """Return in how many nanoseconds a file tells its times: those of which all are whole counts."""
    times = pd.DatetimeIndex(rows["event_time"]).as_unit("ns").asi8
    return next((unit for unit in _UNITS if not (times % unit).any()), 1)


def _comparable(rows: pd.DataFrame, unit: int) -> pd.DataFrame:
    """Return the records with times in a unit, numbers in single precision and venues in small letters."""
    told = {"event_time": rows["event_time"].dt.floor(f"{unit}ns")}
    if "venue" in rows:
        told["venue"] = rows["venue"].str.lower()
    with np.errstate(over="ignore"):
        return rows.assign(**told).astype(dict.fromkeys(rows.select_dtypes("float64"), np.float32))


def _identified(fills: pd.DataFrame) -> pd.DataFrame:
    """Return the fills with an id; those that tell no venue have that of another of their id."""
    known = fills[fills["fill_id"] != ""]
    venue = known["venue"].str.lower()
    told = venue.groupby([known["instrument"], known["fill_id"]]).transform("max")
    return known.assign(venue=venue.where(venue != "", told))
