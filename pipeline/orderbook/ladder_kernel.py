"""The compiled loop that takes a book through its events, and the arrays that it works on.

A level stands at its *tick*: the price over the tick size on the bid and minus that on the ask, a whole
number, so that the best is the greatest. Sixty-four ticks in a row are a *page*: a word with a bit for each
level that is not empty, and a cell for each level. Pages are found by number in an open-addressed table, the
last one of a side at once, for the changes of a message mostly come by price. The best level is remembered,
and the next one down is the next bit. Any tick size does (`ladder.fitted` finds it), and an order left at an
absurd price costs one page.

Orders are in a second table, by id; what leaves it leaves no trace: those behind it move up, so that it never
has to be cleaned. The functions take the arrays that they use one by one, and lent, for numba would count
references at every call.

What a snapshot without orders tells of a level beyond the orders that are known is one more order, the rest
of the level, under the level's own key: the price, or minus the price on the ask. Orders that are known are
believed until they are deleted.
"""

from typing import Any, Final

import numpy as np
from numba import njit
from numba.cpython.unsafe.numbers import leading_zeros
from numpy.typing import NDArray

from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
from pipeline.domain.lent_array import lent
from pipeline.ingest import market_tables

IntArray = NDArray[np.int64]
BitArray = NDArray[np.uint64]

LEVEL, ADD, CHANGE = market_tables.LEVEL, market_tables.ADD, market_tables.CHANGE
DELETE, CLEAR, REPORTED = market_tables.DELETE, market_tables.CLEAR, market_tables.REPORTED
START = market_tables.START
LAST, SNAPSHOT, GAP = market_tables.LAST, market_tables.SNAPSHOT, market_tables.GAP

KEY, TOTAL, MEMBERS = range(3)
"""Columns of a cell: key, size, and how many orders make up the level (0 where only levels are reported)."""

PAGE: Final = 64
"""Levels of a page."""
NOWHERE: Final = -(2**63)
"""No tick: an empty side's best, or a price that lies on none."""
FARTHEST: Final = 2.0**62
"""Ticks beyond are none."""
NOISE: Final = 1e-13
"""Part of a price that rounding may have added to it."""

WHOLE, IN_SNAPSHOT, TOUCHED, OPEN, SHOWN, LIVE, BEST, CURSOR = 0, 1, 2, 3, 4, 5, 7, 9
PAGES, ORDERS, UNKNOWN, DUPLICATE, CROSSED, UNEXPLAINED, DENIED, DOUBT = 11, 12, 13, 14, 15, 16, 17, 18
"""Places in `marks`: nothing is missing since the last snapshot; the last event was part of one; the best
levels changed since they were shown; events came since the last whole message; trust as it was shown last
(−1: never); levels, the best tick and the page used last, of bid and ask each; pages; orders; events of
orders that were not there; orders added twice; whole messages after which the book was crossed; events of
orders that no rest explains; known orders that the snapshot being read denies; snapshots in a row that
denied some, `START_ANEW` after a gap."""
MARKS: Final = 19
REMEMBERED: Final = (WHOLE, IN_SNAPSHOT, TOUCHED, OPEN, SHOWN, DENIED, DOUBT)
"""Marks that say what comes of the next event; the others count, or follow from levels and orders."""
START_ANEW: Final = 2

REACH, SCALE = 2, 4
"""Places in `edges` after the keys of the last levels shown: of bid and ask the key of the last level that a
snapshot without orders told of; and ticks a unit of price (0: the bits of a price are its tick)."""
_DUST: Final = 1e-9
"""Part of a size that sums of sizes may be off by."""
_NEARBY: Final = 64
"""Pages looked for one by one before all are."""

_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
_ONE: Final = np.uint64(1)


