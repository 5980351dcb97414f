"""The book with which a day begins: that with which the day before closed.

A source of changes tells its whole book once, at the beginning of a file or of a connection, so a day that
is followed from nothing has no book. Each day is therefore followed from the closing book of the one before;
where its first events do not go on with that (see `market_tables.start`), it cannot be trusted until the next
snapshot.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

from pipeline.features.followed_book import BOOK_OPEN, Follower
from pipeline.ingest.content import Known, content_digest
from pipeline.ingest.dataset import Output
from pipeline.ingest.day_tables import BOOK, OTHER, Columns, DayTables, TimedTables
from pipeline.ingest.pieces import KeptPieces, Shelf
from pipeline.ingest.time_order import TimedRows
from pipeline.orderbook.checkpoint_table import checkpoint_table

CLOSE: Final = "book_close"
BEFORE_ALL: Final = int(np.iinfo(np.int64).min)


@dataclass(frozen=True)
class Close:
    """The closing book of a day; it holds a key only, so it travels as that does."""

    shelf: Shelf
    key: str
    day: str

    def table(self) -> pd.DataFrame:
        """Return the book, see `orderbook.checkpoint_table`; of no rows where nothing was followed."""
        return self.shelf.open(self.key)[f"{CLOSE}/{self.day}"]

    @cached_property
    def digest(self) -> str:
        """What the book is known by: what is in it, however it came about."""
        return content_digest(self.table())


class OpenedDay(TimedTables):
    """The tables of a day, and as `book_open` the book with which it begins, where one is known."""

    def __init__(self, tables: DayTables, opening: Mapping[str, Close]) -> None:
        self.day, self._tables, self._opening = tables.day, tables, opening

    @property
    def digest(self) -> str:
        """What the tables are known by."""
        return " ".join(
            [self._tables.digest, *(f"{name}:{self._opening[name].digest}" for name in self._opening)]
        )

    def parts(self, tables: Columns) -> Iterator[dict[str, TimedRows]]:
        """Yield columns of tables in step, see `DayTables.parts`."""
        return self._tables.parts(tables)

    def earliest(self, table: str) -> int:
        """Return a time before which no row of a table was known; of an opening book there is none."""
        return BEFORE_ALL if table in self._opening else self._tables.earliest(table)

    def __getitem__(self, table: str) -> pd.DataFrame:
        return self._opening[table].table() if table in self._opening else self._tables[table]

    def __iter__(self) -> Iterator[str]:
        yield from self._tables
        yield from self._opening

    def __len__(self) -> int:
        return len(self._tables) + len(self._opening)


def opened_days(index: pd.DataFrame, days: list[str], pieces: KeptPieces, instrument: str) -> list[OpenedDay]:
    """Return the days with the books with which they begin.

    Parameters
    ----------
    index : the table `days` of `market_days.load_days`.
    days : some of them, in order.
    pieces : keeps the closing books.
    instrument : of the market.
    """
    openings: dict[str, dict[str, Close]] = {day: {} for day in days}
    for prefix in ("", OTHER):
        for day, close in _openings(index, days, pieces, instrument, prefix).items():
            openings[day][f"{prefix}{BOOK_OPEN}"] = close
    return [OpenedDay(DayTables(index, day, pieces.shelf), openings[day]) for day in days]


def _openings(
    index: pd.DataFrame, days: list[str], pieces: KeptPieces, instrument: str, prefix: str
) -> dict[str, Close]:
    """Return the closing book of the last day with events of the book before each day, by day."""
    told = index[index["day"].isin(days) & index["table"].isin([f"{prefix}{table}" for table in BOOK])]
    events = told[told["table"] == f"{prefix}book_events"]
    chain = sorted(events["day"].unique())
    closes = _closes(told, chain[:-1], set(events.loc[events["anew"], "day"]), pieces, instrument, prefix)
    last = np.searchsorted(chain, days) - 1
    return {day: closes[chain[place]] for day, place in zip(days, last, strict=True) if place >= 0}


def _closes(
    told: pd.DataFrame, chain: list[str], anew: set[str], pieces: KeptPieces, instrument: str, prefix: str
) -> dict[str, Close]:
    """Return the closing books of a chain of days, in as many rounds as days in a row need the one before.

    A day in which the book is told anew closes the same whatever the day before was.
    """
    before = dict(zip(chain[1:], chain, strict=False))
    found: dict[str, Close] = {}
    while len(found) < len(chain):
        ready = [
            day
            for day in chain
            if day not in found and (day in anew or day not in before or before[day] in found)
        ]
        units = {}
        for day in ready:
            tables = DayTables(told, day, pieces.shelf)
            opening = None if day in anew or day not in before else found[before[day]]
            units[day] = {
                "day": day,
                "tables": Known(tables, tables.digest),
                "opening": None if opening is None else Known(opening, opening.digest),
            }
        made = pieces.partitions(f"{prefix}{CLOSE}", closing_book, instrument, units, prefix=prefix)
        found |= {day: Close(pieces.shelf, piece.key, day) for day, piece in zip(ready, made, strict=True)}
    return found


def closing_book(day: str, tables: TimedTables, opening: Close | None, prefix: str) -> Output:
    """Return the book as it is after the last event of a day.

    Parameters
    ----------
    day : its name.
    tables : those of its book, their names after `prefix`.
    opening : with what it began; None where nothing was known, or where the day tells the book anew.
    prefix : of the names of tables.

    Returns
    -------
    Table `book_close/<day>`, see `orderbook.checkpoint_table`; of no rows where the venue's own books are
    taken as they are.
    """
    follower = Follower(tables, None if opening is None else opening.table(), prefix)
    for part in tables.parts(follower.reads) if follower.followed else ():
        follower.changes(part)
    closing = checkpoint_table(follower.book)
    return {f"{CLOSE}/{day}": closing if follower.followed else closing.iloc[:0]}
