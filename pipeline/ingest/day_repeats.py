"""Rows of a day that two of its files hold, as copies and overlapping downloads do: one file's are held."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.ingest.held_rows import SHOWN
from pipeline.ingest.market_tables import AGGREGATE
from pipeline.ingest.pieces import Shelf
from pipeline.ingest.same_stretch import AGREE, ISSUED_AGAIN, overlap
from pipeline.ingest.two_recorders import COMPARED, ONE_STREAM, shared_runs

REPEATED: Final = "duplicate: another file of its day holds it"
IDENTITY: Final = {
    "trades": ("venue", "trade_id"),
    "option_quotes": ("event_time", "underlying", "root", "expiry", "right", "strike"),
    "funding": ("venue", "event_time"),
    "alternative": ("series", "event_time"),
}
"""Columns that no two rows of a day share; trades only where they have an id, which is not 0.

Rows of other tables, and trades without an id, may be equal in earnest: they are held where two files tell
the same stretch of one stream, see `same_stretch`.
"""
ONE_BOOK: Final = ("book", "book_events")
"""Tables of which a market has one: two files that tell of one time and differ are of two books."""
TOLD: Final = {
    "trades": ("trades", ("price", "size")),
    "option_quotes": ("quotes", ("bid", "ask", "underlying_price")),
    "funding": ("settlements", ("rate",)),
    "alternative": ("values", ("value",)),
}
"""What rows are called and what two files must tell alike of one that both have by its identity, by table."""
LEAVE_OUT: Final = "let the desk's files name one of the two"


def repeated(parts: Sequence[pd.DataFrame], table: str) -> list[NDArray[np.bool_]]:
    """Return of each file's rows of a day [rows] whether a file before it has them.

    Examples
    --------
    >>> parts = [pd.DataFrame({"venue": "v", "trade_id": ids}) for ids in ([1, 2], [2, 3])]
    >>> [each.tolist() for each in repeated(parts, "trades")]
    [[False, False], [True, False]]
    """
    found = _by_identity(parts, IDENTITY[table]) if table in IDENTITY else _none(parts)
    if table == "trades":
        for part, again in zip(parts, found, strict=True):
            again &= part["trade_id"].to_numpy() > 0
    if table in AGREE:
        for (_, first), (place, second) in combinations(enumerate(parts), 2):
            found[place] |= overlap(first, second, table).again
    return found


def _none(parts: Sequence[pd.DataFrame]) -> list[NDArray[np.bool_]]:
    return [np.zeros(len(part), dtype=np.bool_) for part in parts]


def _by_identity(parts: Sequence[pd.DataFrame], columns: Sequence[str]) -> list[NDArray[np.bool_]]:
    """Return of each file's rows whether a file before it has a row with the same columns."""
    keys = pd.concat([part[list(columns)] for part in parts], ignore_index=True)
    row = keys.groupby(list(columns), sort=False, dropna=False).ngroup().to_numpy()
    lengths = [len(part) for part in parts]
    file = np.repeat(np.arange(len(parts)), lengths)
    first = np.full(len(keys), len(parts))
    np.minimum.at(first, row, file)
    return np.split(file > first[row], np.cumsum(lengths)[:-1])


@dataclass(frozen=True)
class Repeated:
    """Which rows of a table another file of its day holds.

    Attributes
    ----------
    runs : places of the rows in the table: where each run of them begins and ends, in turn.
    lines : of the file, those of the first rows.
    """

    runs: NDArray[np.int64]
    lines: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """How many rows there are."""
        return int((self.runs[1::2] - self.runs[::2]).sum())


NONE: Final = Repeated(np.empty(0, dtype=np.int64))


