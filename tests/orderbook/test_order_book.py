"""The book in arrays against one made of dictionaries."""

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.errors import DataError
from pipeline.ingest.market_tables import (
    ADD,
    CHANGE,
    CLEAR,
    DELETE,
    GAP,
    LAST,
    LEVEL,
    LEVELS,
    REPORTED,
    SNAPSHOT,
    START,
    batch,
    ladder,
)
from pipeline.orderbook.events import BookEvents
from pipeline.orderbook.ladder import ticks_a_unit
from pipeline.orderbook.order_book import OrderBook, book_rows

NAN = np.nan


def events(rows):
    """Events from (known_time, kind, flags, side, price, size, order_id)."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 7)
    numbers = np.arange(len(table))
    return BookEvents(
        event_time=table[:, 0].astype(np.int64) - 1,
        known_time=table[:, 0].astype(np.int64),
        source_row=numbers + 1,
        sequence=numbers + 100,
        kind=table[:, 1].astype(np.int8),
        flags=table[:, 2].astype(np.int8),
        side=table[:, 3].astype(np.int8),
        price=np.ascontiguousarray(table[:, 4]),
        size=np.ascontiguousarray(table[:, 5]),
        order_id=table[:, 6].astype(np.int64),
    )


class Twin:
    """The same book, said plainly."""

    def __init__(self, depth):
        self.depth, self.whole, self.in_snapshot, self.shown, self.open = depth, False, False, None, False
        self.unexplained = 0
        self.void()

    def void(self):
        self.totals, self.rests, self.orders = {1: {}, -1: {}}, {1: {}, -1: {}}, {}
        self.reach, self.doubt = {1: np.inf, -1: 0.0}, 0

    def take(self, kind, flags, side, price, size, order):
        begins = flags & SNAPSHOT and not self.in_snapshot
        if kind == CLEAR or (begins and (kind != REPORTED or self.doubt >= 2)):
            self.void()
            self.whole = kind == CLEAR
        if begins:
            self.reach, self.denied = {1: np.inf, -1: 0.0}, False
        if flags & GAP:
            self.whole, self.doubt = False, 2
        if kind == LEVEL:
            self.totals[side][price] = size
        elif kind == REPORTED:
            self.report(side, price, size)
        elif kind != CLEAR:
            if (
                self.orders.pop(order, None) is None
                and kind != ADD
                and side * price >= side * self.reach[side]
            ):
                self.explain(kind, side, price, size)
            if kind != DELETE and size > 0:
                self.orders[order] = (side, price, size)
        if flags & SNAPSHOT and flags & LAST and not flags & GAP:
            self.whole, self.doubt = not self.denied, self.doubt + 1 if self.denied else 0
        whole_book = kind == REPORTED and flags & LAST
        self.in_snapshot, self.open = bool(flags & SNAPSHOT) and not whole_book, not flags & LAST

    def report(self, side, price, size):
        """The rest of each level from the one reported before down to this one."""
        known = defaultdict(float)
        for where, at, left in self.orders.values():
            known[at] += left if where == side else 0.0
        ours = {*self.rests[side], *(at for at, left in known.items() if left)}
        for level in {each for each in ours if side * price < side * each < side * self.reach[side]} | {
            price
        }:
            told = size if level == price else 0.0
            self.denied |= known[level] > told
            self.rests[side][level] = max(told - known[level], 0.0)
        self.reach[side] = price

    def explain(self, kind, side, price, size):
        rest = self.rests[side].get(price, 0.0)
        if kind != DELETE or not 0.0 < size <= rest:
            self.unexplained, self.whole = self.unexplained + 1, False
        self.rests[side][price] = max(rest - size, 0.0)

    def side(self, side):
        totals = {price: size for price, size in self.totals[side].items() if size > 0}
        for price, size in self.rests[side].items():
            if size > 0:
                totals[price] = totals.get(price, 0.0) + size
        for where, price, size in self.orders.values():
            if where == side:
                totals[price] = totals.get(price, 0.0) + size
        return sorted(totals.items(), reverse=side == 1)

    def row(self):
        bids, asks = self.side(1), self.side(-1)
        crossed = bool(bids and asks and bids[0][0] >= asks[0][0])
        found = [float(self.whole and not self.open and not crossed), float(self.depth)]
        for levels in (bids, asks):
            padded = (levels + [(NAN, NAN)] * self.depth)[: self.depth]
            found += [price for price, _ in padded] + [size for _, size in padded]
        return found


def twin_changes(found, depth):
    """Rows of the twin after every whole message, without those that repeat the row before."""
    twin, rows, at = Twin(depth), [], []
    for event in range(len(found)):
        twin.take(*(column[event] for column in found.arrays()[1:]))
        if found.flags[event] & LAST:
            row = twin.row()
            if not rows or not np.array_equal(row, rows[-1], equal_nan=True):
                rows.append(row)
                at.append(event)
    return np.array(rows).reshape(len(rows), 2 + 4 * depth), at, twin


def kept(rows):
    """Without rows that repeat the one before: a level may be set to what it was."""
    columns = rows.columns
    new = [
        0,
        *(i for i in range(1, len(rows)) if not np.array_equal(columns[i], columns[i - 1], equal_nan=True)),
    ]
    return columns[new[: len(rows)]]


def random_events(seed, length, spread, orders):
    """Events around a price that moves, of levels or of orders, with sizes that add up exactly."""
    rng = np.random.default_rng(seed)
    middle = 1000 + np.cumsum(rng.integers(-3, 4, length) * (rng.random(length) < 0.2))
    side = rng.choice([1, -1], length)
    price = middle - side * (1 + np.minimum(rng.geometric(1 / spread, length), middle - 2))
    price = np.where(rng.random(length) < 0.01, rng.choice([1e-7, 1e9], length), price * 0.01)
    kind = rng.choice([ADD, ADD, CHANGE, DELETE], length) if orders else np.full(length, LEVEL)
    size = np.where(rng.random(length) < 0.3, 0.0, rng.integers(1, 64, length) / 8)
    flags = np.where(rng.random(length) < 0.4, LAST, 0) | np.where(rng.random(length) < 0.005, GAP, 0)
    flags[length // 2 : length // 2 + 40] |= SNAPSHOT
    kind[rng.random(length) < 0.002] = CLEAR
    order = rng.integers(1, max(length // 4, 2), length) if orders else np.zeros(length)
    known = 10 * np.cumsum(rng.integers(0, 3, length))
    return events(np.c_[known, kind, flags, side, price, size, order])


@pytest.mark.parametrize("orders", [False, True], ids=["levels", "orders"])
@pytest.mark.parametrize("spread", [4, 400], ids=["near", "deep"])
@pytest.mark.parametrize("depth", [1, 3, 70])
def test_every_change_is_that_of_the_plain_book(orders, spread, depth):
    found = random_events(5, 6000, spread, orders)
    rows, _, twin = twin_changes(found, depth)
    book = OrderBook(depth)
    np.testing.assert_array_equal(kept(book.changes(found)), rows)
    for side in (1, -1):
        prices, sizes = book.side(side)
        assert list(zip(prices, sizes, strict=True)) == twin.side(side)


EVENT = st.tuples(
    st.integers(0, 3), st.sampled_from([LEVEL, LEVEL, ADD, ADD, CHANGE, DELETE, CLEAR]),
    st.sampled_from([0, LAST, LAST, LAST | SNAPSHOT, SNAPSHOT, LAST | GAP, GAP]), st.sampled_from([1, -1]),
    st.integers(1, 9), st.integers(0, 3), st.integers(1, 6),
)  # fmt: skip


@given(st.lists(EVENT, max_size=40), st.booleans())
def test_any_sequence_of_events(drawn, orders):
    allowed = (ADD, CHANGE, DELETE, CLEAR) if orders else (LEVEL, CLEAR)
    known, rows = 0, []
    for gap, kind, *rest in drawn:
        known += gap
        if kind in allowed:
            rows.append((known, kind, *rest))
    found = events(rows)
    expected, _, twin = twin_changes(found, 2)
    book = OrderBook(2)
    np.testing.assert_array_equal(kept(book.changes(found)), expected)
    assert book.trusted == bool(twin.row()[0])


def reported_levels(rng, twin, levels, lie):
    """Rows of a snapshot: what the plain book has, with some levels told wrong."""
    rows = []
    for side in (1, -1):
        for price, size in twin.side(side)[:levels]:
            told = size + (rng.integers(-8, 9) / 8 if rng.random() < lie else 0.0)
            rows.append((REPORTED, SNAPSHOT, side, price, max(told, 0.0), 0))
    return [*rows[:-1], (rows[-1][0], SNAPSHOT | LAST, *rows[-1][2:])] if rows else []


@pytest.mark.parametrize("spread", [4, 400], ids=["near", "deep"])
@pytest.mark.parametrize("lie", [0.0, 0.1])
def test_a_log_that_began_late_is_started_and_corrected_by_snapshots(spread, lie):
    """The venue's book is a plain one of all events; ours sees only those after the first 1000."""
    found, rng = random_events(9, 3000, spread, True), np.random.default_rng(3)
    columns = np.c_[found.known_time, np.array(found.arrays()[1:]).T]
    venue, rows = Twin(3), []
    for number, (known, *event) in enumerate(columns.tolist()):
        kind, flags = int(event[0]), int(event[1]) & (LAST | GAP)
        if kind == CLEAR:
            continue
        venue.take(kind, flags, *event[2:])
        if number >= 1000:
            rows.append((known, kind, flags | (0 if rng.random() < 0.4 else LAST), *event[2:]))
        if number >= 1000 and number % 50 == 0:
            levels = int(rng.choice([1, 20, 300]))
            rows += [(known, *row) for row in reported_levels(rng, venue, levels, lie)]
    told = events(rows)
    expected, _, twin = twin_changes(told, 3)
    book = OrderBook(3)
    np.testing.assert_array_equal(kept(book.changes(told)), expected)
    assert (book.unexplained_orders, book.trusted) == (twin.unexplained, bool(twin.row()[0]))
    assert book.unexplained_orders > 0
    for side in (1, -1):
        prices, sizes = book.side(side)
        assert list(zip(prices, sizes, strict=True)) == twin.side(side)


