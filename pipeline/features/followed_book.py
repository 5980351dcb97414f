"""The book of a market as it is followed through a day: its events, merged and in order, part by part."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.features.book_at import rows_of
from pipeline.ingest.day_tables import FILE, TimedTables
from pipeline.ingest.market_tables import ADD, CHANGE, DELETE
from pipeline.ingest.time_order import TimedRows
from pipeline.orderbook.checkpoint_table import restored_book
from pipeline.orderbook.events import BookEvents
from pipeline.orderbook.order_book import BookRows, OrderBook
from pipeline.orderbook.snapshots import in_time, merged, reported

LEVELS_FOLLOWED: Final = 20
BOOK_OPEN: Final = "book_open"
"""The book with which a day begins: the closing book of the one before, see `book_close`."""


class Follower:
    """Follows the book of a market through a day.

    A venue that tells book events is followed by `orderbook.order_book`, twenty levels deep, from the opening
    book on where that is known: it is then the first row of the book, known when its last event was. Books
    that the venue sends beside its orders start that book and correct it; beside level changes they are taken
    as they are.

    Parameters
    ----------
    tables : of the day.
    opening : the book with which it begins, see `orderbook.checkpoint_table`; None or of no rows where none
        is known.
    prefix : of the names of the market's tables.

    Attributes
    ----------
    followed : whether there are events to follow; otherwise the venue's books are taken as they are.
    reads : the tables that have to be read.
    book : as it is now.
    """

    def __init__(self, tables: TimedTables, opening: pd.DataFrame | None, prefix: str = "") -> None:
        self._events, self._books = (f"{prefix}{name}" for name in ("book_events", "book"))
        told = self._books in tables
        self.followed = self._events in tables and not (told and not _tells_orders(tables, self._events))
        read = [self._events] * self.followed + [self._books] * told
        self.reads: dict[str, Sequence[str] | None] = dict.fromkeys(read)
        self.book = _opened_book(opening)
        known = self.book.known
        self._before = [] if known is None or not self.followed else [self.book.now(np.array([known]))]

    def changes(self, part: Mapping[str, TimedRows]) -> BookRows | None:
        """Return the best levels after every change of a part, the opening book first; None without any."""
        events, books = part.get(self._events), part.get(self._books)
        if not self.followed:
            return None if books is None else rows_of(books.rows)
        if events is None and books is None:
            return None
        rows = self.book.changes(_events(events, books))
        found = [each for each in (*self._before, rows) if len(each)]
        self._before = []
        if not found:
            return None
        return BookRows.joined(found) if len(found) > 1 else found[0]


def _opened_book(opening: pd.DataFrame | None) -> OrderBook:
    """Return the book with which a day begins: one in which nothing has happened where none is known."""
    if opening is None or opening.empty:
        return OrderBook(LEVELS_FOLLOWED)
    return restored_book(opening)


def _tells_orders(tables: TimedTables, events: str) -> bool:
    parts = tables.parts({events: ["kind"]})
    return any(
        bool(np.isin(part[events].rows.column("kind").to_numpy(), (ADD, CHANGE, DELETE)).any())
        for part in parts
    )


def _events(events: TimedRows | None, books: TimedRows | None) -> BookEvents:
    """Return the events of a part with the venue's books among them, of one instant by file.

    Within a file they are in the order of its rows.
    """
    own, told = _by_file(events), _by_file(books)
    files = []
    for file in sorted({*own, *told}):
        parts = [BookEvents.of(own[file])] if file in own else []
        if file in told:
            parts.append(reported(told[file]))
        files.append(merged(parts) if len(parts) > 1 else parts[0])
    return in_time(files)


def _by_file(rows: TimedRows | None) -> dict[int, pa.RecordBatch]:
    if rows is None:
        return {}
    files = rows.rows.column(FILE).to_numpy()
    if (files == files[0]).all():
        return {int(files[0]): rows.rows}
    return {int(file): rows.rows.filter(pa.array(files == file)) for file in np.unique(files)}
