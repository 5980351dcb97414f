"""A checkpoint of a book as one table, so that it can be kept like any other."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.orderbook.order_book import OrderBook

LEVEL, ORDER, EDGE, MARK, LAST = "level", "order", "edge", "mark", "last"
COLUMNS: Final = ("part", "number", "key", "size", "members")
"""What a row is of, in the order of a checkpoint: a level (price on the bid and minus that on the ask, size,
orders), an order (id, key and size), a key of `edges`, one of `marks`, a stamp of the last event."""


def checkpoint_table(book: OrderBook) -> pd.DataFrame:
    """Return the checkpoint of a book as a table with `COLUMNS`; equal tables of equal books.

    Examples
    --------
    >>> restored_book(checkpoint_table(OrderBook(3))).depth
    3
    """
    held = book.checkpoint()
    nothing = np.full((len(held["orders"]), 1), np.nan)
    parts = [
        _rows(LEVEL, np.zeros(len(held["levels"]), np.int64), held["levels"]),
        _rows(ORDER, held["order_ids"], np.c_[held["orders"], nothing]),
        _rows(EDGE, np.arange(len(held["edges"])), _first_of_three(held["edges"])),
        _rows(MARK, held["marks"], _first_of_three(np.full(len(held["marks"]), np.nan))),
        _rows(LAST, held["last"], _first_of_three(np.full(len(held["last"]), np.nan))),
    ]
    return pd.concat(parts, ignore_index=True)


def _rows(part: str, number: NDArray[np.int64], numbers: NDArray[np.float64]) -> pd.DataFrame:
    columns = dict(zip(COLUMNS[2:], numbers.T, strict=True))
    table = pd.DataFrame({"part": part, "number": number.astype(np.int64), **columns})
    return table.astype({"part": "str"})


def _first_of_three(values: NDArray[np.float64]) -> NDArray[np.float64]:
    columns: NDArray[np.float64] = np.c_[values, np.full((len(values), 2), np.nan)]
    return columns


def restored_book(table: pd.DataFrame) -> OrderBook:
    """Return the book whose `checkpoint_table` is given."""
    parts = {str(part): rows for part, rows in table.groupby("part", sort=False)}

    def numbers(part: str, *columns: str) -> NDArray[np.float64]:
        rows = parts.get(part)
        found = np.empty((0, len(columns))) if rows is None else rows[list(columns)].to_numpy(np.float64)
        return np.asarray(found, dtype=np.float64)

    def wholes(part: str) -> NDArray[np.int64]:
        rows = parts.get(part)
        return np.empty(0, np.int64) if rows is None else rows["number"].to_numpy(np.int64)

    state: Mapping[str, NDArray[Any]] = {
        "levels": numbers(LEVEL, "key", "size", "members"),
        "order_ids": wholes(ORDER),
        "orders": numbers(ORDER, "key", "size"),
        "edges": numbers(EDGE, "key")[:, 0],
        "marks": wholes(MARK),
        "last": wholes(LAST),
    }
    return OrderBook.restored(state)