LATE_EVENT = st.tuples(
    st.sampled_from([ADD, CHANGE, DELETE, CLEAR, REPORTED]),
    st.sampled_from([LAST, LAST, LAST, LAST | GAP, 0]),
    st.sampled_from([1, -1]), st.integers(1, 5), st.integers(0, 3), st.integers(1, 6), st.booleans(),
)  # fmt: skip


@given(st.lists(LATE_EVENT, max_size=40))
def test_any_sequence_of_orders_and_reported_levels(drawn):
    rows = []
    for known, (kind, flags, *rest, snapshot) in enumerate(drawn):
        rows.append((known, kind, flags | (SNAPSHOT if snapshot or kind == REPORTED else 0), *rest))
    found = events(rows)
    expected, _, twin = twin_changes(found, 2)
    book = OrderBook(2)
    np.testing.assert_array_equal(kept(book.changes(found)), expected)
    assert (book.unexplained_orders, book.trusted) == (twin.unexplained, bool(twin.row()[0]))


def test_a_log_with_books_said_step_by_step():
    snapshot = [(REPORTED, SNAPSHOT, 1, 9.0, 5.0, 0), (REPORTED, SNAPSHOT | LAST, -1, 10.0, 2.0, 0)]
    steps = [
        ([(ADD, LAST, 1, 9.0, 2.0, 7)], False, {9.0: 2.0}),
        (snapshot, True, {9.0: 5.0}),
        ([(DELETE, LAST, 1, 9.0, 1.0, 1)], True, {9.0: 4.0}),
        ([(DELETE, LAST, 1, 8.0, 1.0, 2)], True, {9.0: 4.0}),
        ([(DELETE, LAST, 1, 9.0, 2.5, 3)], False, {9.0: 2.0}),
        (snapshot, True, {9.0: 5.0}),
        ([(CHANGE, LAST, 1, 9.0, 1.0, 4)], False, {9.0: 5.0}),
        ([(DELETE, LAST, 1, 9.0, 1.0, 4)], False, {9.0: 4.0}),
        ([(DELETE, LAST, 1, 9.0, 2.0, 7)], False, {9.0: 2.0}),
        (snapshot, True, {9.0: 5.0}),
        ([(ADD, LAST, 1, 9.5, 1.0, 5)], True, {9.5: 1.0, 9.0: 5.0}),
        (snapshot, False, {9.5: 1.0, 9.0: 5.0}),
        (snapshot, False, {9.5: 1.0, 9.0: 5.0}),
        (snapshot, True, {9.0: 5.0}),
        ([(ADD, LAST | GAP, 1, 8.0, 1.0, 6)], False, {9.0: 5.0, 8.0: 1.0}),
        (snapshot, True, {9.0: 5.0}),
    ]
    book = OrderBook(2)
    for rows, trusted, bids in steps:
        book.changes(events([(1, *row) for row in rows]))
        assert book.trusted == trusted
        assert dict(zip(*book.side(1), strict=True)) == bids
    assert (book.unknown_orders, book.unexplained_orders) == (4, 2)


