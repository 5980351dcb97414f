"""The book in arrays: empty, with room and ticks for what comes, and read outside of the compiled loop."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.instruments import FloatArray
from pipeline.orderbook import ladder_kernel as kernel
from pipeline.orderbook.ladder_kernel import BitArray, IntArray

_LEAST: Final = 64
"""Places of an empty table."""
_DECIMALS: Final = 13
"""Decimal places of a price, less one, that are looked for; a finer tick is taken for none."""
_PIECE: Final = 1024
"""Numbers whose common divisor is looked for before the next ones."""


class Ladder(NamedTuple):
    """The arrays of a book.

    `page_ids` [F] has the pages by id (0 is a free place), `filled` [F] a bit for each level of them and
    `cells` [64 F, 3] the levels; `edges` [5] are the keys of the last levels shown and of those that
    snapshots reached, and ticks a unit of price; `order_ids` [M] and `orders` [M, 2] are the orders by id
    with key and size; F and M are powers of two.
    """

    page_ids: IntArray
    filled: BitArray
    cells: FloatArray
    edges: FloatArray
    order_ids: IntArray
    orders: FloatArray
    marks: IntArray


def empty() -> Ladder:
    """Return a book in which nothing has happened."""
    marks = np.zeros(kernel.MARKS, dtype=np.int64)
    marks[kernel.SHOWN] = -1
    edges = np.array([-np.inf, -np.inf, np.inf, np.inf, np.nan])
    orders = np.zeros(_LEAST, dtype=np.int64), np.zeros((_LEAST, 2))
    return Ladder(*_no_pages(_LEAST, marks), edges, *orders, marks)


def _no_pages(places: int, marks: IntArray) -> tuple[IntArray, BitArray, FloatArray]:
    marks[kernel.PAGES] = marks[kernel.CURSOR : kernel.CURSOR + 2] = 0
    marks[kernel.LIVE : kernel.LIVE + 2], marks[kernel.BEST : kernel.BEST + 2] = 0, kernel.NOWHERE
    ids, filled = np.zeros(places, dtype=np.int64), np.zeros(places, dtype=np.uint64)
    return ids, filled, np.empty((kernel.PAGE * places, 3))


def fitted(book: Ladder, prices: FloatArray) -> Ladder:
    """Return the book with room in its tables, and with ticks on which prices to come lie too.

    The ticks stay as they are if the first of the prices lies on one.
    """
    levels, edges = _filled(book), book.edges.copy()
    if not _on_ticks(prices[:1], edges[kernel.SCALE]):
        edges[kernel.SCALE] = ticks_a_unit(np.append(np.abs(levels[:, kernel.KEY]), prices))
    marks = book.marks.copy()
    table = _of_levels(levels, edges, marks)
    order_ids, orders = book.order_ids, book.orders
    if 2 * (marks[kernel.ORDERS] + 1) > order_ids.size:
        order_ids, orders = np.zeros(2 * order_ids.size, dtype=np.int64), np.zeros((2 * len(orders), 2))
        kernel.move_orders(book.order_ids, book.orders, order_ids, orders)
    return Ladder(*table, edges, order_ids, orders, marks)


def _of_levels(
    levels: FloatArray, edges: FloatArray, marks: IntArray
) -> tuple[IntArray, BitArray, FloatArray]:
    """Return pages that hold levels [L, 3], and set the marks that tell of them."""
    table = _no_pages(_places(4 * _pages(levels[:, kernel.KEY], edges[kernel.SCALE])), marks)
    kernel.put_levels(levels, *table, edges, marks)
    return table


def contents(book: Ladder) -> dict[str, NDArray[Any]]:
    """Return what a book holds and remembers, in one order whatever its tables look like; see `of_contents`.

    Ticks and counts of oddities are left out: neither changes what comes.
    """
    levels, taken = _filled(book), book.order_ids != 0
    order = np.argsort(book.order_ids[taken])
    return {
        "levels": levels[np.argsort(levels[:, kernel.KEY])],
        "order_ids": book.order_ids[taken][order],
        "orders": book.orders[taken][order],
        "edges": book.edges[: kernel.SCALE].copy(),
        "marks": book.marks[list(kernel.REMEMBERED)],
    }


def of_contents(held: Mapping[str, NDArray[Any]]) -> Ladder:
    """Return a book that goes on as the one whose `contents` are given.

    Parameters
    ----------
    held : `levels` [L, 3] by key, `order_ids` [O] and `orders` [O, 2] by id, `edges` [4] and `marks` [7],
        those of `ladder_kernel.REMEMBERED`.
    """
    book = empty()
    levels, ids = np.ascontiguousarray(held["levels"]), held["order_ids"]
    edges, marks = book.edges, book.marks
    edges[: kernel.SCALE] = held["edges"]
    if len(levels):
        edges[kernel.SCALE] = ticks_a_unit(np.abs(levels[:, kernel.KEY]))
    marks[list(kernel.REMEMBERED)], marks[kernel.ORDERS] = held["marks"], len(ids)
    table = _of_levels(levels, edges, marks)
    places = max(_LEAST, 1 << (2 * len(ids) + 1).bit_length())
    order_ids, orders = np.zeros(places, dtype=np.int64), np.zeros((places, 2))
    kernel.move_orders(ids.copy(), np.ascontiguousarray(held["orders"]), order_ids, orders)
    return Ladder(*table, edges, order_ids, orders, marks)


def _places(pages: int) -> int:
    """Return the places of a table that stays less than half full with some more pages."""
    return 1 << max(2 * pages + 7, _LEAST - 1).bit_length()


def _on_ticks(prices: FloatArray, scale: float) -> bool:
    if scale == 0.0:
        return True
    exact = prices * scale
    ticks = np.rint(exact)
    on = (np.abs(exact - ticks) <= kernel.NOISE * exact) & (ticks > 0.0) & (ticks < kernel.FARTHEST)
    return bool(on.all())


def _pages(keys: FloatArray, scale: float) -> int:
    """Return on how many pages levels lie."""
    ticks = np.rint(np.abs(keys) * scale).astype(np.int64) if scale else np.abs(keys).view(np.int64)
    return len(np.unique(np.where(keys > 0.0, ticks, -ticks) >> 6)) if len(keys) else 0


def ticks_a_unit(prices: FloatArray) -> float:
    """Return how many ticks a unit of price is: of the widest tick on which all prices lie, in decimals.

    Returns
    -------
    float
        0 where they have no tick: each price is then a tick of its own.

    Examples
    --------
    >>> ticks_a_unit(np.array([100.25, 99.5, 101.0])), ticks_a_unit(np.array([1 / 3]))
    (4.0, 0.0)
    """
    for decimals in range(_DECIMALS):
        scale = 10.0**decimals
        if _on_ticks(prices, scale):
            return scale / _common(np.rint(prices * scale).astype(np.int64))
    return 0.0


def _common(numbers: IntArray) -> int:
    """Return the greatest common divisor."""
    divisor = 0
    for start in range(0, len(numbers), _PIECE):
        divisor = int(np.gcd.reduce(numbers[start : start + _PIECE], initial=divisor))
        if divisor == 1:
            break
    return divisor


def trusted(book: Ladder) -> bool:
    """Return whether nothing is missing, the last message was whole and the book is not crossed."""
    whole = book.marks[kernel.WHOLE] == 1 and book.marks[kernel.OPEN] == 0
    return bool(whole and not _crossed(book.marks))


def _crossed(marks: IntArray) -> bool:
    bid, ask = marks[kernel.BEST : kernel.BEST + 2]
    return bool(kernel.NOWHERE not in (bid, ask) and bid >= -ask)


def _filled(book: Ladder) -> FloatArray:
    """Return the cells of all levels, [L, 3]."""
    found = np.empty((book.marks[kernel.LIVE : kernel.LIVE + 2].sum(), 3))
    kernel.gather_levels(book.page_ids, book.filled, book.cells, found)
    return found


def levels(book: Ladder, side: int) -> tuple[FloatArray, FloatArray]:
    """Return keys and sizes of all levels of a side (0 bid, 1 ask), the best first."""
    found = _filled(book)
    ours = found[(found[:, kernel.KEY] < 0.0) == (side == 1)]
    ours = ours[np.argsort(-ours[:, kernel.KEY])]
    return ours[:, kernel.KEY], ours[:, kernel.TOTAL]


def show(book: Ladder, depth: int) -> FloatArray:
    """Return the best levels as they are now, [2 + 4 depth]."""
    row = np.empty((1, 2 + 4 * depth))
    arrays = (book.page_ids, book.filled, book.cells, book.edges.copy(), book.marks)
    kernel.show(*arrays, int(trusted(book)), depth, row, 0)
    answer: FloatArray = row[0]
    return answer
