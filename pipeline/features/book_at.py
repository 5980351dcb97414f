"""The book as it stood at given instants: what orders meet, and what averages over time are made of."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.domain.instruments import FloatArray
from pipeline.features.book_walk import (
    CROSSED,
    MISSING,
    SOUND,
    STALE,
    UNTRUSTED,
    crossing_costs,
    depths,
)
from pipeline.features.event_feature import EventRows
from pipeline.ingest.market_tables import INSTANT
from pipeline.ingest.time_order import TimedRows, instants
from pipeline.orderbook.order_book import BookRows

REASONS: Final = {
    MISSING: "no quote",
    CROSSED: "crossed",
    STALE: "stale",
    UNTRUSTED: "untrusted",
}
"""Why nothing can be traded: a side is not quoted (so is a locked or crossed national best); the bid is not
below the ask; nobody said anything for too long; events before are missing."""
Instants = NDArray[np.int64]
SIDES: Final = ("bid_price", "bid_size", "ask_price", "ask_size")


@dataclass(frozen=True)
class BookAt:
    """The best L levels of each side at S instants, the best first; NaN where a side ends.

    Attributes
    ----------
    state : [S] `SOUND`, or why nothing can be traded.
    bid_price, bid_size, ask_price, ask_size : [S, L], money and units of the instrument.
    """

    state: NDArray[np.int8]
    bid_price: FloatArray
    bid_size: FloatArray
    ask_price: FloatArray
    ask_size: FloatArray

    @property
    def sound(self) -> NDArray[np.bool_]:
        """[S] whether orders are filled."""
        return np.asarray(self.state == SOUND)

    @property
    def mid(self) -> FloatArray:
        """[S] middle of the best bid and ask; NaN where the book is not sound."""
        return np.where(self.sound, 0.5 * (self.bid_price[:, 0] + self.ask_price[:, 0]), np.nan)

    @property
    def half_spread(self) -> FloatArray:
        """[S] half the spread as a fraction of the mid; NaN where the book is not sound."""
        half = 0.5 * (self.ask_price[:, 0] - self.bid_price[:, 0])
        return np.asarray(np.where(self.sound, half, np.nan) / self.mid)

    def depth(self, distance: float) -> FloatArray:
        """Return what stands within `distance` (a fraction) of the mid, [S] units, the mean of both sides."""
        return np.asarray(depths(*self._sides(), self.sound, distance))

    def crossing_cost(self, size: float) -> FloatArray:
        """Return what a market order of `size` units pays against the mid, [S] fractions, mean of both sides.

        It walks the levels; what they do not hold pays one spread more than the last of them, for what lies
        beyond is not shown. NaN where the book is not sound.
        """
        return np.asarray(crossing_costs(*self._sides(), self.sound, size))

    def _sides(self) -> list[FloatArray]:
        return [np.ascontiguousarray(getattr(self, name)) for name in SIDES]


def book_at(book: EventRows, times: Instants, stale_after: float) -> BookAt:
    """Return the levels of a book that were known at each instant, as many as any of these rows shows.

    Parameters
    ----------
    book : rows in the order of `known_time`, their columns those of `BookRows`.
    times : [S] nanoseconds UTC.
    stale_after : seconds after which a book is not believed.

    Examples
    --------
    >>> levels = np.array([[1, 1, 9.0, 1.0, 10.0, 2.0], [1, 1, 9.5, 1.0, 9.5, 2.0]])
    >>> book_at(EventRows(np.array([1, 5]), levels), np.array([0, 3, 5]), 60.0).state.tolist()
    [1, 0, 2]
    """
    place = np.searchsorted(book.known_time, times, side="right") - 1
    rows, there = place.clip(0), place >= 0
    shown, which = np.unique(rows, return_inverse=True)
    sides = dict(zip(SIDES, _sides(book.columns[shown]), strict=True))
    depth = max(int(np.isfinite(each).sum(axis=1).max(initial=1)) for each in sides.values())
    levels = {name: np.where(there[:, None], each[which, :depth], np.nan) for name, each in sides.items()}
    found = _judged(levels, times - book.known_time[rows], there, stale_after)
    trusted = book.columns[rows, 0] == 1.0
    state = np.where(there & ~trusted, UNTRUSTED, found.state).astype(np.int8)
    return replace(found, state=state)


def rows_of(book: pa.RecordBatch) -> BookRows:
    """Return rows of the canonical table `book`, whose prices and sizes are lists of levels, as arrays."""
    flags = [book.column(name).to_numpy(zero_copy_only=False) for name in ("trusted", "levels")]
    sides = [
        book.column(name).flatten().to_numpy(zero_copy_only=False).reshape(len(book), -1) for name in SIDES
    ]
    event_time, known_time = (instants(book.column(name)) for name in ("event_time", "known_time"))
    row, sequence = (book.column(name).to_numpy().astype(np.int64) for name in ("source_row", "sequence"))
    columns = np.concatenate([np.stack(flags, axis=1), *sides], axis=1, dtype=np.float64)
    return BookRows(event_time, known_time, row, sequence, columns)


def best_of(book: BookRows) -> TimedRows:
    """Return the best bid and ask of a book as `quotes`; NaN where it is not trusted."""
    trusted = book.columns[:, 0] == 1.0
    sides = zip(SIDES, _sides(book.columns), strict=True)
    best = {name: pa.array(np.where(trusted, each[:, 0], np.nan)) for name, each in sides}
    known = pa.array(book.known_time).cast(INSTANT)
    return TimedRows(book.known_time, pa.RecordBatch.from_pydict({"known_time": known, **best}))


def one_level(quotes: TimedRows) -> EventRows:
    """Return quotes as rows of a book of one level."""
    sides = [quotes.rows.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False) for name in SIDES]
    one = np.ones(len(quotes))
    return EventRows(quotes.known_time, np.stack([one, one, *sides], axis=1))


def _sides(columns: FloatArray) -> tuple[FloatArray, ...]:
    """Return bid prices, bid sizes, ask prices and ask sizes of rows of a book, [E, L] each."""
    depth = (columns.shape[1] - 2) // 4
    return tuple(columns[:, 2 + place * depth : 2 + (place + 1) * depth] for place in range(4))


def _judged(
    levels: dict[str, FloatArray], age: Instants, there: NDArray[np.bool_], stale_after: float
) -> BookAt:
    bid, ask = levels["bid_price"][:, 0], levels["ask_price"][:, 0]
    shown = (levels["bid_size"][:, 0] > 0.0) & (levels["ask_size"][:, 0] > 0.0)
    missing = ~there | np.isnan(bid) | np.isnan(ask) | ~shown
    state = np.select(
        [missing, ~(bid < ask), age > stale_after * 1e9], [MISSING, CROSSED, STALE], default=SOUND
    )
    return BookAt(state.astype(np.int8), **levels)


def nanoseconds(times: "pd.Series[pd.Timestamp]") -> Instants:
    """Return instants of a table as nanoseconds UTC, [E]."""
    return np.asarray(pd.DatetimeIndex(times).tz_convert("UTC").as_unit("ns").asi8)
