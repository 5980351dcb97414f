"""Records that have been: in another file of their kind, as of exports that overlap, or by a fill's id."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

REPEATED: Final = "duplicate: another file of its kind holds it"
REPEATED_FILL: Final = "duplicate: its fill_id has been"
_NOT_COMPARED: Final = ("known_time", "source_row")
"""Columns that are of the file and of how it is read, not of what happened."""
_IDENTITY: Final = ["venue", "instrument", "side", "fill_id"]
"""Of a fill with an id; a venue counts instruments apart, and a trade with oneself has two sides."""

ONE: Final = {"positions": ("instrument", "quantity"), "limits": ("name and instrument", "value")}
"""What is in force from a time on until the next, by kind: of what, and the figure of which there is one."""


def contradiction(kind: str, rows: pd.DataFrame) -> str:
    """Return which two rows of a kind that is in force from a time on say otherwise of one; "" for none.

    Examples
    --------
    >>> rows = pd.DataFrame({"instrument": "BTC", "event_time": pd.to_datetime(["2024-01-01"] * 2, utc=True),
    ...                      "quantity": [5.0, 7.0], "source_row": [2, 3]})
    >>> contradiction("positions", rows)
    'BTC has quantity 5 in row 2 and 7 in row 3 at 2024-01-01 00:00:00 UTC'
    """
    if kind not in ONE:
        return ""
    whose, value = ONE[kind]
    names = [*whose.split(" and "), "event_time"]
    told = rows.drop_duplicates([*names, value])
    again = told[told.duplicated(names, keep=False)]
    if again.empty:
        return ""
    first = again.iloc[0]
    other = again[(again[names] == first[names]).all(axis=1)].iloc[1]
    called = " of ".join(str(first[name]) for name in names[:-1] if first[name])
    return (
        f"{called} has {value} {first[value]:g} in row {first['source_row']} and {other[value]:g} in row "
        f"{other['source_row']} at {first['event_time']:%Y-%m-%d %H:%M:%S} UTC"
    )


def repeats(parts: Sequence[pd.DataFrame]) -> list[NDArray[np.object_]]:
    """Return of each file's records [rows] why one is a repeat; "" for those that are none.

    A record that an earlier file holds in all columns is one, as often as that file holds it: two equal
    records of one file may both be real (two fills of one order), and stay two. A fill whose `fill_id`
    has been is one wherever it stands.

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
        again = (rows["fill_id"] != "") & rows[_IDENTITY].duplicated()
        reasons[again & (reasons == "")] = REPEATED_FILL
    return np.split(reasons, np.cumsum(lengths)[:-1])


def _held_before(rows: pd.DataFrame, file: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return [rows] whether an earlier file has the record as often as its own has had it by then."""
    compared = rows[[name for name in rows if name not in _NOT_COMPARED]]
    counted = compared.assign(file=file).groupby([*compared, "file"], dropna=False, sort=False).cumcount()
    return compared.assign(count=counted).duplicated().to_numpy()
