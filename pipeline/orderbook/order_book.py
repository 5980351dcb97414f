"""A book that follows its events: best levels on every change or as of a grid, and checkpoints."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.ingest.market_tables import GAP, LAST, LEVELS, START, Batch, batch, padded
from pipeline.orderbook import ladder, ladder_kernel
from pipeline.orderbook.events import BookEvents, read_only
from pipeline.orderbook.ladder_kernel import IntArray

_NEVER: Final = int(np.iinfo(np.int64).min)


@dataclass(frozen=True)
class BookRows:
    """The best levels at some moments.

    Attributes
    ----------
    event_time, known_time, source_row, sequence : [R] of the last event before; as of a grid `known_time` is
        the grid's.
    columns : [R, 2 + 4 D] trust (1 or 0), D, then D bid prices, bid sizes, ask prices and ask sizes, the best
        first, NaN where the side ends.
    """

    event_time: IntArray
    known_time: IntArray
    source_row: IntArray
    sequence: IntArray
    columns: FloatArray

    def __len__(self) -> int:
        return len(self.known_time)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return several one after the other."""
        return cls(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(cls)))

    def take(self, places: IntArray) -> "BookRows":
        """Return the rows at some places."""
        return BookRows(*(getattr(self, each.name)[places] for each in fields(self)))

    def batch(self) -> Batch:
        """Return them as rows of the canonical table `book`."""
        depth = (self.columns.shape[1] - 2) // 4
        names = ("bid_price", "bid_size", "ask_price", "ask_size")
        levels = {
            name: padded(self.columns[:, 2 + place * depth : 2 + (place + 1) * depth])
            for place, name in enumerate(names)
        }
        return batch(
            "book",
            {
                "event_time": self.event_time.view("datetime64[ns]"),
                "known_time": self.known_time.view("datetime64[ns]"),
                "source_row": self.source_row,
                "sequence": self.sequence,
                "trusted": self.columns[:, 0] == 1.0,
                "levels": np.minimum(self.columns[:, 1], LEVELS).astype(np.int8),
                **levels,
            },
        )


