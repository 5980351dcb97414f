"""Order books in Tardis' csv format, times in microseconds UTC: `incremental_book_L2`, `book_snapshot_N`."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain, pairwise
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.ingest.delimited import Lines, delimited, first_field, names_in
from pipeline.ingest.epoch import NOT_A_TIME, instants
from pipeline.ingest.event_clock import EventClock
from pipeline.ingest.formats.tardis_snapshots import NO_STAMP, SnapshotLosses, ends
from pipeline.ingest.formats.tardis_ticks import other
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.known_times import AHEAD, KnownTimes, ahead
from pipeline.ingest.largest_worth import TOO_LARGE, too_large
from pipeline.ingest.line_screen import LineScreen
from pipeline.ingest.market_tables import (
    BUY,
    CLEAR,
    GAP,
    LAST,
    LEVEL,
    LEVELS,
    SELL,
    SNAPSHOT,
    Batch,
    batch,
    broken_end,
    padded,
    start,
)
from pipeline.ingest.price_unit import OTHER_UNIT, PriceUnit
from pipeline.ingest.raw_stream import RawStream

TIMES: Final = ("exchange", "symbol", "timestamp", "local_timestamp")
CHANGES: Final = (*TIMES, "is_snapshot", "side", "price", "amount")
_LEVEL_COLUMN: Final = re.compile(r"((?:bid|ask)s)\[\d+\]\.(price|amount)")
BOOKS: Final = (*TIMES, "asks[0].price", "asks[0].amount", "bids[0].price", "bids[0].amount")
"""The first columns of books."""
HEADERS: Final = (CHANGES, BOOKS)
_KINDS: Final = {
    "exchange": pa.string(),
    "symbol": pa.string(),
    "timestamp": pa.int64(),
    "local_timestamp": pa.int64(),
}
_CHANGES: Final = dict.fromkeys(("is_snapshot", "side"), pa.string()) | dict.fromkeys(
    ("price", "amount"), pa.float64()
)
_SIDES: Final = {"bid": BUY, "ask": SELL}
_FLAGS: Final = {"true": 1, "false": 0}


def recognises(name: str, head: bytes) -> bool:
    """Tell whether a file's first line names the columns of level changes or of snapshots."""
    return names_in(head) == CHANGES or names_in(head)[:8] == BOOKS


def symbol(file: RawStream, terms: Terms) -> str:
    """Return the instrument of the file: that of the terms, else of the first row."""
    return terms.instrument or first_field(file.head(), "symbol")


def venue(file: RawStream, terms: Terms) -> str:
    """Return the exchange of the first row."""
    return first_field(file.head(), "exchange")


def read(file: RawStream, terms: Terms) -> Iterator[Batch]:
    """Yield `book_events` of level changes, or `book`, of one instrument.

    Rows of one `local_timestamp` are one message, and the last has the flag LAST. A message of snapshot rows
    is a snapshot, as for the vendor's own book: its rows have the flag SNAPSHOT and a CLEAR before the first.
    Unless a snapshot begins the file, START does: there are no ids, so it goes on with a file that ended at
    most `terms.follows_within_seconds` before. `GAP` stands where a row that is held would have changed the
    book (`SnapshotLosses`), which one of another instrument or exchange would not, at the end of the file
    too; a snapshot that lost its last row has no LAST. Where a row would be known before it happened its
    known time is the venue's.

    Raises
    ------
    DataError
        The file holds several instruments and the terms name none; it lacks a column, is missing or damaged.
    """
    levels = _levels(names_in(file.head()))
    reader = _Books(file, terms, levels) if levels else _Changes(file, terms)
    kinds = _KINDS | reader.kinds
    blocks: Iterator[Lines | None] = chain(delimited(file, required=tuple(kinds), kinds=kinds), (None,))
    for lines, following in pairwise(blocks):
        assert lines is not None
        yield from reader.batches(lines, following)
    yield from reader.end()


def _levels(header: tuple[str, ...]) -> int:
    """Return how many levels of a book a header names, by the side and figure that it names most of."""
    found = Counter(match.groups() for name in header if (match := _LEVEL_COLUMN.fullmatch(name)))
    return max(found.values(), default=0)


