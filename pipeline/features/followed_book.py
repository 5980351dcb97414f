"""The book of a day, followed whenever it is looked at: its best levels come a part at a time, none is kept.

A row of twenty levels takes 656 bytes, and a log of orders has one for nearly every message.
"""

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.features.book_at import Instants, best_of, nanoseconds, rows_of
from pipeline.features.event_feature import EventFeature, EventRows
from pipeline.features.event_stream import EventStream
from pipeline.orderbook.checkpoint_table import restored_book
from pipeline.orderbook.events import BookEvents
from pipeline.orderbook.order_book import BookRows, OrderBook

LEVELS_FOLLOWED: Final = 20
PART: Final = 1 << 15
"""Events that are followed at once."""


_NONE: Final = np.empty(0, dtype=np.int64)
NO_ROWS: Final = BookRows(_NONE, _NONE, _NONE, _NONE, np.empty((0, 2 + 4 * LEVELS_FOLLOWED)))


class DayBook(Protocol):
    """A book whose rows come in order, a part at a time and as often as they are asked for.

    No part is empty, and all events of one instant are in one part.
    """

    def parts(self) -> Iterator[BookRows]:
        """Yield the rows from the first on."""
        ...


class FollowedBook:
    """A book that is followed by its events.

    Parameters
    ----------
    events : of a day, in the order of `known_time`.
    opening : the book with which it begins, see `orderbook.checkpoint_table`: the first row, known when its
        last event was. None or of no rows where none is known.
    """

    def __init__(self, events: BookEvents, opening: pd.DataFrame | None) -> None:
        self._events, self._opening = events, opening

    def parts(self) -> Iterator[BookRows]:
        """Yield the best levels after every change."""
        book = opened_book(self._opening)
        before = [] if book.known is None else [book.now(np.array([book.known]))]
        for part in _cut(self._events.known_time):
            rows = book.changes(self._events[part])
            if found := [each for each in (*before, rows) if len(each)]:
                yield BookRows.joined(found) if len(found) > 1 else found[0]
            before = []


class ToldBook:
    """A book as its venue tells it: the canonical table `book`, in the order of `known_time`."""

    def __init__(self, table: pd.DataFrame) -> None:
        self._table = table

    def parts(self) -> Iterator[BookRows]:
        """Yield the rows of the table."""
        for part in _cut(nanoseconds(self._table["known_time"])):
            yield rows_of(self._table[part])


def _cut(known: Instants) -> Iterator[slice]:
    """Yield where the events of parts are: no instant is cut."""
    begin = 0
    while begin < len(known):
        last = min(begin + PART, len(known)) - 1
        end = int(np.searchsorted(known, known[last], side="right"))
        yield slice(begin, end)
        begin = end


def opened_book(opening: pd.DataFrame | None) -> OrderBook:
    """Return the book with which a day begins: one in which nothing has happened where none is known."""
    if opening is None or opening.empty:
        return OrderBook(LEVELS_FOLLOWED)
    return restored_book(opening)


def best_quotes(book: DayBook) -> pd.DataFrame:
    """Return the best bid and ask after every change as `quotes`, see `book_at.best_of`."""
    parts = [best_of(rows) for rows in book.parts()]
    return pd.concat(parts, ignore_index=True) if parts else best_of(NO_ROWS)


def best_rows(book: DayBook) -> EventRows:
    """Return the rows of a book with the best level of each side only, [E, 6]: 48 bytes a row."""
    parts = [(rows.known_time, _best_level(rows.columns)) for rows in book.parts()]
    known, columns = zip(*(parts or [(NO_ROWS.known_time, _best_level(NO_ROWS.columns))]), strict=True)
    return EventRows(np.concatenate(known), np.concatenate(columns))


def _best_level(columns: FloatArray) -> FloatArray:
    depth = (columns.shape[1] - 2) // 4
    best: FloatArray = columns[:, [0, 1, *(2 + depth * np.arange(4))]]
    best[:, 1] = np.minimum(best[:, 1], 1.0)
    return best


def standing(book: DayBook, times: Instants) -> BookRows:
    """Return of a book the first row and those that stood at some instants: `book_at` finds them there."""
    wanted, kept = np.unique(times), list[BookRows]()
    for rows in book.parts():
        places = np.searchsorted(rows.known_time, wanted, side="right") - 1
        first = [] if kept else [0]
        kept.append(rows.take(np.unique(np.append(places[places >= 0], first).astype(np.int64))))
    return BookRows.joined(kept) if kept else NO_ROWS


def over_book(features: Sequence[EventFeature], book: DayBook, times: Instants) -> list[FloatArray]:
    """Return the values of features of the book at rising instants, [T, outputs] of each."""
    streams = [EventStream(each) for each in features]
    found: list[list[FloatArray]] = [[] for _ in streams]

    def take(rows: BookRows, at: Instants) -> None:
        tables = {"book": EventRows(rows.known_time, rows.columns)}
        for stream, values in zip(streams, found, strict=True):
            values.append(stream.over(tables, at))

    done = 0
    for rows in book.parts() if streams else ():
        end = int(np.searchsorted(times, rows.known_time[-1], side="right"))
        take(rows, times[done:end])
        done = end
    take(NO_ROWS, times[done:])
    return [np.concatenate(values) for values in found]
