"""Book events as arrays, checked once, in the order in which they happened."""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.ingest.market_tables import (
    ADD,
    DELETE,
    LEVEL,
    REPORTED,
    RULES,
    SNAPSHOT,
    START,
    WITHOUT_LEVEL,
)
from pipeline.orderbook.ladder_kernel import Events, IntArray


@dataclass(frozen=True)
class BookEvents:
    """Rows of `book_events` as arrays, [E] each; times in nanoseconds UTC.

    Raises
    ------
    DataError
        A row could not stand in a book: its kind, side, price, size or order id is none.
    """

    event_time: IntArray
    known_time: IntArray
    source_row: IntArray
    sequence: IntArray
    kind: NDArray[np.int8]
    flags: NDArray[np.int8]
    side: NDArray[np.int8]
    price: FloatArray
    size: FloatArray
    order_id: IntArray

    def __post_init__(self) -> None:
        columns = {each.name: getattr(self, each.name) for each in fields(self)}
        for rule in RULES["book_events"]:
            _refuse(rule.broken(columns), rule.reason, self.source_row)
        _refuse((self.kind < LEVEL) | (self.kind > START), "no kind of event", self.source_row)
        inside = np.isin(self.kind, WITHOUT_LEVEL, invert=True)
        _refuse(inside & (np.abs(self.side) != 1), "side neither bid nor ask", self.source_row)
        orders = (self.kind >= ADD) & (self.kind <= DELETE)
        _refuse(orders & (self.order_id == 0), "order without an id", self.source_row)
        alone = (self.kind == REPORTED) & (self.flags & SNAPSHOT == 0)
        _refuse(alone, "level reported outside a snapshot", self.source_row)

    @classmethod
    def of(cls, rows: pa.RecordBatch) -> Self:
        """Return the events of a batch of the canonical table."""
        columns = {}
        for each in fields(cls):
            column = rows.column(each.name)
            plain = column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
            columns[each.name] = plain.to_numpy(zero_copy_only=False)
        return cls(**columns)

    def __len__(self) -> int:
        return len(self.kind)

    def __getitem__(self, rows: slice) -> "BookEvents":
        part = object.__new__(BookEvents)
        for each in fields(self):
            object.__setattr__(part, each.name, getattr(self, each.name)[rows])
        return part

    def arrays(self) -> Events:
        """Return what the compiled loop reads: all read-only, so that it is compiled for one type."""
        columns = (self.known_time, self.kind, self.flags, self.side, self.price, self.size, self.order_id)
        return tuple(read_only(column) for column in columns)

    def level_prices(self) -> FloatArray:
        """Return the prices of levels; that of an empty one in a snapshot may stand for where a side ends."""
        inside = np.isin(self.kind, WITHOUT_LEVEL, invert=True)
        prices: FloatArray = self.price[inside & ((self.kind != REPORTED) | (self.size > 0.0))]
        return prices


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view of an array through which it cannot be changed."""
    view = array.view()
    view.flags.writeable = False
    return view


def _refuse(broken: NDArray[np.bool_], reason: str, source_row: IntArray) -> None:
    bad = np.flatnonzero(broken)
    if len(bad):
        raise DataError(f"book_events, row {source_row[bad[0]]}: {reason}: hold it in quarantine")
