"""The national best bid and offer, built from quotes that tell one side of one venue a row.

Two kinds of feed look alike. In a *venue* feed a row replaces that venue's side, and the best is the highest
bid and the lowest offer over the venues. In a *national* feed a row is the best of its side already and names
the venue that sets it; a venue that is no longer best says nothing, so carrying its last quote forward would
leave the market crossed nearly all the time. A national feed repeats both sides at every change: its bid rows
are followed by an ask row of the same instant. `feed_of` goes by that.
"""

from collections.abc import Iterator
from typing import Final, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.domain.kept import kept
from pipeline.ingest.market_tables import SCHEMAS, Batch, batch, held

Feed = Literal["national", "venue"]
Column = NDArray[np.float64]
NAME: Final = "national"
STALE_AFTER_SECONDS: Final = 60.0
PAIRED: Final = 0.99
MOST_VENUES: Final = 64
SOUND, LOCKED, CROSSED = 0, 1, 2
_REASONS: Final = {
    LOCKED: "locked: the best bid is the best offer",
    CROSSED: "crossed: the best bid is above",
}


def feed_of(quotes: pa.RecordBatch) -> Feed:
    """Tell which feed quotes come from: national where bids are paired with asks, else venue.

    Examples
    --------
    >>> when = np.array([0, 0, 5, 5], "datetime64[ns]")
    >>> nan = np.nan
    >>> rows = {"bid_price": [9.0, nan, 9.1, nan], "ask_price": [nan, 9.2, nan, 9.2], "venue": ["Q", "K"] * 2}
    >>> sizes = {"bid_size": [1.0] * 4, "ask_size": [1.0] * 4, "source_row": range(4)}
    >>> feed_of(batch("quotes", {"event_time": when, "known_time": when, **rows, **sizes}).rows)
    'national'
    """
    times = quotes.column("event_time").cast(pa.int64()).to_numpy()
    bid, ask = (~np.isnan(quotes.column(f"{side}_price").to_numpy()) for side in ("bid", "ask"))
    first = np.flatnonzero(bid[:-1])
    paired = ~ask[first] & ask[first + 1] & ~bid[first + 1] & (times[first] == times[first + 1])
    return "national" if len(first) and paired.mean() >= PAIRED else "venue"


def national_best(
    quotes: Iterator[Batch],
    file: str,
    feed: Feed | None = None,
    stale_after_seconds: float = STALE_AFTER_SECONDS,
) -> Iterator[Batch]:
    """Yield the national best bid and offer after every change, as `quotes`; quarantine passes through.

    Of several venues at the best price the sizes are added up. A side that was last told longer ago than
    `stale_after_seconds` counts for nothing. Where the best is locked or crossed the row has no price on
    either side, so that nothing older is taken for the quote in force, and the quarantine says why.

    Parameters
    ----------
    quotes : batches of `quotes` in the order of time; NaN on a side that a row does not tell.
    file : for the quarantine.
    feed : which kind of feed it is; None finds out from the first batch.

    Raises
    ------
    DataError
        There are more venues than there are in any market.
    """
    market: _Market | None = None
    for found in quotes:
        if found.table != "quotes":
            yield found
            continue
        if found.rows.num_rows == 0:
            continue
        market = market or _Market(file, feed or feed_of(found.rows), stale_after_seconds)
        yield from market.told(found.rows)
    if market is not None:
        yield from market.rest()


