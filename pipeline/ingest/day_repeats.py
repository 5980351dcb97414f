"""Rows of a day that two of its files hold, as copies and overlapping downloads do: one file's are held."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.ingest.pieces import Shelf

REPEATED: Final = "duplicate: another file of its day holds it"
IDENTITY: Final = {
    "trades": ("venue", "trade_id"),
    "option_quotes": ("event_time", "underlying", "root", "expiry", "right", "strike"),
}
"""Columns that no two rows of a day share.

A trade without an id, 0, may be equal to another in earnest: such rows are held where all of two files agree.
"""


def repeated(parts: Sequence[pd.DataFrame], table: str) -> list[NDArray[np.bool_]]:
    """Return of each file's rows of a day [rows] whether a file before it has them.

    Examples
    --------
    >>> parts = [pd.DataFrame({"venue": "v", "trade_id": ids}) for ids in ([0, 1, 2], [0, 2, 3])]
    >>> [each.tolist() for each in repeated(parts, "trades")]
    [[False, False, False], [False, True, False]]
    """
    lengths = [len(part) for part in parts]
    if len(parts) < 2 or table not in IDENTITY:
        return [np.zeros(length, dtype=np.bool_) for length in lengths]
    columns = list(IDENTITY[table])
    keys = pd.concat([part[columns] for part in parts], ignore_index=True)
    row = keys.groupby(columns, sort=False, dropna=False).ngroup().to_numpy()
    file = np.repeat(np.arange(len(parts)), lengths)
    first = np.full(len(keys), len(parts))
    np.minimum.at(first, row, file)
    found = file > first[row]
    if table == "trades":
        found &= keys["trade_id"].to_numpy() > 0
    own = np.split(found, np.cumsum(lengths)[:-1])
    return [
        again | any(part.equals(before) for before in parts[:place])
        for place, (part, again) in enumerate(zip(parts, own, strict=True))
    ]


def joined(parts: Sequence[pd.DataFrame], table: str) -> pd.DataFrame:
    """Return the rows of a day's files, each once, in the order of the files."""
    if len(parts) == 1:
        return parts[0]
    kept = [part[~again] for part, again in zip(parts, repeated(parts, table), strict=True)]
    return pd.concat(kept, ignore_index=True)


def repeats(files: pd.DataFrame, shelf: Shelf) -> list[list[int]]:
    """Return of each row of `files` the lines that `joined` leaves out.

    Parameters
    ----------
    files : one row a day, table and file: `day`, `stored` (the table's name on the shelf, without the day),
        `table` (its canonical name) and `key` of the piece that holds it.
    """
    found: list[list[int]] = [[] for _ in range(len(files))]
    placed = files.reset_index(drop=True)
    several = placed[placed["table"].isin(list(IDENTITY))].groupby(["day", "stored"], sort=False)
    for (day, stored), group in several:
        if len(group) < 2:
            continue
        parts = [shelf.open(key)[f"{stored}/{day}"] for key in group["key"]]
        again = repeated(parts, str(group["table"].iloc[0]))
        for place, part, rows in zip(group.index.to_list(), parts, again, strict=True):
            found[place] = part["source_row"].to_numpy()[rows].tolist()
    return found
