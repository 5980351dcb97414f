import numpy as np
import pytest

from pipeline.features.book import BOOK_SHAPE, DEFAULTS
from pipeline.features.event_feature import EventRows
from pipeline.features.event_stream import over
from tests.contracts.market_events import events

NAMES = [output.name for output in BOOK_SHAPE.outputs]
SECOND = 10**9


def row(bids, asks, trusted=1.0, depth=6):
    """A row of `book` from (price, size) pairs."""
    sides = []
    for levels in (bids, asks):
        padded = list(levels) + [(np.nan, np.nan)] * (depth - len(levels))
        sides += [[price for price, _ in padded], [size for _, size in padded]]
    return np.array([trusted, depth, *np.concatenate(sides)])


def sides(columns):
    """Levels (price, size) of bid and ask, or None where the row is not sound."""
    width = (len(columns) - 2) // 4
    prices = columns[2:].reshape(4, width)
    bids, asks = (
        [(price, size) for price, size in zip(*pair, strict=True) if not np.isnan(price)]
        for pair in (prices[:2], prices[2:])
    )
    return (bids, asks) if columns[0] and bids and asks and bids[0][0] < asks[0][0] else None


def level_flow(new, old, sign):
    """Cont, Kukanov and Stoikov's e_n of one level of one side."""
    gain = new[1] if new and (not old or sign * new[0] >= sign * old[0]) else 0.0
    loss = old[1] if old and (not new or sign * new[0] <= sign * old[0]) else 0.0
    return sign * (gain - loss)


def flow(rows, now, levels):
    total, last = 0.0, None
    for time, columns in zip(rows.known_time, rows.columns, strict=True):
        if time > now:
            break
        book = sides(columns)
        if book and last:
            for side, sign in ((0, 1.0), (1, -1.0)):
                for level in range(levels):
                    new, old = ([*part[side], *[None] * levels][level] for part in (book, last))
                    total += level_flow(new, old, sign) * 2.0 ** (-(now - time) / SECOND / 10.0)
        last = book
    return total


def crossing(levels, mid, size, sign):
    left, paid = size, 0.0
    for price, there in levels:
        taken = min(left, there)
        paid, left = paid + taken * price, left - taken
    return np.nan if left > 0 else 1e4 * sign * (paid / size / mid - 1)


def shape(book):
    """The definitions at one book, without flow and resilience."""
    bids, asks = book
    (bid, bid_size), (ask, ask_size) = bids[0], asks[0]
    mid = (bid + ask) / 2
    near = [*bids[:5], *asks[:5]]
    found = {
        "book_mid": mid,
        "book_half_spread_bps": (ask - bid) / 2 / mid * 1e4,
        "book_imbalance": (bid_size - ask_size) / (bid_size + ask_size),
        "book_weighted_mid": (bid * ask_size + ask * bid_size) / (bid_size + ask_size),
        "book_average_price_5": np.average([p for p, _ in near], weights=[q for _, q in near]),
        "book_buy_cost_bps": crossing(asks, mid, 1.0, 1),
        "book_sell_cost_bps": crossing(bids, mid, 1.0, -1),
    }
    bought, sold = sum(q for _, q in bids[:5]), sum(q for _, q in asks[:5])
    found["book_imbalance_5"] = (bought - sold) / (bought + sold)
    for name, levels in (("bid", bids), ("ask", asks)):
        distance = np.array([abs(price - mid) / mid * 1e4 for price, _ in levels])
        size = np.array([size for _, size in levels])
        found[f"book_{name}_depth"] = size[distance <= 10.0].sum()
        found[f"book_{name}_slope"] = np.linalg.lstsq(distance[:, None], np.cumsum(size), rcond=None)[0][0]
    return found


@pytest.fixture(scope="module")
def rows():
    return events(BOOK_SHAPE.sources[0], seed=3, length=400)


def test_the_definitions_at_each_book(rows):
    grid = np.unique(rows.known_time)
    values = over(BOOK_SHAPE, {"book": rows}, grid)
    last = np.searchsorted(rows.known_time, grid, "right") - 1
    for found, place, now in zip(values, last, grid, strict=True):
        book = sides(rows.columns[place])
        if not book:
            assert np.isnan(found).all()
            continue
        expected = shape(book)
        for name, value in expected.items():
            np.testing.assert_allclose(found[NAMES.index(name)], value, rtol=1e-9, err_msg=name)
        for levels in (1, 5):
            got = found[NAMES.index(f"book_flow_{levels}_10s")]
            np.testing.assert_allclose(got, flow(rows, now, levels), rtol=1e-9, atol=1e-9)


def test_a_sweep_is_over_when_half_is_back():
    full = [(100.0 + level, 2.0) for level in range(1, 6)]
    bids = [(100.0 - level, 2.0) for level in range(1, 6)]
    books = [full, full[3:], full[2:], full[1:], full, full[3:], full]
    times = np.array([0, 1, 3, 5, 8, 10, 20]) * SECOND
    rows = EventRows(times, np.array([row(bids, asks) for asks in books]))
    refill = over(BOOK_SHAPE, {"book": rows}, times)[:, NAMES.index("book_refill_seconds")]
    np.testing.assert_allclose(refill, [np.nan, np.nan, np.nan, 4.0, 4.0, 4.0, 4.0 + 0.2 * 6.0])


def test_the_desk_has_its_own_size(rows):
    desk = BOOK_SHAPE.for_desk(0.25, 3.0)
    assert desk.constants()[1] == DEFAULTS[1]
    found = over(desk, {"book": rows}, rows.known_time[-1:])[0]
    (bids, asks), mid = sides(rows.columns[-1]), found[0]
    np.testing.assert_allclose(found[NAMES.index("book_buy_cost_bps")], crossing(asks, mid, 0.25, 1))
    np.testing.assert_allclose(found[NAMES.index("book_sell_cost_bps")], crossing(bids, mid, 0.25, -1))
    for name, levels in (("bid", bids), ("ask", asks)):
        inside = sum(size for price, size in levels if abs(price - mid) / mid * 1e4 <= 3.0)
        assert found[NAMES.index(f"book_{name}_depth")] == pytest.approx(inside)


def test_a_size_that_is_not_shown_has_no_cost():
    rows = EventRows(np.array([1]), row([(99.0, 0.5)], [(101.0, 1.0)])[None])
    found = over(BOOK_SHAPE, {"book": rows}, np.array([1]))[0]
    assert np.isnan(found[NAMES.index("book_sell_cost_bps")])
    np.testing.assert_allclose(found[NAMES.index("book_buy_cost_bps")], 100.0)