class _Market:
    """The last that each venue said of each side; in a national feed all rows are of one venue."""

    def __init__(self, file: str, feed: Feed, stale_after_seconds: float) -> None:
        self.file, self.feed = file, feed
        self._stale_after = int(stale_after_seconds * 1e9)
        self._venues: dict[str, int] = {}
        self._prices = np.full((2, MOST_VENUES), np.nan)
        self._sizes = np.zeros((2, MOST_VENUES))
        self._times = np.zeros((2, MOST_VENUES), dtype=np.int64)
        self._waiting = SCHEMAS["quotes"].empty_table().to_batches()[:1]

    def told(self, rows: pa.RecordBatch) -> Iterator[Batch]:
        """Take in rows; the last may be half of a pair and waits for the next rows."""
        joined = pa.Table.from_batches([*self._waiting, rows]).combine_chunks().to_batches()[0]
        last = joined.num_rows - 1
        self._waiting = [joined.slice(last)]
        if last:
            yield from self._best(joined, last)

    def rest(self) -> Iterator[Batch]:
        """Take in the row that waited."""
        yield from self._best(self._waiting[0], 1)

    def _best(self, rows: pa.RecordBatch, count: int) -> Iterator[Batch]:
        times = rows.column("event_time").cast(pa.int64()).to_numpy()
        names = ("bid_price", "ask_price", "bid_size", "ask_size")
        prices_sizes = np.stack([rows.column(name).to_numpy() for name in names])
        told = prices_sizes[:, :count]
        best = np.empty((4, count))
        state = np.empty(count, dtype=np.int64)
        known = (self._prices, self._sizes, self._times)
        best_after(told, times[:count], self._codes(rows)[:count], self._stale_after, *known, best, state)
        whole = np.ones(count, dtype=np.bool_)
        if self.feed == "national":
            bid, ask = ~np.isnan(prices_sizes[0]), ~np.isnan(prices_sizes[1])
            halves = bid[:-1] & ~ask[:-1] & ask[1:] & (times[:-1] == times[1:])
            whole[: len(halves)] = ~halves[:count]
        yield self._quotes(rows.slice(0, count), best, whole)
        odd = np.flatnonzero(whole & (state != SOUND))
        if len(odd):
            lines = rows.column("source_row").to_numpy()[odd].tolist()
            texts = [f"bid {told_bid}, ask {told_ask}" for told_bid, told_ask in best[:2, odd].T.tolist()]
            reasons = [_REASONS[int(state[row])] for row in odd]
            yield held("quotes", self.file, list(zip(lines, reasons, texts, strict=True)))

    def _quotes(self, rows: pa.RecordBatch, best: Column, whole: NDArray[np.bool_]) -> Batch:
        unsound = ~(best[0] < best[1]) & ~np.isnan(best[0]) & ~np.isnan(best[1])
        shown = np.where(unsound, np.nan, best)
        columns = {name: rows.column(name) for name in ("event_time", "known_time", "source_row")}
        names = ("bid_price", "ask_price", "bid_size", "ask_size")
        found = batch("quotes", {**columns, **dict(zip(names, shown, strict=True)), "venue": NAME})
        return Batch("quotes", found.rows.filter(pa.array(whole)))

    def _codes(self, rows: pa.RecordBatch) -> NDArray[np.int64]:
        if self.feed == "national":
            return np.zeros(rows.num_rows, dtype=np.int64)
        coded = rows.column("venue").dictionary_encode()
        for venue in coded.dictionary.to_pylist():
            self._venues.setdefault(venue, len(self._venues))
        if len(self._venues) > MOST_VENUES:
            raise DataError(f"{self.file}: quotes of over {MOST_VENUES} venues: check the column of venues")
        code_of = np.array([self._venues[venue] for venue in coded.dictionary.to_pylist()], dtype=np.int64)
        codes: NDArray[np.int64] = code_of[coded.indices.to_numpy()]
        return codes


@kept(nogil=True)
def best_after(
    told: Column,
    times: NDArray[np.int64],
    venue: NDArray[np.int64],
    stale_after: int,
    prices: Column,
    sizes: Column,
    told_at: NDArray[np.int64],
    best: Column,
    state: NDArray[np.int64],
) -> None:
    """Write the best bid and offer after each row to `best`, and SOUND, LOCKED or CROSSED to `state`.

    Parameters
    ----------
    told : [4 × rows] bid price, ask price, bid size, ask size; a NaN price is a side not told.
    times, venue : [rows] nanoseconds, and the number of the venue.
    prices, sizes, told_at : [2 × venues] what each venue last said of bid and ask; carried on.
    best : [4 × rows] as `told`, NaN on a side that nobody quotes.
    """
    for row in range(told.shape[1]):
        for side in range(2):
            if not np.isnan(told[side, row]):
                prices[side, venue[row]] = told[side, row]
                sizes[side, venue[row]] = told[2 + side, row]
                told_at[side, venue[row]] = times[row]
        for side in range(2):
            price, size = np.nan, np.nan
            sign = 1.0 if side == 0 else -1.0
            for each in range(prices.shape[1]):
                quoted = prices[side, each]
                if np.isnan(quoted) or times[row] - told_at[side, each] > stale_after:
                    continue
                if np.isnan(price) or sign * quoted > sign * price:
                    price, size = quoted, sizes[side, each]
                elif quoted == price:
                    size += sizes[side, each]
            best[side, row] = price
            best[2 + side, row] = size
        state[row] = SOUND
        if best[0, row] == best[1, row]:
            state[row] = LOCKED
        elif best[0, row] > best[1, row]:
            state[row] = CROSSED