@pytest.mark.parametrize("orders", [False, True], ids=["levels", "orders"])
def test_as_of_a_grid_is_the_plain_book_then(orders):
    found = random_events(6, 3000, 30, orders)
    grid = np.arange(-5, found.known_time[-1] + 20, 7)
    twin, expected, taken = Twin(3), [], 0
    for now in grid:
        while taken < len(found) and found.known_time[taken] <= now:
            twin.take(*(column[taken] for column in found.arrays()[1:]))
            taken += 1
        expected.append(twin.row())
    book = OrderBook(3)
    first = book.as_of(found, grid)
    rest = book.now(grid[len(first) :])
    np.testing.assert_array_equal(np.concatenate([first.columns, rest.columns]), expected)
    last = np.searchsorted(found.known_time, grid, "right") - 1
    sequence = np.concatenate([first.sequence, rest.sequence])
    np.testing.assert_array_equal(sequence, np.where(last >= 0, found.sequence[last], 0))


@pytest.mark.parametrize("orders", [False, True], ids=["levels", "orders"])
def test_chunks_and_checkpoints_give_what_one_call_gives(orders):
    found = random_events(7, 4000, 300, orders)
    whole = OrderBook(5).changes(found)
    book, parts = OrderBook(5), []
    for first, last in pairwise([0, 1, 17, 1500, 1500, 3999, 4000]):
        parts.append(book.changes(found[first:last]).columns)
        book = OrderBook.restored(book.checkpoint())
    np.testing.assert_array_equal(np.concatenate(parts), whole.columns)