def compiled(function: Any) -> Any:
    """Return a function compiled, and kept on disk as long as nothing that it is made of changes."""
    return kept(nogil=True, error_model="numpy")(function)


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
def tick_of(key: float, scale: float) -> int:
    """Return the tick of a key, or that it has none."""
    if scale == 0.0:
        bits = _bits(abs(key))
        return int(bits if key > 0.0 else -bits)
    exact = key * scale
    tick = np.rint(exact)
    on = abs(exact - tick) <= NOISE * abs(exact) and 0.0 < abs(tick) < FARTHEST
    return int(tick) if on else NOWHERE


@inlined
def _identity(tick: int) -> int:
    """Return the id of a tick's page: odd, for 0 is a free place."""
    return 2 * (tick >> 6) + 1


@inlined
def _bit(tick: int) -> Any:
    return _ONE << np.uint64(tick & (PAGE - 1))


@inlined
def _highest(bits: Any) -> int:
    return PAGE - 1 - int(leading_zeros(bits))


@inlined
def _page(page_ids: IntArray, marks: IntArray, side: int, tick: int) -> int:
    """Return the place of a tick's page, or the free one where it would stand."""
    slot = marks[CURSOR + side]
    if page_ids[slot] != _identity(tick):
        slot = _slot(page_ids, _identity(tick))
        marks[CURSOR + side] = slot
    return int(slot)


@compiled
def _below(page_ids: IntArray, filled: BitArray, side: int, tick: int) -> int:
    """Return the tick of the next level that is worse."""
    slot, page = _slot(page_ids, _identity(tick)), tick >> 6
    under = filled[slot] & (_bit(tick) - _ONE) if page_ids[slot] != 0 else np.uint64(0)
    if under != 0:
        return int((page << 6) | _highest(under))
    for near in range(page - 1, max(page - _NEARBY, 0 if side == 0 else page - _NEARBY) - 1, -1):
        slot = _slot(page_ids, 2 * near + 1)
        if page_ids[slot] != 0 and filled[slot] != 0:
            return int((near << 6) | _highest(filled[slot]))
    best, at = NOWHERE, 0
    for slot in range(page_ids.size):
        other = (page_ids[slot] - 1) >> 1
        if page_ids[slot] != 0 and filled[slot] != 0 and best < other < page and (other < 0) == (side == 1):
            best, at = other, slot
    return int((best << 6) | _highest(filled[at])) if best != NOWHERE else NOWHERE


@inlined
def _total(total: float, members: float, before: float, after: float, more: int) -> float:
    """Return the size of a level: that of its only order, or what it was with one order changed."""
    alone = members == 0.0 or (members == 1.0 and more >= 0)
    return after if alone else total + after - before


@inlined
def _change(
    page_ids: IntArray,
    filled: BitArray,
    cells: FloatArray,
    edges: FloatArray,
    marks: IntArray,
    key: float,
    before: float,
    after: float,
    more: int,
) -> None:
    """Change a level: one of its orders is new (`more` 1), gone (−1) or resized (0), or all of it is (0)."""
    side, tick = 0 if key > 0.0 else 1, tick_of(key, edges[SCALE])
    slot = _page(page_ids, marks, side, tick)
    at, bit, there = PAGE * slot + (tick & (PAGE - 1)), _bit(tick), page_ids[slot] != 0
    live = there and (filled[slot] & bit) != 0
    members = more + (cells[at, MEMBERS] if live else 0.0)
    total = _total(cells[at, TOTAL] if live else 0.0, members, before, after, more)
    holds = members != 0.0 or total != 0.0
    if (holds or live) and key >= edges[side]:
        marks[TOUCHED] = 1
    if holds:
        cells[at, KEY], cells[at, TOTAL], cells[at, MEMBERS] = key, total, members
        if not there:
            page_ids[slot], filled[slot] = _identity(tick), np.uint64(0)
            marks[PAGES] += 1
        if not live:
            filled[slot] |= bit
            marks[LIVE + side] += 1
            marks[BEST + side] = max(marks[BEST + side], tick)
    elif live:
        filled[slot] &= ~bit
        marks[LIVE + side] -= 1
        if tick == marks[BEST + side]:
            marks[BEST + side] = _below(page_ids, filled, side, tick) if marks[LIVE + side] > 0 else NOWHERE


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
    page_ids: IntArray,
    filled: BitArray,
    cells: FloatArray,
    edges: FloatArray,
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
        _change(page_ids, filled, cells, edges, marks, key, before if known else 0.0, after, more)