def runs_of(chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return where each run of chosen rows begins and ends, in turn.

    Examples
    --------
    >>> runs_of(np.array([True, True, False, True])).tolist()
    [0, 2, 3, 4]
    """
    return np.flatnonzero(np.diff(chosen.astype(np.int8), prepend=0, append=0))


def repeats(files: pd.DataFrame, shelf: Shelf) -> list[Repeated]:
    """Return of each row of `files` which rows of its table a file before it has.

    Parameters
    ----------
    files : one row a day, table and file: `day`, `stored` (the table's name on the shelf, without the day),
        `table` (its canonical name), `file` and `key` of the piece that holds it.

    Raises
    ------
    DataError
        Two files contradict one another: they tell of the book at the same time, and not the same; of one
        settlement, trade, option quote or value of a series otherwise; the same trades one by one and joined;
        most quotes or trades without ids alike, and some not; or the same quotes or trades at other times.
    """
    found = [NONE] * len(files)
    placed = files.reset_index(drop=True)
    several = placed[placed["table"].isin({*IDENTITY, *AGREE})].groupby(["day", "stored"], sort=False)
    for (day, stored), group in several:
        if len(group) < 2:
            continue
        parts = [shelf.open(key)[f"{stored}/{day}"] for key in group["key"]]
        table = str(group["table"].iloc[0])
        for (first, one), (second, other) in combinations(zip(group["file"], parts, strict=True), 2):
            if fault := _contradiction(one, other, table, str(day)):
                raise DataError(f"{first} and {second}: {fault}")
        again = repeated(parts, table)
        for place, part, rows in zip(group.index.to_list(), parts, again, strict=True):
            lines = part["source_row"].to_numpy()[rows][:SHOWN]
            found[place] = Repeated(runs_of(rows), tuple(lines.tolist()))
    return found


def _contradiction(one: pd.DataFrame, other: pd.DataFrame, table: str, day: str) -> str:
    """Return what two files of a day cannot both be right about; "" where they can."""
    if table == "trades" and _both_kinds(one, other):
        return (
            f"one tells the trades of {day} one by one and the other joins those of an order ({AGGREGATE}); "
            f"both would count them twice: {LEAVE_OUT}"
        )
    if table in TOLD and (said := _told_otherwise(one, other, table, day)):
        return f"{said}: {LEAVE_OUT}"
    if table not in AGREE or (common := overlap(one, other, table)).again.any():
        return ""
    if table in ONE_BOOK and common.differs:
        return (
            f"both tell the book of {day} at the same times ({table}), and not the same: a market has one "
            f"book, {LEAVE_OUT}"
        )
    if common.alike >= ISSUED_AGAIN:
        return (
            f"tell most {table} of {day} alike and some not, as where a day was issued again or a copy is "
            f"damaged; both would count them twice: {LEAVE_OUT}"
        )
    if table in COMPARED and shared_runs(one, other, COMPARED[table]) >= ONE_STREAM:
        return (
            f"tell the same {table} of {day} one after the other, at times of their own, as two recorders of "
            f"one market do; both would count them twice: {LEAVE_OUT}, or cut one where the other begins"
        )
    return ""


def _both_kinds(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Tell whether at the same times one file tells trades one by one and the other joins them."""
    joins = [bool((rows["condition"] == AGGREGATE).any()) for rows in (one, other)]
    times = [rows["known_time"] for rows in (one, other)]
    begin, end = max(each.min() for each in times), min(each.max() for each in times)
    return joins[0] != joins[1] and bool(begin <= end)


def _told_otherwise(one: pd.DataFrame, other: pd.DataFrame, table: str, day: str) -> str:
    """Return how many rows both files have by their identity and not with the same values; "" for none."""
    identity, (name, values) = list(IDENTITY[table]), TOLD[table]
    columns = [*identity, *values, "source_row"]
    files = [_identified(rows, table)[columns].drop_duplicates(identity) for rows in (one, other)]
    both = files[0].merge(files[1], on=identity, suffixes=("", "_other"))
    left, right = (both[[f"{each}{suffix}" for each in values]].to_numpy() for suffix in ("", "_other"))
    differ = both[~np.isclose(left, right, rtol=1e-9, atol=0.0, equal_nan=True).all(axis=1)]
    if differ.empty:
        return ""
    rows = " and ".join(str(differ[f"source_row{suffix}"].iloc[0]) for suffix in ("", "_other"))
    return (
        f"tell {len(differ):,} {name} of {day} with another {' or '.join(values)} each, the first in their "
        f"rows {rows}"
    )


def _identified(rows: pd.DataFrame, table: str) -> pd.DataFrame:
    """Return the rows that have an identity."""
    return rows[rows["trade_id"] > 0] if table == "trades" else rows
