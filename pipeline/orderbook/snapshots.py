"""Books that a venue sends beside its log of orders, set among its events in the order of time.

A log begins in the middle of a day, with orders on the book that it never told of, and a venue's snapshots
tell the levels without their orders. Each snapshot becomes a run of REPORTED levels: the first starts the
book, the later ones correct what was never known, and one after a gap starts it again.
"""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.ingest.market_tables import LAST, REPORTED, SNAPSHOT, Batch, ladder
from pipeline.orderbook.events import BookEvents

_ENDS = {1: float(np.finfo(np.float64).tiny), -1: float(np.finfo(np.float64).max)}


def reported(books: pa.RecordBatch) -> BookEvents:
    """Return rows of `book` as events: a snapshot of REPORTED levels each, the best of a side first.

    Where a side ends before `levels` an empty level at the worst price there is says so. Rows that are not
    trusted, and those without a level, are no snapshots.

    Examples
    --------
    >>> from pipeline.ingest.market_tables import batch, padded
    >>> now = np.array(["2020-01-01"], "datetime64[ns]")
    >>> side = {"bid_price": [[9.0, 8.0]], "bid_size": [[1.0, 2.0]], "ask_price": [[11.0, 12.0]],
    ...         "ask_size": [[2.0, 5.0]]}
    >>> columns = {name: padded(np.array(levels)) for name, levels in side.items()}
    >>> rest = {"event_time": now, "known_time": now, "source_row": [7], "sequence": 0, "trusted": True}
    >>> events = reported(batch("book", rest | columns | {"levels": 2}).rows)
    >>> events.price.tolist(), events.side.tolist(), events.flags.tolist()
    ([9.0, 8.0, 11.0, 12.0], [1, 1, -1, -1], [2, 2, 2, 3])
    """
    depth = books.column("levels").to_numpy()[:, None]
    sound = books.column("trusted").to_numpy(zero_copy_only=False)[:, None]
    sides, prices, sizes, kept = [], [], [], []
    for side, name in ((1, "bid"), (-1, "ask")):
        price, size = _ended(ladder(books, f"{name}_price"), ladder(books, f"{name}_size"), side)
        place = np.arange(price.shape[1])
        there = np.isfinite(price)
        kept.append(there & (place < depth) & sound)
        prices.append(price)
        sizes.append(size)
        sides.append(np.full(price.shape, side, dtype=np.int8))
    chosen = np.hstack(kept)
    row = np.nonzero(chosen)[0]
    last = np.append(row[1:] != row[:-1], np.ones(min(len(row), 1), dtype=np.bool_))
    stamps = {name: _whole(books, name)[row] for name in ("event_time", "known_time", "source_row")}
    return BookEvents(
        **stamps,
        sequence=_whole(books, "sequence")[row],
        kind=np.full(len(row), REPORTED, dtype=np.int8),
        flags=np.where(last, SNAPSHOT | LAST, SNAPSHOT).astype(np.int8),
        side=np.hstack(sides)[chosen],
        price=np.hstack(prices)[chosen],
        size=np.hstack(sizes)[chosen],
        order_id=np.zeros(len(row), dtype=np.int64),
    )


def _ended(price: FloatArray, size: FloatArray, side: int) -> tuple[FloatArray, FloatArray]:
    """Put an empty level at the worst price there is where a side ends."""
    ends = np.count_nonzero(np.isfinite(price), axis=1)
    rows = np.flatnonzero(ends < price.shape[1])
    price, size = price.copy(), size.copy()
    price[rows, ends[rows]], size[rows, ends[rows]] = _ENDS[side], 0.0
    return price, size


def _whole(rows: pa.RecordBatch, name: str) -> NDArray[np.int64]:
    values: NDArray[np.int64] = rows.column(name).cast(pa.int64()).to_numpy()
    return values


def merged(parts: list[BookEvents]) -> BookEvents:
    """Return events of several tables by known time and row of the file, those of one row as they were."""
    return _sorted(parts, np.lexsort((_column(parts, "source_row"), _column(parts, "known_time"))))


def in_time(files: list[BookEvents]) -> BookEvents:
    """Return events of several files by known time, of one instant those of the first file first."""
    if len(files) == 1:
        return files[0]
    return _sorted(files, np.argsort(_column(files, "known_time"), kind="stable"))


def _sorted(parts: list[BookEvents], order: NDArray[np.int64]) -> BookEvents:
    return BookEvents(**{each.name: _column(parts, each.name)[order] for each in fields(parts[0])})


def _column(parts: list[BookEvents], name: str) -> NDArray[Any]:
    return np.concatenate([getattr(part, name) for part in parts])


Stamp = tuple[int, int]
"""Known time and row of the file."""


def in_order(batches: Iterator[Batch]) -> Iterator[BookEvents]:
    """Yield the book events of a file's batches with its snapshots among them; other tables are passed over.

    A reader gives the tables of a block one after another, so all rows up to the end of a table's batch have
    come when its next one comes. Two blocks are held at a time.

    Raises
    ------
    DataError
        A row comes after later ones were let pass.
    """
    waiting: list[BookEvents] = []
    ends: dict[str, Stamp] = {}
    passed: Stamp = (np.iinfo(np.int64).min, 0)
    for each in batches:
        if each.table not in ("book_events", "book"):
            continue
        found = BookEvents.of(each.rows) if each.table == "book_events" else reported(each.rows)
        if not len(found):
            continue
        if _stamp(found, 0) < passed:
            row = found.source_row[0]
            raise DataError(f"{each.table}, row {row}: earlier than rows before it: sort the table")
        passed = max(passed, ends.get(each.table, passed))
        ready, rest = _split(merged([*waiting, found]), passed)
        ends[each.table], waiting = _stamp(found, -1), [rest]
        if len(ready):
            yield ready
    if waiting:
        yield waiting[0]


def _stamp(events: BookEvents, place: int) -> Stamp:
    return int(events.known_time[place]), int(events.source_row[place])


def _split(events: BookEvents, last: Stamp) -> tuple[BookEvents, BookEvents]:
    """Return the events up to a stamp, and the later ones."""
    early = (events.known_time < last[0]) | ((events.known_time == last[0]) & (events.source_row <= last[1]))
    place = int(np.count_nonzero(early))
    return events[:place], events[place:]