class _Reader:
    """The times and the instrument of either kind of file."""

    def __init__(self, file: RawStream, terms: Terms) -> None:
        self.name, self.instrument, self.exchange = file.name, terms.instrument, venue(file, terms)
        self.clock = EventClock(round(terms.clock_tolerance_seconds * 1e9))
        self.lag, self.units = terms.known_lag, PriceUnit()
        self.known = KnownTimes()

    def end(self) -> Iterator[Batch]:
        """Yield what is to be said after the last row."""
        return iter(())

    def foreign(self, screen: LineScreen) -> NDArray[np.bool_]:
        """Hold the rows of another instrument or exchange, and return [rows] which they are."""
        symbols = screen.text("symbol")
        if not self.instrument:
            named = symbols.unique().to_pylist()
            if len(named) > 1:
                raise DataError(f"{self.name}: holds {' and '.join(named[:3])}: set instrument in its terms")
            self.instrument = named[0] if named else ""
        strange = other(screen, "symbol", self.instrument)
        found = strange & screen.sound
        screen.refuse(strange, f"another instrument than {self.instrument}")
        strange = other(screen, "exchange", self.exchange)
        found |= strange & screen.sound
        screen.refuse(strange, f"another exchange than {self.exchange}")
        return found

    def times(
        self, screen: LineScreen
    ) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64], NDArray[np.int64]]:
        """Return when each row happened, was known and was received, the last as the file has it."""
        event, event_sound = instants(screen.whole("timestamp"), 1_000_000)
        stamp = screen.whole("local_timestamp")
        received, received_sound = instants(stamp, 1_000_000)
        screen.refuse(~(event_sound & received_sound), NOT_A_TIME)
        screen.refuse(ahead(event, received), AHEAD)
        screen.refuse(self.clock.astray(received.view(np.int64), screen.sound), "clock goes back")
        return event, self.known(event, received, screen.sound) + self.lag, stamp


class _Changes(_Reader):
    """Level changes."""

    def __init__(self, file: RawStream, terms: Terms) -> None:
        super().__init__(file, terms)
        self.latest: tuple[np.datetime64, np.datetime64, int] | None = None
        self.snapshot, self.losses = NO_STAMP, SnapshotLosses()
        self.within = terms.follows_within_seconds
        self.kinds = _CHANGES

    def batches(self, lines: Lines, following: Lines | None) -> Iterator[Batch]:
        screen = LineScreen(lines)
        foreign = self.foreign(screen)
        event, known, received = self.times(screen)
        price, size = screen.numbers("price"), screen.numbers("amount")
        side, snapshot = screen.codes("side", _SIDES), screen.codes("is_snapshot", _FLAGS) == 1
        screen.refuse(~(price > 0.0), "price not above zero")
        screen.refuse(~(size >= 0.0), "negative size")
        screen.refuse(too_large(price, size), TOO_LARGE)
        screen.refuse(self.units.strange(np.where(screen.sound, price, np.nan), side), OTHER_UNIT)
        rows = np.flatnonzero(screen.sound)
        gap, torn = self.losses(lines, screen.sound, foreign, snapshot, received)
        if len(rows):
            received = received[rows]
            last = ends(received, following) & ~torn
            whole = snapshot[rows]
            first, latest = ((event[row], known[row], int(lines.number[row])) for row in rows[[0, -1]])
            if not self.latest and not whole[0]:
                yield start(*first, within=self.within)
            self.latest = latest
            snapshots = np.where(whole, received, NO_STAMP)
            starts = whole & (snapshots != np.r_[self.snapshot, snapshots[:-1]])
            self.snapshot = snapshots[-1]
            order = np.repeat(np.arange(len(rows)), 1 + starts)
            clear = np.r_[order[1:] == order[:-1], False]
            own = rows[order]
            flags = SNAPSHOT * whole[order] + LAST * (last[order] & ~clear) + GAP * gap[order]
            yield batch(
                "book_events",
                {
                    "event_time": event[own],
                    "known_time": known[own],
                    "source_row": lines.number[own],
                    "sequence": 0,
                    "kind": np.where(clear, CLEAR, LEVEL),
                    "flags": flags,
                    "side": np.where(clear, 0, side[own]),
                    "price": np.where(clear, np.nan, price[own]),
                    "size": np.where(clear, np.nan, size[own]),
                    "order_id": 0,
                },
            )
        yield from screen.held("book_events", self.name)

    def end(self) -> Iterator[Batch]:
        if self.latest and self.losses.owed:
            yield broken_end(*self.latest)


class _Books(_Reader):
    """Books of the best levels."""

    def __init__(self, file: RawStream, terms: Terms, levels: int) -> None:
        super().__init__(file, terms)
        self.levels = levels
        self.kinds = {
            f"{side}s[{level}].{what}": pa.float64()
            for level in range(levels)
            for side in ("ask", "bid")
            for what in ("price", "amount")
        }

    def batches(self, lines: Lines, following: Lines | None) -> Iterator[Batch]:
        screen = LineScreen(lines)
        self.foreign(screen)
        event, known, _ = self.times(screen)
        columns = {
            f"{side}_{name}": padded(
                np.stack(
                    [
                        screen.numbers(f"{side}s[{level}].{what}", optional=True)
                        for level in range(self.levels)
                    ],
                    1,
                )
            )
            for side in ("bid", "ask")
            for name, what in (("price", "price"), ("size", "amount"))
        }
        for side in ("bid", "ask"):
            best = np.where(screen.sound, columns[f"{side}_price"][:, 0], np.nan)
            screen.refuse(self.units.strange(best), OTHER_UNIT)
        trusted = ~(columns["bid_price"][:, 0] >= columns["ask_price"][:, 0])
        rest = {"sequence": 0, "trusted": trusted, "levels": min(self.levels, LEVELS)}
        times = {"event_time": event, "known_time": known}
        yield from screen.batches("book", self.name, times | columns | rest)