class OrderBook:
    """The book of one instrument at one venue, in the middle of its events.

    It cannot be trusted before a snapshot or a CLEAR, after an event with the flag GAP until the next of
    them, and while bid and ask cross: a log of orders crosses for a moment when a taker's order is written
    down before its match, so that trust comes back with the match. A snapshot begins where an event has the
    flag SNAPSHOT and the one before has not: what was there is void, and the book is whole after its LAST.
    With a START a file begins: where it does not go on with what came before, that is a gap too.

    In a log of orders that began when orders were on the book already, the venue's books of levels start it
    (`snapshots.in_order`): what a level has beyond the orders that are known is its rest, and each further
    snapshot sets the rests again as far as it reaches. A deletion of an unknown order takes its size from the
    rest; where the rest has not so much, or where an unknown order was filled or changed (by how much is not
    told), the book is not trusted until the next snapshot. Nor is it when a snapshot has less on a level than
    the orders known there, and where the next one has too, the book starts anew from the one after.

    Parameters
    ----------
    depth : levels of a side to show.

    Examples
    --------
    >>> book = OrderBook(depth=1)
    >>> book.unknown_orders, book.crossed_messages, book.trusted
    (0, 0, False)
    """

    def __init__(self, depth: int = 10) -> None:
        if depth < 1:
            raise DataError(f"a book shows one level or more, not {depth}")
        self.depth = depth
        self._ladder = ladder.empty()
        self._last = (0, 0, 0)
        self._known = _NEVER

    @property
    def trusted(self) -> bool:
        """Whether nothing is missing and the last message was whole; see the class for a crossed book."""
        return ladder.trusted(self._ladder)

    @property
    def known(self) -> int | None:
        """When the last event was known, nanoseconds UTC; None where nothing has happened."""
        return None if self._known == _NEVER else self._known

    @property
    def unknown_orders(self) -> int:
        """Changes and deletions of orders that were not in the book; a changed one is in it from then on."""
        return int(self._ladder.marks[ladder_kernel.UNKNOWN])

    @property
    def unexplained_orders(self) -> int:
        """Changes and deletions of unknown orders, within reach of a snapshot, that no rest explained."""
        return int(self._ladder.marks[ladder_kernel.UNEXPLAINED])

    @property
    def duplicate_orders(self) -> int:
        """Orders added under the id of one that was there; the later one stands."""
        return int(self._ladder.marks[ladder_kernel.DUPLICATE])

    @property
    def crossed_messages(self) -> int:
        """Whole messages after which the best bid was not below the best ask."""
        return int(self._ladder.marks[ladder_kernel.CROSSED])

    def side(self, side: int) -> tuple[FloatArray, FloatArray]:
        """Return prices and sizes of all levels of the bid (1) or ask (−1), the best first."""
        keys, sizes = ladder.levels(self._ladder, 0 if side == 1 else 1)
        return side * keys, sizes

    def changes(self, events: BookEvents) -> BookRows:
        """Go through events; return the best levels after each whole message that changed them or trust."""
        most = int(np.count_nonzero(events.flags & LAST))
        rows, at = self._follow(events, np.empty(0, dtype=np.int64), most, every=True)
        times = (events.event_time[at], events.known_time[at], events.source_row[at], events.sequence[at])
        return BookRows(*times, rows)

    def as_of(self, events: BookEvents, grid: IntArray) -> BookRows:
        """Go through events; return the best levels at the grid times before the last event's `known_time`.

        Later grid times may still see events to come: ask for them with the next events, or with `now`.

        Raises
        ------
        DataError
            Known times or grid times fall.
        """
        _check_rising(events.known_time, "an event's known_time", self._known)
        _check_rising(grid, "a grid time")
        before = self._last
        rows, at = self._follow(events, grid, len(grid), every=False)
        stamps = (events.event_time, events.source_row, events.sequence)
        last = [_at(first, values, at) for first, values in zip(before, stamps, strict=True)]
        return BookRows(last[0], grid[: len(at)], last[1], last[2], rows)

    def _follow(
        self, events: BookEvents, grid: IntArray, most: int, every: bool
    ) -> tuple[FloatArray, IntArray]:
        """Go through events; return the rows and after which event each was so (−1: before all)."""
        rows, at = np.empty((most, 2 + 4 * self.depth)), np.empty(most, dtype=np.int64)
        events = self._joined(events)
        arrays, grid, next_event, shown = events.arrays(), read_only(grid), 0, 0
        while next_event < len(events):
            next_event, shown = ladder_kernel.follow(
                self._ladder, arrays, next_event, self.depth, grid, rows, at, shown, every
            )
            if next_event < len(events):
                self._ladder = ladder.fitted(self._ladder, events[next_event:].level_prices())
        if len(events):
            self._known = int(events.known_time[-1])
            self._last = (int(events.event_time[-1]), int(events.source_row[-1]), int(events.sequence[-1]))
        return rows[:shown], at[:shown]

    def _joined(self, events: BookEvents) -> BookEvents:
        """Return the events with GAP on each START that does not go on with what came before it.

        Where nothing came before there is nothing to miss.
        """
        starts = np.flatnonzero(events.kind == START)
        if not len(starts):
            return events
        after, within = events.sequence[starts], 1e9 * events.size[starts]
        last = np.r_[self._last[2], events.sequence[:-1]][starts]
        known = np.r_[self._known, events.known_time[:-1]][starts]
        silence = events.known_time[starts].astype(np.float64) - known
        follows = np.where(after > 0, last == after, (within > 0.0) & (silence <= within))
        lost = starts[~follows & (known != _NEVER)]
        flags = events.flags.copy()
        flags[lost] |= GAP
        return replace(events, flags=flags)

    def now(self, grid: IntArray) -> BookRows:
        """Return the best levels as they are, for grid times after the last event."""
        _check_rising(grid, "a grid time", self._known)
        row = ladder.show(self._ladder, self.depth)
        stamps = [np.full(len(grid), value, dtype=np.int64) for value in self._last]
        return BookRows(stamps[0], grid, stamps[1], stamps[2], np.tile(row, (len(grid), 1)))

    def checkpoint(self) -> dict[str, NDArray[Any]]:
        """Return everything that the book remembers but its counts, as arrays: equal ones of equal books."""
        last = np.array([*self._last, self._known, self.depth], dtype=np.int64)
        return ladder.contents(self._ladder) | {"last": last}

    @classmethod
    def restored(cls, state: Mapping[str, NDArray[Any]]) -> Self:
        """Return the book of a checkpoint."""
        *last, known, depth = (int(value) for value in state["last"])
        book = cls(depth)
        book._ladder = ladder.of_contents(state)
        book._last, book._known = (last[0], last[1], last[2]), known
        return book


def book_rows(
    parts: Iterator[BookEvents], depth: int = 10, grid: IntArray | None = None
) -> Iterator[BookRows]:
    """Yield the best levels from events in order, on every change or as of a grid.

    One part is held at a time.
    """
    book = OrderBook(depth)
    for events in parts:
        if grid is None:
            yield book.changes(events)
        else:
            found = book.as_of(events, grid)
            grid = grid[len(found) :]
            yield found
    if grid is not None and len(grid):
        yield book.now(grid)


def _at(before: int, values: IntArray, at: IntArray) -> IntArray:
    """Return values at places, and what came before where the place is −1."""
    if not len(values):
        return np.full(len(at), before)
    return np.where(at < 0, before, values[at])


def _check_rising(times: IntArray, what: str, after: int = np.iinfo(np.int64).min) -> None:
    back = np.flatnonzero(times[1:] < times[:-1]) + 1
    if len(times) and times[0] < after:
        back = np.zeros(1, dtype=np.int64)
    if len(back):
        raise DataError(f"book: {what} ({times[back[0]]}) is earlier than the one before: sort them")
