"""The book at instants: what a walk pays by hand, and every reason not to trade."""

import numpy as np
import pandas as pd
import pytest

from pipeline.features.book_at import (
    CROSSED,
    MISSING,
    SOUND,
    STALE,
    UNTRUSTED,
    BookAt,
    best_of,
    book_at,
    quotes_at,
)
from pipeline.features.decision_day import quoted
from pipeline.ingest.market_tables import ADD, CLEAR, LAST, batch, padded

NAN = np.nan


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
    assert quotes_at(quotes, times, 8.0).state.tolist() == expected


def test_a_book_of_lists_is_read_level_by_level():
    book = pd.DataFrame(
        {
            "known_time": pd.to_datetime([10, 20], utc=True, unit="s"),
            "trusted": [True, False],
            "bid_price": [[9.0, 8.0], [9.0, 8.0]],
            "bid_size": [[1.0, 2.0], [1.0, 2.0]],
            "ask_price": [[10.0, NAN], [10.0, NAN]],
            "ask_size": [[1.0, NAN], [1.0, NAN]],
        }
    )
    found = book_at(book, np.array([5, 15, 25, 15]) * 10**9, 60.0)
    assert found.state.tolist() == [MISSING, SOUND, UNTRUSTED, SOUND]
    np.testing.assert_array_equal(found.bid_price[1], [9.0, 8.0])
    np.testing.assert_array_equal(found.ask_price[1], [10.0])
    assert best_of(book)["bid_price"].tolist()[0] == 9.0
    assert np.isnan(best_of(book)["bid_price"].iloc[1])


def test_a_venue_of_events_only_is_followed_to_its_book():
    rows = [(CLEAR, 0, 0.0, 0.0, 0), (ADD, 1, 9.0, 2.0, 1), (ADD, -1, 10.0, 3.0, 2)]
    times = pd.to_datetime(np.arange(1, 4), utc=True, unit="s")
    events = pd.DataFrame(rows, columns=["kind", "side", "price", "size", "order_id"]).assign(
        event_time=times, known_time=times, source_row=[1, 2, 3], sequence=0, flags=LAST
    )
    events = events.astype({"kind": "int8", "side": "int8", "flags": "int8"})
    last = quoted({"book_events": events})["quotes"].iloc[-1]
    assert (last["bid_price"], last["bid_size"], last["ask_price"], last["ask_size"]) == (9.0, 2.0, 10.0, 3.0)


def test_the_books_of_a_venue_start_the_one_of_its_orders_and_are_not_traded_against():
    """Before its first book nothing is trusted; afterwards an order changes the book before the next one."""
    times = pd.to_datetime([1, 3], utc=True, unit="s")
    orders = pd.DataFrame(
        {"kind": ADD, "side": [1, -1], "price": [8.5, 9.5], "size": [1.0, 3.0], "order_id": [1, 2]}
    ).assign(event_time=times, known_time=times, source_row=[1, 3], sequence=0, flags=LAST)
    orders = orders.astype({"kind": "int8", "side": "int8", "flags": "int8"})
    columns = {"bid_price": [[9.0, 8.5]], "bid_size": [[1.0, 2.0]], "ask_price": [[10.0, 11.0]]}
    levels = {name: padded(np.array(values)) for name, values in columns.items()}
    told = np.array([2 * 10**9]).view("datetime64[ns]")
    books = batch(
        "book",
        {"event_time": told, "known_time": told, "source_row": [2], "sequence": 0, "trusted": True}
        | {**levels, "ask_size": padded(np.array([[3.0, 4.0]])), "levels": 2},
    ).rows.to_pandas()
    book = quoted({"book_events": orders, "book": books})["book"]
    assert book["trusted"].tolist() == [False, True, True]
    assert book["known_time"].dt.second.tolist() == [1, 2, 3]
    assert [row[0] for row in book["ask_price"]][1:] == [10.0, 9.5]
    assert [row[:2].tolist() for row in book["bid_size"]][1:] == [[1.0, 2.0], [1.0, 2.0]]