@inlined
def _rest(order_ids: IntArray, orders: FloatArray, key: float) -> float:
    """Return what a level has beyond the orders that are known."""
    slot = _slot(order_ids, _bits(key))
    return float(orders[slot, 1]) if order_ids[slot] != 0 else 0.0


@inlined
def _level(
    page_ids: IntArray, filled: BitArray, cells: FloatArray, marks: IntArray, tick: int
) -> tuple[float, float]:
    """Return size and members of a level."""
    slot = _page(page_ids, marks, 0 if tick > 0 else 1, tick)
    at = PAGE * slot + (tick & (PAGE - 1))
    live = page_ids[slot] != 0 and (filled[slot] & _bit(tick)) != 0
    return (float(cells[at, TOTAL]), float(cells[at, MEMBERS])) if live else (0.0, 0.0)


@compiled
def _report(
    page_ids: IntArray,
    filled: BitArray,
    cells: FloatArray,
    edges: FloatArray,
    order_ids: IntArray,
    orders: FloatArray,
    marks: IntArray,
    key: float,
    size: float,
) -> None:
    """Set the rest of a level to what its reported size leaves beyond the orders that are known.

    A level off the ticks is empty.
    """
    tick = tick_of(key, edges[SCALE])
    if tick == NOWHERE:
        return
    total, members = _level(page_ids, filled, cells, marks, tick)
    rest = _rest(order_ids, orders, key)
    of_orders = total - rest if members > (1.0 if rest > 0.0 else 0.0) else 0.0
    dust = _DUST * max(total, size)
    marks[DENIED] += of_orders > size + dust
    left = size - of_orders if size - of_orders > dust else 0.0
    _set_rest(page_ids, filled, cells, edges, order_ids, orders, marks, key, left)


@compiled
def _report_between(
    page_ids: IntArray,
    filled: BitArray,
    cells: FloatArray,
    edges: FloatArray,
    order_ids: IntArray,
    orders: FloatArray,
    marks: IntArray,
    key: float,
) -> None:
    """Report the levels between the one reported before and this one to be empty."""
    side, found = 0 if key > 0.0 else 1, 0
    if marks[LIVE + side] == 0:
        return
    last = tick_of(key, edges[SCALE])
    bound = float(last) if last != NOWHERE else key * edges[SCALE]
    start = tick_of(edges[REACH + side], edges[SCALE])
    tick = marks[BEST + side] if start == NOWHERE else _below(page_ids, filled, side, start)
    while start == NOWHERE and tick != NOWHERE and tick >= edges[REACH + side] * edges[SCALE]:
        tick = _below(page_ids, filled, side, tick)
    if tick == NOWHERE or tick <= bound:
        return
    keys = np.empty(marks[LIVE + side])
    while tick != NOWHERE and tick > bound:
        slot = _slot(page_ids, _identity(tick))
        keys[found] = cells[PAGE * slot + (tick & (PAGE - 1)), KEY]
        found += 1
        tick = _below(page_ids, filled, side, tick)
    for level in range(found):
        _report(page_ids, filled, cells, edges, order_ids, orders, marks, keys[level], 0.0)


