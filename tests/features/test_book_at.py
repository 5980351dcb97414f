"""The book at instants: what a walk pays by hand, and every reason not to trade."""

import numpy as np
import pandas as pd
import pytest

from pipeline.features.book_at import BookAt, best_of, book_at, one_level, rows_of
from pipeline.features.book_walk import CROSSED, MISSING, SOUND, STALE, UNTRUSTED
from pipeline.ingest.dataset import arrow_table
from pipeline.ingest.time_order import TimedRows

NAN = np.nan


def batch_of(table):
    return arrow_table(table).to_batches()[0]


@pytest.fixture
def book():
    """One sound book of three levels, one ask level missing, and one that is not sound."""
    return BookAt(
        np.array([SOUND, STALE], np.int8),
        bid_price=np.array([[9.9, 9.8, 9.7], [9.9, 9.8, 9.7]]),
        bid_size=np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]),
        ask_price=np.array([[10.1, 10.3, NAN], [10.1, 10.3, NAN]]),
        ask_size=np.array([[2.0, 1.0, NAN], [2.0, 1.0, NAN]]),
    )


def naive(price, size, order, beyond):
    paid, left, last = 0.0, order, price[0]
    for p, q in zip(price, size, strict=True):
        if np.isnan(p):
            continue
        take = min(left, q)
        paid, left, last = paid + take * p, left - take, p
    return (paid + left * (last + beyond)) / order


@pytest.mark.parametrize("order", [0.5, 1.0, 2.5, 3.0, 7.0])
def test_crossing_cost_is_that_of_a_walk_by_hand(book, order):
    bought = naive(book.ask_price[0], book.ask_size[0], order, 0.2) - 10.0
    sold = 10.0 - naive(book.bid_price[0], book.bid_size[0], order, -0.2)
    np.testing.assert_allclose(book.crossing_cost(order)[0], (bought + sold) / 20.0, rtol=1e-12)
    assert np.isnan(book.crossing_cost(order)[1])


def test_a_small_order_pays_the_half_spread_and_a_larger_one_never_less(book):
    costs = [book.crossing_cost(size)[0] for size in np.linspace(0.1, 10.0, 50)]
    np.testing.assert_allclose(costs[0], book.half_spread[0])
    assert (np.diff(costs) >= -1e-15).all()


def test_depth_counts_what_is_near(book):
    assert book.depth(0.011)[0] == pytest.approx((1.0 + 2.0) / 2)
    assert book.depth(0.05)[0] == pytest.approx((6.0 + 3.0) / 2)


def test_every_reason_not_to_trade():
    quotes = pd.DataFrame(
        {
            "known_time": pd.to_datetime([10, 20, 30, 40], utc=True, unit="s"),
            "bid_price": [9.0, 9.0, NAN, 9.5],
            "bid_size": 1.0,
            "ask_price": [10.0, 9.0, 10.0, 9.6],
            "ask_size": [1.0, 1.0, 1.0, 0.0],
        }
    )
    times = np.array([5, 10, 19, 25, 35, 45]) * 10**9
    expected = [MISSING, SOUND, STALE, CROSSED, MISSING, MISSING]
    rows = one_level(TimedRows.of(batch_of(quotes)))
    assert book_at(rows, times, 8.0).state.tolist() == expected


@pytest.mark.parametrize("as_list", [list, np.array], ids=["lists", "arrays"])
def test_a_book_of_lists_is_read_level_by_level(as_list):
    times = pd.to_datetime([10, 20], utc=True, unit="s")
    flags = {"source_row": [1, 2], "sequence": 0, "trusted": [True, False], "levels": 2}
    table = pd.DataFrame({"event_time": times, "known_time": times} | flags)
    columns = {"bid_price": [9.0, 8.0], "bid_size": [1.0, 2.0]}
    columns |= {"ask_price": [10.0, NAN], "ask_size": [1.0, NAN]}
    for name, levels in columns.items():
        table[name] = [as_list(levels), as_list(levels)]
    book = rows_of(batch_of(table))
    found = book_at(book, np.array([5, 15, 25, 15]) * 10**9, 60.0)
    assert found.state.tolist() == [MISSING, SOUND, UNTRUSTED, SOUND]
    np.testing.assert_array_equal(found.bid_price[1], [9.0, 8.0])
    np.testing.assert_array_equal(found.ask_price[1], [10.0, NAN])
    assert book.columns[1].tolist()[:6] == [0.0, 2.0, 9.0, 8.0, 1.0, 2.0]
    bids = best_of(book).rows.column("bid_price").to_numpy()
    np.testing.assert_array_equal(bids, [9.0, NAN])