def test_canonical_tables_in_and_out():
    rows = [
        (10, CLEAR, LAST, 0, NAN, NAN, 0),
        (20, LEVEL, 0, 1, 9.0, 2.0, 0),
        (20, LEVEL, LAST, -1, 10.0, 3.0, 0),
    ]
    found = events(rows)
    columns = {name: getattr(found, name) for name in BookEvents.__dataclass_fields__}
    times = {name: columns[name].view("datetime64[ns]") for name in ("event_time", "known_time")}
    table = batch("book_events", columns | times).rows
    assert BookEvents.of(table).price.tolist()[1:] == [9.0, 10.0]
    out = [
        part.batch().rows
        for part in book_rows(map(BookEvents.of, [table.slice(0, 2), table.slice(2)]), depth=2)
    ]
    assert [part.num_rows for part in out] == [1, 1]
    last = out[1].to_pylist()[0]
    assert (last["trusted"], last["levels"], last["sequence"], last["source_row"]) == (True, 2, 102, 3)
    np.testing.assert_array_equal(ladder(out[1], "bid_price"), [[9.0] + [NAN] * (LEVELS - 1)])
    grid = np.array([15, 20, 30])
    answers = book_rows(iter([BookEvents.of(table)]), depth=1, grid=grid)
    columns = np.concatenate([part.columns for part in answers])
    np.testing.assert_array_equal(columns[:, 2], [NAN, 9.0, 9.0])


def test_oddities_are_counted():
    book = OrderBook(1)
    book.changes(
        events(
            [
                (1, CLEAR, LAST, 0, NAN, NAN, 0),
                (2, ADD, LAST, 1, 9.0, 1.0, 4),
                (3, ADD, LAST, 1, 8.0, 2.0, 4),
                (4, DELETE, LAST, 1, 8.0, 2.0, 5),
                (5, CHANGE, LAST, -1, 8.0, 2.0, 6),
            ]
        )
    )
    assert (book.duplicate_orders, book.unknown_orders, book.crossed_messages) == (1, 2, 1)
    assert not book.trusted
    assert [part.tolist() for part in book.side(1)] == [[8.0], [2.0]]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((1, 9, LAST, 1, 9.0, 1.0, 0), "no kind of event"),
        ((1, LEVEL, LAST, 0, 9.0, 1.0, 0), "side neither bid nor ask"),
        ((1, ADD, LAST, 1, 9.0, 1.0, 0), "order without an id"),
        ((1, REPORTED, LAST, 1, 9.0, 1.0, 0), "level reported outside a snapshot"),
        ((1, LEVEL, LAST, 1, -9.0, 1.0, 0), "price not above zero"),
        ((1, LEVEL, LAST, 1, 9.0, NAN, 0), "negative size"),
    ],
)
def test_what_cannot_stand_in_a_book_is_refused(row, reason):
    with pytest.raises(DataError, match=f"book_events, row 2: {reason}"):
        events([(1, CLEAR, LAST, 0, NAN, NAN, 0), row])


