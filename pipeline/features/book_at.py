"""The book as it stood at given instants: what orders meet, and what averages over time are made of."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.instruments import FloatArray
from pipeline.orderbook.order_book import BookRows

SOUND, MISSING, CROSSED, STALE, UNTRUSTED = 0, 1, 2, 3, 4
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
        mid = self.mid[:, None]
        bids = np.where(self.bid_price >= mid * (1.0 - distance), self.bid_size, 0.0).sum(axis=1)
        asks = np.where(self.ask_price <= mid * (1.0 + distance), self.ask_size, 0.0).sum(axis=1)
        return np.asarray(np.where(self.sound, 0.5 * (bids + asks), np.nan))

    def crossing_cost(self, size: float) -> FloatArray:
        """Return what a market order of `size` units pays against the mid, [S] fractions, mean of both sides.

        It walks the levels; what they do not hold pays one spread more than the last of them, for what lies
        beyond is not shown. NaN where the book is not sound.
        """
        mid, spread = self.mid, self.ask_price[:, 0] - self.bid_price[:, 0]
        bought = _paid(self.ask_price, self.ask_size, size, spread) - mid
        sold = mid - _paid(self.bid_price, self.bid_size, size, -spread)
        return np.asarray(0.5 * (bought + sold) / mid)


def _paid(price: FloatArray, size: FloatArray, order: float, beyond: FloatArray) -> FloatArray:
    """Return the average price [S] of an order that walks levels [S, L], the rest `beyond` the last."""
    there = np.where(np.isnan(price), 0.0, size)
    before = np.cumsum(there, axis=1) - there
    taken = np.clip(order - before, 0.0, there)
    rest = order - taken.sum(axis=1)
    last = np.take_along_axis(price, (np.isfinite(price).sum(axis=1) - 1).clip(0)[:, None], axis=1)[:, 0]
    walked = np.where(taken > 0.0, taken * np.where(np.isnan(price), 0.0, price), 0.0).sum(axis=1)
    return np.asarray((walked + rest * (last + beyond)) / order)


def quotes_at(quotes: pd.DataFrame, times: Instants, stale_after: float) -> BookAt:
    """Return the best bid and ask that were known at each instant, as a book of one level.

    Parameters
    ----------
    quotes : the canonical table, in the order of `known_time`.
    times : [S] nanoseconds UTC.
    stale_after : seconds after which a quote is not believed.

    Examples
    --------
    >>> rows = {"known_time": pd.to_datetime([1, 5], utc=True), "bid_price": [9.0, 9.5], "bid_size": 1.0,
    ...         "ask_price": [10.0, 9.5], "ask_size": 2.0}
    >>> quotes_at(pd.DataFrame(rows), np.array([0, 3, 5]), 60.0).state.tolist()
    [1, 0, 2]
    """
    known = nanoseconds(quotes["known_time"])
    place = np.searchsorted(known, times, side="right") - 1
    rows = place.clip(0)
    there = place >= 0
    levels = {name: np.where(there, quotes[name].to_numpy(float)[rows], np.nan)[:, None] for name in SIDES}
    return _judged(levels, times - known[rows], there, stale_after)


def book_at(book: BookRows, times: Instants, stale_after: float) -> BookAt:
    """Return the levels of a book that were known at each instant, as many as any of these rows shows.

    Parameters
    ----------
    book : in the order of `known_time`.
    times, stale_after : as in `quotes_at`.
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


def rows_of(book: pd.DataFrame) -> BookRows:
    """Return the canonical table `book`, whose prices and sizes are lists of levels, as arrays."""
    flags = book[["trusted", "levels"]].to_numpy(float)
    sides = [np.concatenate(book[name].to_list()).reshape(len(book), -1) for name in SIDES]
    return BookRows(
        nanoseconds(book["event_time"]),
        nanoseconds(book["known_time"]),
        book["source_row"].to_numpy(np.int64),
        book["sequence"].to_numpy(np.int64),
        np.concatenate([flags, *sides], axis=1),
    )


def best_of(book: BookRows) -> pd.DataFrame:
    """Return the best bid and ask of a book as `quotes`; NaN where it is not trusted."""
    trusted = book.columns[:, 0] == 1.0
    sides = zip(SIDES, _sides(book.columns), strict=True)
    best = {name: np.where(trusted, each[:, 0], np.nan) for name, each in sides}
    return pd.DataFrame({"known_time": pd.to_datetime(book.known_time, utc=True), **best})


def widened(columns: FloatArray, width: int) -> FloatArray:
    """Return rows of a book, [E, 2 + 4 L], with as many levels as rows of `width` columns have: NaN beyond L.

    Examples
    --------
    >>> widened(np.array([[1.0, 1.0, 9.0, 2.0, 10.0, 3.0]]), 10)
    array([[ 1.,  1.,  9., nan,  2., nan, 10., nan,  3., nan]])
    """
    if columns.shape[1] == width:
        return columns
    missing = (width - columns.shape[1]) // 4
    sides = [np.pad(each, ((0, 0), (0, missing)), constant_values=np.nan) for each in _sides(columns)]
    return np.concatenate([columns[:, :2], *sides], axis=1)


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