@compiled
def _explain(
    page_ids: IntArray,
    filled: BitArray,
    cells: FloatArray,
    edges: FloatArray,
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
    _set_rest(page_ids, filled, cells, edges, order_ids, orders, marks, key, left)


@compiled
def _void(edges: FloatArray, page_ids: IntArray, order_ids: IntArray, marks: IntArray) -> None:
    if marks[ORDERS] > 0:
        order_ids[:] = 0
    if marks[LIVE] + marks[LIVE + 1] > 0:
        marks[TOUCHED] = 1
    page_ids[:] = 0
    edges[:REACH], edges[REACH:SCALE] = -np.inf, np.inf
    marks[ORDERS] = marks[DOUBT] = marks[PAGES] = 0
    for side in range(2):
        marks[LIVE + side], marks[BEST + side] = 0, NOWHERE


@inlined
def _trust(
    edges: FloatArray, page_ids: IntArray, order_ids: IntArray, marks: IntArray, kind: int, flags: int
) -> None:
    """See to trust, and void the book where a snapshot begins or nothing on it holds any more.

    A snapshot of levels in a book of orders voids it only after a gap, or where the one before denied known
    orders too.
    """
    snapshot = 1 if flags & SNAPSHOT else 0
    begins = snapshot > marks[IN_SNAPSHOT]
    if kind == CLEAR or (begins and (kind != REPORTED or marks[DOUBT] >= START_ANEW)):
        _void(edges, page_ids, order_ids, marks)
        marks[WHOLE] = 1 if kind == CLEAR else 0
    if begins:
        edges[REACH:SCALE] = np.inf
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
def crossed(marks: IntArray) -> bool:
    """Return whether the best bid is not below the best ask."""
    bid, ask = marks[BEST], marks[BEST + 1]
    return bool(bid != NOWHERE and ask != NOWHERE and bid >= -ask)


@compiled
def show(
    page_ids: IntArray,
    filled: BitArray,
    cells: FloatArray,
    edges: FloatArray,
    marks: IntArray,
    trust: int,
    depth: int,
    rows: FloatArray,
    to: int,
) -> None:
    """Write trust, depth, and the best levels: bid prices, bid sizes, ask prices, ask sizes."""
    rows[to, 0], rows[to, 1] = trust, depth
    for side in range(2):
        start, sign = 2 + 2 * depth * side, 1.0 - 2.0 * side
        tick, shown, most, key = marks[BEST + side], 0, min(depth, marks[LIVE + side]), -np.inf
        while shown < most:
            slot = _page(page_ids, marks, side, tick)
            bits = filled[slot] & ((_bit(tick) << _ONE) - _ONE)
            while bits != 0 and shown < most:
                cell = _highest(bits)
                bits ^= _ONE << np.uint64(cell)
                key = cells[PAGE * slot + cell, KEY]
                rows[to, start + shown] = sign * key
                rows[to, start + depth + shown] = cells[PAGE * slot + cell, TOTAL]
                shown += 1
                tick = (tick & ~(PAGE - 1)) | cell
            if shown < most:
                tick = _below(page_ids, filled, side, tick)
        edges[side] = key if shown == depth else -np.inf
        for place in range(shown, depth):
            rows[to, start + place] = rows[to, start + depth + place] = np.nan


@inlined
def _full(page_ids: IntArray, order_ids: IntArray, marks: IntArray) -> bool:
    """Return whether one more event could fill more than half of a table."""
    return bool(2 * (marks[PAGES] + 2) > page_ids.size or 2 * (marks[ORDERS] + 1) > order_ids.size)


@compiled
def move_orders(ids: IntArray, values: FloatArray, wider_ids: IntArray, wider: FloatArray) -> None:
    """Put the orders of a table into a wider one."""
    for slot in range(ids.size):
        if ids[slot] != 0:
            _put(wider_ids, wider, ids[slot], values[slot, 0], values[slot, 1])


@compiled
def gather_levels(page_ids: IntArray, filled: BitArray, cells: FloatArray, levels: FloatArray) -> None:
    """Write all levels [L, 3], in no order."""
    found = 0
    for slot in range(page_ids.size):
        bits = filled[slot] if page_ids[slot] != 0 else np.uint64(0)
        while bits != 0:
            cell = _highest(bits)
            bits ^= _ONE << np.uint64(cell)
            levels[found] = cells[PAGE * slot + cell]
            found += 1


@compiled
def put_levels(
    levels: FloatArray,
    page_ids: IntArray,
    filled: BitArray,
    cells: FloatArray,
    edges: FloatArray,
    marks: IntArray,
) -> None:
    """Put levels [L, 3] into empty pages; what was shown stays shown."""
    touched = marks[TOUCHED]
    for level in range(len(levels)):
        key = levels[level, KEY]
        _change(page_ids, filled, cells, edges, marks, key, 0.0, 1.0, 0)
        slot = marks[CURSOR + (0 if key > 0.0 else 1)]
        cells[PAGE * slot + (tick_of(key, edges[SCALE]) & (PAGE - 1))] = levels[level]
    marks[TOUCHED] = touched


Events = tuple[NDArray[Any], ...]
"""known_time, kind, flags, side, price, size and order_id of events, [E] each."""


@compiled
def follow(
    book: Any,
    events: Events,
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
    book : a `Ladder`, changed in place.
    events : see `Events`.
    start : the event to begin with.
    depth : levels of a side to show.
    grid : times at which to show the book, from all events known by then; none with `every`.
    rows : [R, 2 + 4 depth], filled from `shown` on.
    at : [R] the event after which each row was so.
    shown : rows that are filled, or grid times that are answered.
    every : show each change of the best levels or of trust; R is at least the number of whole messages.

    Returns
    -------
    next : the event to go on with: all were taken, or `ladder.fitted` has to make room or find a finer tick.
    shown : rows filled; all grid times before the last event are answered.
    """
    page_ids, filled, cells, edges = lent(book[0]), lent(book[1]), lent(book[2]), lent(book[3])
    order_ids, orders, marks = lent(book[4]), lent(book[5]), lent(book[6])
    known_time, kind, flags, side = lent(events[0]), lent(events[1]), lent(events[2]), lent(events[3])
    price, size, order = lent(events[4]), lent(events[5]), lent(events[6])
    for event in range(start, kind.size):
        while shown < grid.size and grid[shown] < known_time[event]:
            whole = marks[WHOLE] == 1 and marks[OPEN] == 0
            show(page_ids, filled, cells, edges, marks, whole and not crossed(marks), depth, rows, shown)
            at[shown] = event - 1
            shown += 1
        what, flag, key, after = kind[event], flags[event], price[event] * side[event], size[event]
        none = what in (CLEAR, START)
        off = tick_of(key, edges[SCALE]) == NOWHERE and not none and (what != REPORTED or after > 0.0)
        if off or _full(page_ids, order_ids, marks):
            return event, shown
        if what == CLEAR or flag & (SNAPSHOT | GAP) or marks[IN_SNAPSHOT] == 1:
            _trust(edges, page_ids, order_ids, marks, what, flag)
        was, before, more, turns = key, 0.0, 0, 1
        if none:
            turns = 0
        elif what == REPORTED:
            _report_between(page_ids, filled, cells, edges, order_ids, orders, marks, key)
            _report(page_ids, filled, cells, edges, order_ids, orders, marks, key, after)
            edges[REACH + (0 if key > 0.0 else 1)] = key
            turns = 0
        elif what != LEVEL:
            known, was, before, there = _order(order_ids, orders, marks, what, order[event], key, after)
            turns, more = _turns(known, there, was == key)
            if not known and what != ADD and key >= edges[REACH + (0 if key > 0.0 else 1)]:
                _explain(page_ids, filled, cells, edges, order_ids, orders, marks, what, key, after)
        for turn in range(turns):
            if more == 1 or turn == 1:
                was, before, more = key, 0.0, 1
            _change(page_ids, filled, cells, edges, marks, was, before, 0.0 if more == -1 else after, more)
        marks[OPEN] = 0 if flag & LAST else 1
        if flag & LAST:
            if flag & SNAPSHOT and not flag & GAP:
                _end_snapshot(marks)
            across = crossed(marks)
            marks[CROSSED] += across
            trust = 1 if marks[WHOLE] == 1 and not across else 0
            if every and (marks[TOUCHED] == 1 or marks[SHOWN] != trust):
                show(page_ids, filled, cells, edges, marks, trust, depth, rows, shown)
                at[shown] = event
                shown += 1
                marks[TOUCHED], marks[SHOWN] = 0, trust
    return kind.size, shown