def test_time_does_not_fall():
    found = random_events(1, 10, 4, False)
    back = replace(found, known_time=found.known_time + 100 * (np.arange(10) == 4))
    with pytest.raises(DataError, match=r"known_time .* earlier"):
        OrderBook(1).as_of(back, np.array([1]))
    with pytest.raises(DataError, match=r"grid time .* earlier"):
        OrderBook(1).as_of(found, np.array([2, 1]))
    with pytest.raises(DataError, match="one level or more"):
        OrderBook(0)


@pytest.mark.parametrize("scale", [0.1, 0.25, 1 / 3, 1e-7, 100.0], ids=str)
@pytest.mark.parametrize("chunk", [1, 6, 4000])
def test_any_tick_does_and_may_become_finer(scale, chunk):
    """Prices by a tick, first some that lie on a wider one; each chunk knows of those before it only."""
    found = random_events(11, 400, 30, False)
    ticks = np.maximum(np.rint(found.price * 100), 1.0)
    ticks[:100] = 8 * np.ceil(ticks[:100] / 8)
    found = replace(found, price=np.where(found.price < 1e8, ticks * scale, found.price))
    book, rows = OrderBook(3), twin_changes(found, 3)[0]
    parts = [book.changes(found[start : start + chunk]).columns for start in range(0, len(found), chunk)]
    columns = np.concatenate(parts)
    new = [i for i in range(len(columns)) if not i or not np.array_equal(*columns[i - 1 : i + 1], True)]
    np.testing.assert_array_equal(columns[new], rows)


@pytest.mark.parametrize(
    ("prices", "ticks"),
    [
        ([100.25, 99.5, 101.0], 4.0),
        ([0.1, 0.3], 10.0),
        ([0.1 + 0.2, 0.5], 10.0),
        ([1e9, 1e-7], 1e7),
        ([1 / 3], 0.0),
    ],
)
def test_the_widest_tick_on_which_prices_lie(prices, ticks):
    assert ticks_a_unit(np.array(prices)) == pytest.approx(ticks)


def test_a_checkpoint_is_the_same_whatever_way_the_book_came_about():
    """Tables that grew, a finer tick, orders that went: what is left is what counts."""
    level = (5, LEVEL, LAST, 1, 9.5, 2.0, 0)
    plain = [(1, CLEAR, LAST, 0, NAN, NAN, 0), level]
    detour = [(2, LEVEL, LAST, 1, 9.37 - k / 100, 1.0, 0) for k in range(200)]
    detour += [(3, LEVEL, LAST, 1, 9.37 - k / 100, 0.0, 0) for k in range(200)]
    books = [OrderBook(3), OrderBook(3)]
    for book, rows in zip(books, (plain, [plain[0], *detour, level]), strict=True):
        found = events(rows)
        last = np.full(len(rows), 7)
        book.changes(replace(found, source_row=last, sequence=last))
    one, other = (book.checkpoint() for book in books)
    assert all(one[name].tobytes() == other[name].tobytes() for name in one)
    assert one["levels"].tolist() == [[9.5, 2.0, 0.0]]


@pytest.mark.parametrize(
    ("after", "within", "known", "trusted"),
    [(101, 0.0, 10**12, True), (100, 0.0, 2, False), (102, 0.0, 2, False), (0, 5.0, 5 * 10**9 + 2, True),
     (0, 5.0, 5 * 10**9 + 3, False), (0, 0.0, 3, False), (0, 0.0, 2, False), (0, 5.0, 2, True)],
)  # fmt: skip
@pytest.mark.parametrize("apart", [False, True], ids=["one call", "two calls"])
def test_a_file_goes_on_with_the_book_where_ids_or_time_say_so(after, within, known, trusted, apart):
    """The last event before has the id 101 and the time 2; a snapshot mends what does not follow."""
    before = [(1, CLEAR, LAST, 0, NAN, NAN, 0), (2, LEVEL, LAST, 1, 9.0, 1.0, 0)]
    rest = [(known, START, LAST, 0, NAN, within, 0), (known, LEVEL, LAST, 1, 8.0, 1.0, 0)]
    found = events([*before, *rest, (known + 1, CLEAR, LAST, 0, NAN, NAN, 0)])
    found = replace(found, sequence=np.array([100, 101, after, 200, 201]))
    book, judged = OrderBook(2), []
    cuts = [0, 2, 4, 5] if apart else [0, 4, 5]
    for first, last in pairwise(cuts):
        rows = book.changes(found[first:last])
        judged.append(book.trusted)
    assert judged[-2:] == [trusted, True]
    assert rows.columns[-1, 0] == 1.0
    assert not OrderBook(2).changes(found[2:4]).columns[:, 0].any()
