"""Rows of a day that two of its files hold, as copies and overlapping downloads do: one file's are held."""

from collections.abc import Sequence, Sized
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.ingest.held_rows import SHOWN
from pipeline.ingest.in_buckets import PLACE, in_buckets
from pipeline.ingest.market_tables import AGGREGATE
from pipeline.ingest.pieces import Shelf, TimedPiece
from pipeline.ingest.same_stretch import AGREE, ISSUED_AGAIN, Overlap, overlap
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
        if len(group) > 1:
            stand = [
                StoredFile(str(name), f"{stored}/{day}", shelf.open(key))
                for name, key in zip(group["file"], group["key"], strict=True)
            ]
            again = _repeated(stand, str(group["table"].iloc[0]), str(day))
            for place, file, rows in zip(group.index.to_list(), stand, again, strict=True):
                found[place] = Repeated(runs_of(rows), file.lines(rows))
    return found


class StoredFile:
    """What is stored of one file's rows of a table and day.

    Attributes
    ----------
    name : of the file.
    groups : of its rows.
    """

    def __init__(self, name: str, table: str, piece: TimedPiece) -> None:
        self.name, self._table, self._piece = name, table, piece
        self.groups = piece.groups(table)

    def rows(self) -> pd.DataFrame:
        """Return all of the rows."""
        return self._piece[self._table]

    def __len__(self) -> int:
        return sum(group.rows for group in self.groups)

    def touches(self, other: "StoredFile") -> bool:
        """Tell whether two files may tell of one instant."""
        files = (self.groups, other.groups)
        begin = max(min(group.earliest for group in groups) for groups in files)
        return begin <= min(max(group.latest for group in groups) for groups in files)

    def joins(self) -> bool:
        """Tell whether there are trades that join those of an order."""
        columns = (group.read(["condition"]).column("condition") for group in self.groups)
        return any(pc.any(pc.equal(each, AGGREGATE)).as_py() for each in columns)

    def lines(self, chosen: NDArray[np.bool_]) -> tuple[int, ...]:
        """Return the lines of the first of chosen rows."""
        found: list[int] = []
        for group in self.groups:
            inside = chosen[group.begin : group.begin + group.rows]
            if len(found) < SHOWN and inside.any():
                rows = group.read(["source_row"]).column("source_row").to_numpy()[inside]
                found += rows[: SHOWN - len(found)].tolist()
        return tuple(found)


def _repeated(files: Sequence[StoredFile], table: str, day: str) -> list[NDArray[np.bool_]]:
    """Return of each file [rows] whether a file before it has them.

    Rows with an identity are compared some at a time, others of two files that touch one another.
    """
    touching = [pair for pair in combinations(range(len(files)), 2) if files[pair[0]].touches(files[pair[1]])]
    if table == "trades":
        _refuse_both_kinds([(files[one], files[other]) for one, other in touching], day)
    found = _by_identity(files, table, day) if table in IDENTITY else [_none(each) for each in files]
    for one, other in touching if table in AGREE else ():
        first, second = files[one].rows(), files[other].rows()
        common = overlap(first, second, table)
        if fault := _contradiction(first, second, common, table, day):
            raise DataError(f"{files[one].name} and {files[other].name}: {fault}")
        found[other] |= common.again
    return found


def _none(rows: Sized) -> NDArray[np.bool_]:
    return np.zeros(len(rows), dtype=np.bool_)


def _refuse_both_kinds(pairs: Sequence[tuple[StoredFile, StoredFile]], day: str) -> None:
    """Refuse files of one time of which one tells trades one by one and the other joins them."""
    for one, other in pairs:
        if one.joins() != other.joins():
            raise DataError(
                f"{one.name} and {other.name}: one tells the trades of {day} one by one and the other joins "
                f"those of an order ({AGGREGATE}); both would count them twice: {LEAVE_OUT}"
            )


def _by_identity(files: Sequence[StoredFile], table: str, day: str) -> list[NDArray[np.bool_]]:
    """Return of each file [rows] whether a file before it has a row with the same identity.

    Raises
    ------
    DataError
        Two files tell of one row otherwise.
    """
    identity, (name, values) = list(IDENTITY[table]), TOLD[table]
    found, differ = [_none(each) for each in files], dict[tuple[int, int], list[pd.DataFrame]]()
    columns = sorted({"event_time", "source_row", *identity, *values})
    for parts in in_buckets([file.groups for file in files], columns, by_id=table == "trades"):
        own = [_identified(part, table) for part in parts]
        file = np.repeat(np.arange(len(own)), [len(part) for part in own])
        rows = pd.concat(own, ignore_index=True).assign(number=file)
        shared = rows[rows.duplicated(identity, keep=False)]
        earliest = shared.groupby(identity, sort=False, dropna=False)["number"].transform("min")
        for number in range(1, len(files)):
            again = shared[(shared["number"] == number) & (earliest < number)]
            found[number][again[PLACE].to_numpy()] = True
        for one, other in combinations(np.unique(shared["number"]).tolist(), 2):
            first, second = (shared[shared["number"] == number] for number in (one, other))
            differ.setdefault((one, other), []).append(_told_otherwise(first, second, table))
    for (one, other), parts in sorted(differ.items()):
        told = pd.concat(parts, ignore_index=True).sort_values(PLACE)
        if len(told):
            lines = " and ".join(str(told[f"source_row{suffix}"].iloc[0]) for suffix in ("", "_other"))
            raise DataError(
                f"{files[one].name} and {files[other].name}: tell {len(told):,} {name} of {day} with another "
                f"{' or '.join(values)} each, the first in their rows {lines}: {LEAVE_OUT}"
            )
    return found


def _contradiction(one: pd.DataFrame, other: pd.DataFrame, common: Overlap, table: str, day: str) -> str:
    """Return what two files of a day cannot both be right about; "" where they can."""
    if common.again.any():
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


def _told_otherwise(one: pd.DataFrame, other: pd.DataFrame, table: str) -> pd.DataFrame:
    """Return the rows that both files have by their identity and not with the same values."""
    identity, values = list(IDENTITY[table]), TOLD[table][1]
    columns = [*identity, *values, "source_row", PLACE]
    files = [rows[columns].drop_duplicates(identity) for rows in (one, other)]
    both = files[0].merge(files[1].drop(columns=PLACE), on=identity, suffixes=("", "_other"))
    left, right = (both[[f"{each}{suffix}" for each in values]].to_numpy() for suffix in ("", "_other"))
    alike = np.isclose(left, right, rtol=1e-9, atol=0.0, equal_nan=True).all(axis=1)
    found: pd.DataFrame = both[~alike]
    return found


def _identified(rows: pd.DataFrame, table: str) -> pd.DataFrame:
    """Return the rows that have an identity."""
    return rows[rows["trade_id"] > 0] if table == "trades" else rows
