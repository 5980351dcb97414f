"""The book in arrays, and the compiled loop that takes it through its events.

The levels near the touch of each side stand sorted in a window with the best at the end; those farther away
are in a table by price, unsorted, for most changes of a deep book are far from the touch and need no order.
Any tick size does, and an order left at an absurd price costs nothing. The window takes the best of the table
when it runs low and gives its worst when it is full; all of the window is better than all of the table. A
level that empties keeps its place in the window, for it mostly comes back, until another needs the room.
A price is held as `key`, the price on the bid and minus the price on the ask: the best is the greatest.

Both tables (levels by key, orders by id) are open-addressed with linear probing, and what leaves them leaves
no trace: those behind it move up, so that they never have to be cleaned. The functions take the arrays that
they use one by one, and lent, for numba would count references at every call.

What a snapshot without orders tells of a level beyond the orders that are known is one more order, the rest
of the level, under the level's own key. Orders that are known are believed until they are deleted.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.domain.instruments import FloatArray
from pipeline.domain.lent_array import lent
from pipeline.ingest import market_tables

IntArray = NDArray[np.int64]

LEVEL, ADD, CHANGE = market_tables.LEVEL, market_tables.ADD, market_tables.CHANGE
DELETE, CLEAR, REPORTED = market_tables.DELETE, market_tables.CLEAR, market_tables.REPORTED
LAST, SNAPSHOT, GAP = market_tables.LAST, market_tables.SNAPSHOT, market_tables.GAP

KEY, TOTAL, MEMBERS = range(3)
"""Rows of the window: key, size (0 where the level is empty), and how many orders make up the level (0 where
only levels are reported)."""

WHOLE, IN_SNAPSHOT, TOUCHED, OPEN, SHOWN, NEAR, LIVE, FAR = 0, 1, 2, 3, 4, 5, 7, 9
ORDERS, UNKNOWN, DUPLICATE, CROSSED, UNEXPLAINED, DENIED, DOUBT = 11, 12, 13, 14, 15, 16, 17
"""Places in `marks`: nothing is missing since the last snapshot; the last event was part of one; the best
levels changed since they were shown; events came since the last whole message; trust as it was shown last
(−1: never); places taken in the window, levels in it that are not empty, and levels in the table, of bid and
ask each; orders; events of orders that were not there; orders added twice; whole messages after which the
book was crossed; events of orders that no rest explains; known orders that the snapshot being read denies;
snapshots in a row that denied some, `START_ANEW` after a gap."""
MARKS: Final = 18
START_ANEW: Final = 2

REACH: Final = 2
"""Place in `edges`, of bid and ask: the key of the last level that a snapshot without orders told of."""
_DUST: Final = 1e-9
"""Part of a size that sums of sizes may be off by."""

_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)


class Ladder(NamedTuple):
    """The arrays of a book.

    `window` [3, 2 W] has the bid in its first W columns and the ask in the others; `edges` [4] are the keys
    of the last levels shown and of those that snapshots reached; `far_ids` [F] and `far` [F, 2] the other
    levels by key (its bits; 0 is a free place) with size and members; `order_ids` [M] and `orders` [M, 2] the
    orders by id with key and size; F and M are powers of two.
    """

    window: FloatArray
    edges: FloatArray
    far_ids: IntArray
    far: FloatArray
    order_ids: IntArray
    orders: FloatArray
    marks: IntArray


def compiled(function: Any) -> Any:
    """Return a function compiled, and kept on disk as long as this file stays as it is."""
    return njit(cache=True, nogil=True, error_model="numpy")(function)


def inlined(function: Any) -> Any:
    """Return a function compiled into its callers: handing over six arrays would cost more than the work."""
    return njit(forceinline=True, nogil=True, error_model="numpy")(function)


@inlined
def _home(identity: int, places: int) -> int:
    """Return where an id stands by right; in the bits of a round price only the high ones tell."""
    mixed = np.uint64(identity)
    mixed = (mixed ^ (mixed >> np.uint64(32))) * _SPREAD
    return int(np.int64(mixed ^ (mixed >> np.uint64(32))) & (places - 1))


@inlined
def _slot(ids: IntArray, identity: int) -> int:
    """Return the place of an id in a table, or the free one where it would stand."""
    last = ids.size - 1
    slot = _home(identity, ids.size)
    while ids[slot] != 0 and ids[slot] != identity:
        slot = (slot + 1) & last
    return int(slot)


@inlined
def _free(ids: IntArray, values: FloatArray, slot: int) -> None:
    """Take an id out of a table: those that stand behind it for want of a place move up."""
    last = ids.size - 1
    hole, after = slot, (slot + 1) & last
    while ids[after] != 0:
        home = _home(ids[after], ids.size)
        if ((after - home) & last) >= ((after - hole) & last):
            ids[hole], values[hole, 0], values[hole, 1] = ids[after], values[after, 0], values[after, 1]
            hole = after
        after = (after + 1) & last
    ids[hole] = 0


@inlined
def _put(ids: IntArray, values: FloatArray, identity: int, first: float, second: float) -> None:
    slot = _slot(ids, identity)
    ids[slot], values[slot, 0], values[slot, 1] = identity, first, second


@inlined
def _bits(key: float) -> int:
    return int(np.float64(key).view(np.int64))


@inlined
def _find(window: FloatArray, base: int, count: int, key: float) -> int:
    """Return the column of the first key of a side that is not less, without a branch to be guessed."""
    low, size = base, count
    while size > 0:
        half = (size + 1) // 2
        low += half * (window[KEY, low + half - 1] < key)
        size -= half
    return low


@compiled
def _compact(window: FloatArray, marks: IntArray, side: int) -> None:
    """Take the empty levels out of the window."""
    base, kept = side * (window.shape[1] // 2), 0
    for level in range(base, base + marks[NEAR + side]):
        if window[TOTAL, level] != 0.0 or window[MEMBERS, level] != 0.0:
            for row in range(3):
                window[row, base + kept] = window[row, level]
            kept += 1
    marks[NEAR + side] = marks[LIVE + side] = kept


@compiled
def _spill(window: FloatArray, far_ids: IntArray, far: FloatArray, marks: IntArray, side: int) -> None:
    """Make room in a full window: take out the empty levels, and move the worse half into the table."""
    _compact(window, marks, side)
    room = window.shape[1] // 2
    base, count, moved = side * room, marks[NEAR + side], room // 2
    if count <= 3 * room // 4:
        return
    for level in range(base, base + moved):
        _put(far_ids, far, _bits(window[KEY, level]), window[TOTAL, level], window[MEMBERS, level])
    for row in range(3):
        for level in range(base, base + count - moved):
            window[row, level] = window[row, level + moved]
    marks[NEAR + side] = marks[LIVE + side] = count - moved
    marks[FAR + side] += moved


@compiled
def _refill(window: FloatArray, far_ids: IntArray, far: FloatArray, marks: IntArray, side: int) -> None:
    """Take the best of the table into a window that runs low."""
    _compact(window, marks, side)
    room = window.shape[1] // 2
    base, count = side * room, marks[NEAR + side]
    keys, found = np.empty(marks[FAR + side]), 0
    for slot in range(far_ids.size):
        if far_ids[slot] != 0 and (far_ids[slot] < 0) == (side == 1):
            keys[found] = np.int64(far_ids[slot]).view(np.float64)
            found += 1
    moved = min(found, room // 2)
    best = np.partition(keys, found - moved)[found - moved :]
    best.sort()
    for row in range(3):
        for level in range(base + count - 1, base - 1, -1):
            window[row, level + moved] = window[row, level]
    for place in range(moved):
        slot = _slot(far_ids, _bits(best[place]))
        window[KEY, base + place] = best[place]
        window[TOTAL, base + place], window[MEMBERS, base + place] = far[slot, 0], far[slot, 1]
        _free(far_ids, far, slot)
    marks[NEAR + side] = marks[LIVE + side] = count + moved
    marks[FAR + side] -= moved


@inlined
def _total(total: float, members: float, before: float, after: float, more: int) -> float:
    """Return the size of a level: that of its only order, or what it was with one order changed."""
    alone = members == 0.0 or (members == 1.0 and more >= 0)
    return after if alone else total + after - before


@inlined
def _empty(window: FloatArray, level: int) -> bool:
    return bool(window[TOTAL, level] == 0.0 and window[MEMBERS, level] == 0.0)


@inlined
def _seat(window: FloatArray, marks: IntArray, side: int, at: int, key: float) -> int:
    """Return the column of a new, empty level that belongs before column `at`, after making room for it."""
    base, end = side * (window.shape[1] // 2), side * (window.shape[1] // 2) + marks[NEAR + side]
    if at > base and _empty(window, at - 1):
        at -= 1
    else:
        hole = at
        while hole < end and not _empty(window, hole):
            hole += 1
        marks[NEAR + side] += hole == end
        for level in range(hole, at, -1):
            window[KEY, level] = window[KEY, level - 1]
            window[TOTAL, level] = window[TOTAL, level - 1]
            window[MEMBERS, level] = window[MEMBERS, level - 1]
    window[KEY, at], window[TOTAL, at], window[MEMBERS, at] = key, 0.0, 0.0
    return at


@inlined
def _change_near(
    window: FloatArray,
    edges: FloatArray,
    marks: IntArray,
    side: int,
    key: float,
    before: float,
    after: float,
    more: int,
) -> None:
    base = side * (window.shape[1] // 2)
    at = _find(window, base, marks[NEAR + side], key)
    there = at < base + marks[NEAR + side] and window[KEY, at] == key
    live = there and not _empty(window, at)
    members = more + (window[MEMBERS, at] if live else 0.0)
    total = _total(window[TOTAL, at] if live else 0.0, members, before, after, more)
    filled = members != 0.0 or total != 0.0
    if not filled and not live:
        return
    if key >= edges[side]:
        marks[TOUCHED] = 1
    if not there:
        at = _seat(window, marks, side, at, key)
    window[TOTAL, at], window[MEMBERS, at] = total, members
    marks[LIVE + side] += (1 if filled else 0) - (1 if live else 0)
    while marks[NEAR + side] > 0 and _empty(window, base + marks[NEAR + side] - 1):
        marks[NEAR + side] -= 1


@inlined
def _change_far(
    far_ids: IntArray,
    far: FloatArray,
    marks: IntArray,
    side: int,
    key: float,
    before: float,
    after: float,
    more: int,
) -> None:
    slot = _slot(far_ids, _bits(key))
    there = far_ids[slot] != 0
    members = more + (far[slot, 1] if there else 0.0)
    total = _total(far[slot, 0] if there else 0.0, members, before, after, more)
    if members == 0.0 and total == 0.0:
        if there:
            _free(far_ids, far, slot)
            marks[FAR + side] -= 1
        return
    if not there:
        far_ids[slot] = _bits(key)
        marks[FAR + side] += 1
    far[slot, 0], far[slot, 1] = total, members


@inlined
def _change(
    window: FloatArray,
    edges: FloatArray,
    far_ids: IntArray,
    far: FloatArray,
    marks: IntArray,
    key: float,
    before: float,
    after: float,
    more: int,
) -> None:
    """Change a level: one of its orders is new (`more` 1), gone (−1) or resized (0), or all of it is (0)."""
    side, room = 0 if key > 0.0 else 1, window.shape[1] // 2
    if marks[NEAR + side] == room:
        _spill(window, far_ids, far, marks, side)
    if marks[FAR + side] > 0 and key < window[KEY, side * room]:
        _change_far(far_ids, far, marks, side, key, before, after, more)
        return
    _change_near(window, edges, marks, side, key, before, after, more)
    if marks[FAR + side] > 0 and marks[LIVE + side] < room // 4:
        _refill(window, far_ids, far, marks, side)


@inlined
def _order(
    order_ids: IntArray,
    orders: FloatArray,
    marks: IntArray,
    kind: int,
    identity: int,
    key: float,
    size: float,
) -> tuple[bool, float, float, bool]:
    """Enter what became of an order; return whether it was there, its key and size, and if it still is."""
    slot = _slot(order_ids, identity)
    known, there = order_ids[slot] != 0, kind != DELETE and size != 0.0
    old_key, old_size = orders[slot, 0], orders[slot, 1]
    marks[DUPLICATE] += kind == ADD and known
    marks[UNKNOWN] += kind != ADD and kind != REPORTED and not known
    if there:
        order_ids[slot], orders[slot, 0], orders[slot, 1] = identity, key, size
    elif known:
        _free(order_ids, orders, slot)
    marks[ORDERS] += (1 if there else 0) - (1 if known else 0)
    return known, old_key, old_size, there


@inlined
def _turns(known: bool, there: bool, same: bool) -> tuple[int, int]:
    """Return how many levels an order's event changes, and what becomes of the first: see `more`."""
    if known and there and same:
        return 1, 0
    return (1 if known else 0) + (1 if there else 0), -1 if known else 1


