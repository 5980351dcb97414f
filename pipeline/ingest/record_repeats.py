"""Records that have been: in another file of their kind, as of exports that overlap, or by a fill's id."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.alternative_settings import SERIES, table_of
from pipeline.domain.errors import DataError
from pipeline.ingest.same_stretch import ISSUED_AGAIN, overlap

REPEATED: Final = "duplicate: another file of its kind holds it"
REPEATED_HEADLINE: Final = "duplicate: a headline of its time and text has been"
REPEATED_FILL: Final = "duplicate: its fill_id has been"
COPIES: Final = (REPEATED, REPEATED_HEADLINE)
"""Reasons of rows that are no faults."""
_NOT_COMPARED: Final = ("known_time", "source_row", "file")
"""Columns that are of the file and of how it is read, not of what happened."""
_FURTHER: Final = ("venue", "order_id", "fill_id", "mid")
"""Columns of a fill that an export may leave out."""
_IDENTITY: Final = ["venue", "instrument", "side", "fill_id"]
"""Of a fill with an id; a venue counts instruments apart, and a trade with oneself has two sides."""

ONE: Final = {
    "positions": (["instrument", "event_time"], ["quantity"]),
    "limits": (["name", "instrument", "event_time"], ["value"]),
    "fills": (["venue", "instrument", "fill_id"], ["price", "size"]),
    SERIES: (["series", "event_time", "known_time", "pseudo_vintage"], ["value"]),
}
"""By kind the columns that say which one is meant, and what there is one of."""
_VINTAGE: Final = ("known_time", "pseudo_vintage")


def contradiction(kind: str, rows: pd.DataFrame) -> str:
    """Return which two rows say otherwise of one position, limit, fill by its id, or value; "" for none.

    A series may be told otherwise by another vintage, which is known at another time.

    Examples
    --------
    >>> rows = pd.DataFrame({"instrument": "BTC", "event_time": pd.to_datetime(["2024-01-01"] * 2, utc=True),
    ...                      "quantity": [5.0, 7.0], "file": "a.csv", "source_row": [2, 3]})
    >>> contradiction("positions", rows)
    'BTC 2024-01-01 00:00:00+00:00 has quantity 5 in row 2 of a.csv and 7 in row 3 of a.csv'
    """
    if table_of(kind) not in ONE:
        return ""
    names, values = ONE[table_of(kind)]
    told = rows[rows["fill_id"] != ""] if kind == "fills" else rows
    if told.empty:
        return ""
    alike = np.isclose(told[values], told.groupby(names)[values].transform("first"), rtol=1e-9, atol=0.0)
    if alike.all():
        return ""
    place = int(np.argmin(alike.all(axis=1)))
    other, value = told.iloc[place], values[int(np.argmin(alike[place]))]
    first = told[(told[names] == other[names]).all(axis=1)].iloc[0]
    called = " ".join(str(other[name]) for name in names if other[name] and name not in _VINTAGE)
    where = (f"{each[value]:.12g} in row {each['source_row']} of {each['file']}" for each in (first, other))
    return f"{called} has {value} {' and '.join(where)}"


def repeats(parts: Sequence[pd.DataFrame]) -> list[NDArray[np.object_]]:
    """Return of each file's records [rows] why one is a repeat; "" for those that are none.

    A record that an earlier file holds in all columns is one, as often as that file holds it: two equal
    records of one file may both be real (two fills of one order), and stay two. A fill whose `fill_id`
    has been is one wherever it stands. Fills of two files of which one has a further column (a venue, an id)
    are repeats where both tell the same stretch in the columns that every file has, see `same_stretch`.
    A headline is one where its time and text have been, in its own file too.

    Parameters
    ----------
    parts : the records of each file; of fills with its name, `file`.

    Raises
    ------
    DataError
        Two files of fills with different columns tell most of a stretch alike and some not.

    Examples
    --------
    >>> january, year = (pd.DataFrame({"quantity": held}) for held in ([5.0, 5.0], [5.0, 5.0, 5.0, 7.0]))
    >>> [(reasons == "").tolist() for reasons in repeats([january, year])]
    [[True, True], [False, False, True, True]]
    """
    lengths = [len(part) for part in parts]
    rows = pd.concat(parts, ignore_index=True)
    reasons = np.full(len(rows), "", dtype=object)
    if len(parts) > 1:
        reasons[_held_before(rows, np.repeat(np.arange(len(parts)), lengths))] = REPEATED
    if "fill_id" in rows:
        reasons[_exported_again(parts) & (reasons == "")] = REPEATED
        again = (rows["fill_id"] != "") & rows[_IDENTITY].duplicated()
        reasons[again & (reasons == "")] = REPEATED_FILL
    if {"text", "source"} <= set(rows):
        reasons[rows[["event_time", "text"]].duplicated() & (reasons == "")] = REPEATED_HEADLINE
    return np.split(reasons, np.cumsum(lengths)[:-1])


def _held_before(rows: pd.DataFrame, file: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return [rows] whether an earlier file has the record as often as its own has had it by then."""
    compared = rows[[name for name in rows if name not in _NOT_COMPARED]]
    counted = compared.assign(file=file).groupby([*compared, "file"], dropna=False, sort=False).cumcount()
    return compared.assign(count=counted).duplicated().to_numpy()


def _exported_again(parts: Sequence[pd.DataFrame]) -> NDArray[np.bool_]:
    """Return [rows] of fills whether an earlier file with other columns has them, stretch by stretch."""
    again = [np.zeros(len(part), dtype=np.bool_) for part in parts]
    further = [tuple(_is_told(part[name]) for name in _FURTHER) for part in parts]
    for one, other in combinations(range(len(parts)), 2):
        if further[one] == further[other]:
            continue
        found = overlap(parts[one], parts[other], "fills")
        if found.differs and found.alike >= ISSUED_AGAIN:
            names = " and ".join(str(parts[place]["file"].iloc[0]) for place in (one, other))
            raise DataError(
                f"{names}: tell most fills of one stretch alike and some not, with other columns each; both "
                "would count them twice: name one of the two"
            )
        again[other] |= found.again
    return np.concatenate(again)


def _is_told(column: "pd.Series[Any]") -> bool:
    """Tell whether any row of an optional column has a value."""
    return bool((column.notna() & (column != "")).any())
