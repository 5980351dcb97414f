"""The book in arrays against one made of dictionaries."""

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
    SNAPSHOT,
    batch,
    ladder,
)
from pipeline.orderbook.events import BookEvents
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
        self.void()

    def void(self):
        self.totals, self.orders = {1: {}, -1: {}}, {}

    def take(self, kind, flags, side, price, size, order):
        if kind == CLEAR or (flags & SNAPSHOT and not self.in_snapshot):
            self.void()
            self.whole = kind == CLEAR
        if kind == LEVEL:
            self.totals[side][price] = size
        elif kind != CLEAR:
            self.orders.pop(order, None)
            if kind != DELETE and size > 0:
                self.orders[order] = (side, price, size)
        if flags & SNAPSHOT and flags & LAST:
            self.whole = True
        if flags & GAP:
            self.whole = False
        self.in_snapshot, self.open = bool(flags & SNAPSHOT), not flags & LAST

    def side(self, side):
        totals = {price: size for price, size in self.totals[side].items() if size > 0}
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
        twin.take(*(column[event] for column in found.arrays()))
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


@pytest.mark.parametrize("orders", [False, True], ids=["levels", "orders"])
def test_as_of_a_grid_is_the_plain_book_then(orders):
    found = random_events(6, 3000, 30, orders)
    grid = np.arange(-5, found.known_time[-1] + 20, 7)
    twin, expected, taken = Twin(3), [], 0
    for now in grid:
        while taken < len(found) and found.known_time[taken] <= now:
            twin.take(*(column[taken] for column in found.arrays()))
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
    out = [part.batch().rows for part in book_rows(iter([table.slice(0, 2), table.slice(2)]), depth=2)]
    assert [part.num_rows for part in out] == [1, 1]
    last = out[1].to_pylist()[0]
    assert (last["trusted"], last["levels"], last["sequence"], last["source_row"]) == (True, 2, 102, 3)
    np.testing.assert_array_equal(ladder(out[1], "bid_price"), [[9.0] + [NAN] * (LEVELS - 1)])
    grid = np.array([15, 20, 30])
    answers = book_rows(iter([table]), depth=1, grid=grid)
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