@compiled
def _set_rest(
    window: FloatArray,
    edges: FloatArray,
    far_ids: IntArray,
    far: FloatArray,
    order_ids: IntArray,
    orders: FloatArray,
    marks: IntArray,
    key: float,
    after: float,
) -> None:
    """Set what a level has beyond the orders that are known."""
    known, _, before, there = _order(order_ids, orders, marks, REPORTED, _bits(key), key, after)
    turns, more = _turns(known, there, True)
    if turns == 1:
        _change(window, edges, far_ids, far, marks, key, before if known else 0.0, after, more)


@inlined
def _rest(order_ids: IntArray, orders: FloatArray, key: float) -> float:
    """Return what a level has beyond the orders that are known."""
    slot = _slot(order_ids, _bits(key))
    return float(orders[slot, 1]) if order_ids[slot] != 0 else 0.0


@inlined
def _level(
    window: FloatArray, far_ids: IntArray, far: FloatArray, marks: IntArray, key: float
) -> tuple[float, float]:
    """Return size and members of a level."""
    side = 0 if key > 0.0 else 1
    base, count = side * (window.shape[1] // 2), marks[NEAR + side]
    at = _find(window, base, count, key)
    if at < base + count and window[KEY, at] == key:
        return float(window[TOTAL, at]), float(window[MEMBERS, at])
    slot = _slot(far_ids, _bits(key))
    return (float(far[slot, 0]), float(far[slot, 1])) if far_ids[slot] != 0 else (0.0, 0.0)


@compiled
def _report(
    window: FloatArray,
    edges: FloatArray,
    far_ids: IntArray,
    far: FloatArray,
    order_ids: IntArray,
    orders: FloatArray,
    marks: IntArray,
    key: float,
    size: float,
) -> None:
    """Set the rest of a level to what its reported size leaves beyond the orders that are known."""
    total, members = _level(window, far_ids, far, marks, key)
    rest = _rest(order_ids, orders, key)
    of_orders = total - rest if members > (1.0 if rest > 0.0 else 0.0) else 0.0
    dust = _DUST * max(total, size)
    marks[DENIED] += of_orders > size + dust
    left = size - of_orders if size - of_orders > dust else 0.0
    _set_rest(window, edges, far_ids, far, order_ids, orders, marks, key, left)


@compiled
def _report_between(
    window: FloatArray,
    edges: FloatArray,
    far_ids: IntArray,
    far: FloatArray,
    order_ids: IntArray,
    orders: FloatArray,
    marks: IntArray,
    key: float,
) -> None:
    """Report the levels between the one reported before and this one to be empty."""
    side, found = 0 if key > 0.0 else 1, 0
    base, count = side * (window.shape[1] // 2), marks[NEAR + side]
    first, last = _find(window, base, count, key), _find(window, base, count, edges[REACH + side])
    keys = np.empty(max(last - first, 0) + marks[FAR + side])
    for level in range(first, last):
        if window[KEY, level] != key and not _empty(window, level):
            keys[found] = window[KEY, level]
            found += 1
    if marks[FAR + side] > 0 and key < window[KEY, base]:
        for slot in range(far_ids.size):
            level_key = np.int64(far_ids[slot]).view(np.float64)
            ours = far_ids[slot] != 0 and (level_key < 0.0) == (side == 1)
            if ours and key < level_key < edges[REACH + side]:
                keys[found] = level_key
                found += 1
    for level in range(found):
        _report(window, edges, far_ids, far, order_ids, orders, marks, keys[level], 0.0)


@compiled
def _explain(
    window: FloatArray,
    edges: FloatArray,
    far_ids: IntArray,
    far: FloatArray,
    order_ids: IntArray,
    orders: FloatArray,
    marks: IntArray,
    kind: int,
    key: float,
    size: float,
) -> None:
    """Take an order that was not known from the rest of its level, down to nothing.

    Only a deletion of what the rest holds is explained: a changed order, or one that was filled, does not
    tell how much it had.
    """
    rest = _rest(order_ids, orders, key)
    dust = _DUST * max(rest, size)
    if kind != DELETE or size == 0.0 or size > rest + dust:
        marks[UNEXPLAINED] += 1
        marks[WHOLE] = 0
    left = rest - size if rest - size > dust else 0.0
    _set_rest(window, edges, far_ids, far, order_ids, orders, marks, key, left)


@compiled
def _void(edges: FloatArray, far_ids: IntArray, order_ids: IntArray, marks: IntArray) -> None:
    if marks[ORDERS] > 0:
        order_ids[:] = 0
    if marks[FAR] + marks[FAR + 1] > 0:
        far_ids[:] = 0
    if marks[NEAR] + marks[NEAR + 1] > 0:
        marks[TOUCHED] = 1
    edges[:REACH], edges[REACH:] = -np.inf, np.inf
    marks[ORDERS] = marks[DOUBT] = 0
    for side in range(2):
        marks[NEAR + side] = marks[LIVE + side] = marks[FAR + side] = 0


@inlined
def _trust(
    edges: FloatArray, far_ids: IntArray, order_ids: IntArray, marks: IntArray, kind: int, flags: int
) -> None:
    """See to trust, and void the book where a snapshot begins or nothing on it holds any more.

    A snapshot of levels in a book of orders voids it only after a gap, or where the one before denied known
    orders too.
    """
    snapshot = 1 if flags & SNAPSHOT else 0
    begins = snapshot > marks[IN_SNAPSHOT]
    if kind == CLEAR or (begins and (kind != REPORTED or marks[DOUBT] >= START_ANEW)):
        _void(edges, far_ids, order_ids, marks)
        marks[WHOLE] = 1 if kind == CLEAR else 0
    if begins:
        edges[REACH:] = np.inf
        marks[DENIED] = 0
    if flags & GAP:
        marks[WHOLE], marks[DOUBT] = 0, START_ANEW
    marks[IN_SNAPSHOT] = 0 if kind == REPORTED and flags & LAST else snapshot


@inlined
def _end_snapshot(marks: IntArray) -> None:
    """Trust the book from here on, unless the snapshot denied orders that are known."""
    marks[WHOLE] = 0 if marks[DENIED] > 0 else 1
    marks[DOUBT] = marks[DOUBT] + 1 if marks[DENIED] > 0 else 0


@inlined
def _crossed(window: FloatArray, marks: IntArray) -> bool:
    bids, asks, room = marks[NEAR], marks[NEAR + 1], window.shape[1] // 2
    return bool(bids > 0 and asks > 0 and window[KEY, bids - 1] >= -window[KEY, room + asks - 1])


@inlined
def _show(
    window: FloatArray, edges: FloatArray, marks: IntArray, trust: int, depth: int, rows: FloatArray, to: int
) -> None:
    """Write trust, depth, and the best levels: bid prices, bid sizes, ask prices, ask sizes."""
    rows[to, 0], rows[to, 1] = trust, depth
    for side in range(2):
        start, sign = 2 + 2 * depth * side, 1.0 - 2.0 * side
        base, shown = side * (window.shape[1] // 2), 0
        level = base + marks[NEAR + side] - 1
        while shown < depth and level >= base:
            if not _empty(window, level):
                rows[to, start + shown] = sign * window[KEY, level]
                rows[to, start + depth + shown] = window[TOTAL, level]
                shown += 1
            level -= 1
        edges[side] = window[KEY, level + 1] if shown == depth else -np.inf
        for place in range(shown, depth):
            rows[to, start + place] = np.nan
            rows[to, start + depth + place] = np.nan


@inlined
def _full(far_ids: IntArray, order_ids: IntArray, marks: IntArray, room: int) -> bool:
    far = marks[FAR] + marks[FAR + 1] + room
    return bool(2 * far > far_ids.size or 2 * (marks[ORDERS] + 1) > order_ids.size)


@compiled
def _move(ids: IntArray, values: FloatArray, wider_ids: IntArray, wider: FloatArray) -> None:
    for slot in range(ids.size):
        if ids[slot] != 0:
            _put(wider_ids, wider, ids[slot], values[slot, 0], values[slot, 1])


def _twice(ids: IntArray, values: FloatArray) -> tuple[IntArray, FloatArray]:
    wider_ids, wider = np.zeros(2 * ids.size, dtype=np.int64), np.zeros((2 * ids.size, 2))
    _move(ids, values, wider_ids, wider)
    return wider_ids, wider


def empty(depth: int) -> Ladder:
    """Return a book in which nothing has happened, for `depth` levels to be shown."""
    room = max(256, 4 << (depth - 1).bit_length())
    marks = np.zeros(MARKS, dtype=np.int64)
    marks[SHOWN] = -1
    places = 4 * room
    return Ladder(
        window=np.zeros((3, 2 * room)),
        edges=np.array([-np.inf, -np.inf, np.inf, np.inf]),
        far_ids=np.zeros(places, dtype=np.int64),
        far=np.zeros((places, 2)),
        order_ids=np.zeros(places, dtype=np.int64),
        orders=np.zeros((places, 2)),
        marks=marks,
    )


def grown(book: Ladder) -> Ladder:
    """Return the book with twice the places in each table that is half full."""
    marks, room = book.marks, book.window.shape[1] // 2
    if 2 * (marks[FAR] + marks[FAR + 1] + room) > book.far_ids.size:
        far_ids, far = _twice(book.far_ids, book.far)
        book = book._replace(far_ids=far_ids, far=far)
    if 2 * (marks[ORDERS] + 1) > book.order_ids.size:
        order_ids, orders = _twice(book.order_ids, book.orders)
        book = book._replace(order_ids=order_ids, orders=orders)
    return book


def trusted(book: Ladder) -> bool:
    """Return whether nothing is missing, the last message was whole and the book is not crossed."""
    whole = book.marks[WHOLE] == 1 and book.marks[OPEN] == 0
    return bool(whole and not _crossed(book.window, book.marks))


def levels(book: Ladder, side: int) -> tuple[FloatArray, FloatArray]:
    """Return keys and sizes of all levels of a side (0 bid, 1 ask), the best first."""
    base, count = side * (book.window.shape[1] // 2), book.marks[NEAR + side]
    away = np.flatnonzero((book.far_ids != 0) & ((book.far_ids < 0) == (side == 1)))
    near = base + np.flatnonzero(np.any(book.window[TOTAL:, base : base + count] != 0.0, axis=0))
    keys = np.append(book.window[KEY, near], book.far_ids[away].view(np.float64))
    sizes = np.append(book.window[TOTAL, near], book.far[away, 0])
    order = np.argsort(-keys)
    return keys[order], sizes[order]


Events = tuple[NDArray[np.int8], NDArray[np.int8], NDArray[np.int8], FloatArray, FloatArray, IntArray]
"""kind, flags, side, price, size and order_id of events, [E] each."""


@compiled
def follow(
    book: Ladder,
    events: Events,
    known_time: IntArray,
    start: int,
    depth: int,
    grid: IntArray,
    rows: FloatArray,
    at: IntArray,
    shown: int,
    every: bool,
) -> tuple[int, int]:
    """Go through events and show the best levels after each whole message that changed them, or as of a grid.

    A message that is not whole by a time of the grid leaves the book untrusted at that time.

    Parameters
    ----------
    book : changed in place.
    events : see `Events`.
    known_time : [E] of the events.
    start : the event to begin with.
    depth : levels of a side to show.
    grid : times at which to show the book, from all events known by then; none with `every`.
    rows : [R, 2 + 4 depth], filled from `shown` on.
    at : [R] the event after which each row was so.
    shown : rows that are filled, or grid times that are answered.
    every : show each change of the best levels or of trust; R is at least the number of whole messages.

    Returns
    -------
    next : the event to go on with: all were taken, or a table is half full.
    shown : rows filled; all grid times before the last event are answered.
    """
    window, edges, far_ids, far = lent(book[0]), lent(book[1]), lent(book[2]), lent(book[3])
    order_ids, orders, marks = lent(book[4]), lent(book[5]), lent(book[6])
    kind, flags, side = lent(events[0]), lent(events[1]), lent(events[2])
    price, size, order = lent(events[3]), lent(events[4]), lent(events[5])
    room = window.shape[1] // 2
    for event in range(start, kind.size):
        while shown < grid.size and grid[shown] < known_time[event]:
            whole = marks[WHOLE] == 1 and marks[OPEN] == 0
            _show(window, edges, marks, whole and not _crossed(window, marks), depth, rows, shown)
            at[shown] = event - 1
            shown += 1
        if _full(far_ids, order_ids, marks, room):
            return event, shown
        what, flag, key, after = kind[event], flags[event], price[event] * side[event], size[event]
        if what == CLEAR or flag & (SNAPSHOT | GAP) or marks[IN_SNAPSHOT] == 1:
            _trust(edges, far_ids, order_ids, marks, what, flag)
        was, before, more, turns = key, 0.0, 0, 1
        if what == CLEAR:
            turns = 0
        elif what == REPORTED:
            _report_between(window, edges, far_ids, far, order_ids, orders, marks, key)
            _report(window, edges, far_ids, far, order_ids, orders, marks, key, after)
            edges[REACH + (0 if key > 0.0 else 1)] = key
            turns = 0
        elif what != LEVEL:
            known, was, before, there = _order(order_ids, orders, marks, what, order[event], key, after)
            turns, more = _turns(known, there, was == key)
            if not known and what != ADD and key >= edges[REACH + (0 if key > 0.0 else 1)]:
                _explain(window, edges, far_ids, far, order_ids, orders, marks, what, key, after)
        for turn in range(turns):
            if more == 1 or turn == 1:
                was, before, more = key, 0.0, 1
            _change(window, edges, far_ids, far, marks, was, before, 0.0 if more == -1 else after, more)
        marks[OPEN] = 0 if flag & LAST else 1
        if flag & LAST:
            if flag & SNAPSHOT and not flag & GAP:
                _end_snapshot(marks)
            crossed = _crossed(window, marks)
            marks[CROSSED] += crossed
            trust = 1 if marks[WHOLE] == 1 and not crossed else 0
            if every and (marks[TOUCHED] == 1 or marks[SHOWN] != trust):
                _show(window, edges, marks, trust, depth, rows, shown)
                at[shown] = event
                shown += 1
                marks[TOUCHED], marks[SHOWN] = 0, trust
    return kind.size, shown


@compiled
def _show_once(window: FloatArray, marks: IntArray, trust: int, depth: int, rows: FloatArray) -> None:
    _show(window, np.empty(4), marks, trust, depth, rows, 0)


def show(book: Ladder, depth: int) -> FloatArray:
    """Return the best levels as they are now, [2 + 4 depth]."""
    row = np.empty((1, 2 + 4 * depth))
    _show_once(book.window, book.marks, int(trusted(book)), depth, row)
    answer: FloatArray = row[0]
    return answer
