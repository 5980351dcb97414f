"""The events of a day, part by part: the book that is followed, its best quotes, and sided trades."""

from dataclasses import fields
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from pipeline.features.book_at import book_at
from pipeline.features.book_close import Close, OpenedDay
from pipeline.features.day_events import OTHER_BOOK, QUOTES, TRADES, DayEvents
from pipeline.features.event_feature import EventRows, Source
from pipeline.features.followed_book import LEVELS_FOLLOWED
from pipeline.ingest import time_order
from pipeline.ingest.market_tables import ADD, CLEAR, DELETE, LAST, batch, padded
from pipeline.ingest.pieces import InMemory
from pipeline.orderbook.checkpoint_table import checkpoint_table
from pipeline.orderbook.events import BookEvents
from pipeline.orderbook.order_book import BookRows, OrderBook
from tests.market_day import DAY, day_tables

BOOK = Source("book", ("trusted", "levels", "bid_price", "bid_size", "ask_price", "ask_size"))
START = np.int64(1_583_107_200_000_000_000)


def frame(events):
    """Events as rows of the canonical table."""
    columns = {each.name: getattr(events, each.name) for each in fields(events)}
    stamps = {name: pd.to_datetime(columns[name], utc=True) for name in ("event_time", "known_time")}
    return pd.DataFrame(columns | stamps)


def orders(count, seed=1):
    """Orders that are added and deleted, three of one instant; every thousandth row voids the book."""
    rng, number = np.random.default_rng(seed), np.arange(count)
    side = rng.choice([-1, 1], count)
    price = 100.0 - side * rng.integers(1, 400, count) / 10.0
    size = rng.integers(1, 9, count).astype(float)
    gone = (number > 100) & (rng.random(count) < 0.45)
    first = np.clip(number - rng.integers(1, 60, count), 0, None)
    kind = np.where(gone & ~gone[first], DELETE, ADD)
    own = np.where(kind == DELETE, number[first], number) + 1
    price, size, side = (np.where(kind == DELETE, each[first], each) for each in (price, size, side))
    kind[::1_000] = CLEAR
    known = START + 10**9 * (number // 3)
    return BookEvents(
        known, known, number, number * 0, kind.astype(np.int8), np.full(count, LAST, np.int8),
        np.where(kind == CLEAR, 0, side).astype(np.int8), price, size, own,
    )  # fmt: skip


def trades(count, seed=2):
    """Trades whose side nobody told, some of one instant."""
    rng = np.random.default_rng(seed)
    known = pd.to_datetime(START + 10**8 * np.sort(rng.integers(0, 4_000, count)), utc=True)
    price = 100.0 + rng.integers(-9, 9, count) / 10.0
    return pd.DataFrame({"known_time": known, "price": price, "size": 1.0, "side": np.int8(0)})


@pytest.fixture(params=[50, 333])
def part(request, monkeypatch):
    monkeypatch.setattr(time_order, "PART", request.param)


def joined(events, source):
    """All that a feature reads of a table."""
    parts = [part.rows(source) for part in events.parts([source])]
    return EventRows.joined([rows for rows in parts if len(rows)])


def test_the_book_in_parts_is_that_of_one_pass_and_no_instant_is_cut(part):
    """It goes on from the book of the evening."""
    events, before, shelf = orders(1_000), OrderBook(LEVELS_FOLLOWED), InMemory()
    before.changes(events[:300])
    key = shelf("close", lambda: {f"book_close/{DAY}": checkpoint_table(before)}).key
    day = OpenedDay(day_tables(book_events=frame(events[300:])), {"book_open": Close(shelf, key, DAY)})
    rows = BookRows.joined([before.now(np.array([before.known])), before.changes(events[300:])])
    parts = list(DayEvents(day).parts([BOOK]))
    assert len(parts) > 1
    np.testing.assert_array_equal(np.concatenate([each.book.columns for each in parts]), rows.columns)
    np.testing.assert_array_equal(np.concatenate([each.book.known_time for each in parts]), rows.known_time)
    for one, two in pairwise(parts):
        assert one.book.known_time[-1] <= one.until < two.book.known_time[0]


def test_a_book_as_its_venue_tells_it_comes_in_parts_too(part):
    rows = OrderBook(LEVELS_FOLLOWED).changes(orders(600))
    found = joined(DayEvents(day_tables(book=rows.batch().rows.to_pandas())), BOOK)
    np.testing.assert_array_equal(found.columns[:, 2 : 2 + LEVELS_FOLLOWED], rows.columns[:, 2:22])


def test_quotes_and_sides_in_parts_are_those_of_the_whole(part, monkeypatch):
    """A trade is judged by the quote before it and by the ticks, in whichever part they stand."""
    market = {"book_events": frame(orders(1_000)), "trades": trades(700)}
    cut = DayEvents(day_tables(**market))
    found = joined(cut, TRADES), joined(cut, QUOTES)
    monkeypatch.setattr(time_order, "PART", 10_000)
    whole = joined(cut, TRADES), joined(cut, QUOTES)
    for one, two in zip(found, whole, strict=True):
        np.testing.assert_array_equal(one.known_time, two.known_time)
        np.testing.assert_array_equal(one.columns, two.columns)
    assert {-1.0, 1.0} <= set(found[0].columns[:, 2])


def test_the_other_market_s_book_goes_beside_the_own_its_quotes_where_it_has_none(part):
    """Trades of it that come unasked, as on a stream, are nobody's quotes."""
    rows = OrderBook(LEVELS_FOLLOWED).changes(orders(600, seed=5))
    other = Source(OTHER_BOOK, ())
    booked = DayEvents(
        day_tables(book_events=frame(orders(500)), other_book_events=frame(orders(600, seed=5)))
    )
    parts = list(booked.parts([QUOTES, other]))
    assert sum(each.book is not None for each in parts) > 1
    found = EventRows.joined([each.other_book for each in parts if each.other_book is not None])
    np.testing.assert_array_equal(found.columns, rows.columns)
    np.testing.assert_array_equal(found.known_time, rows.known_time)
    quotes = joined(booked, Source("perpetual_quotes", ("bid_price", "ask_price")))
    known, (bid, ask) = pd.to_datetime(quotes.known_time, utc=True), quotes.columns.T
    sizes = {"bid_size": 1.0, "ask_size": 2.0}
    told = pd.DataFrame({"known_time": known, "bid_price": bid, "ask_price": ask} | sizes)
    quoted = DayEvents(day_tables(quotes=told, other_quotes=told, other_trades=trades(9)))
    best = joined(quoted, other).columns
    np.testing.assert_array_equal(best[:, [2, 4]], quotes.columns)
    assert np.unique(best[:, [0, 1, 3, 5]], axis=0).tolist() == [[1.0, 1.0, 1.0, 2.0]]
    unasked = [
        {"other_trades": each["trades"]} for each in day_tables(trades=trades(9)).parts({"trades": None})
    ]
    following = quoted.follow([Source("perpetual_quotes", ("bid_price",))])
    assert all(following.take(each).tables == {} for each in unasked)
    assert OTHER_BOOK not in DayEvents(day_tables(quotes=told, other_trades=trades(9)))


def test_only_what_is_named_is_read(monkeypatch):
    day = day_tables(book_events=frame(orders(30)), trades=trades(30))
    read = []
    monkeypatch.setattr(day, "parts", lambda tables: read.append(dict(tables)) or iter(()))
    for sources in ([Source("trades", ("price",))], [TRADES], [BOOK]):
        list(DayEvents(day).parts(sources))
    assert [sorted(each) for each in read] == [["trades"], ["book_events", "trades"], ["book_events"]]


def test_a_venue_of_events_only_is_followed_to_its_book():
    rows = [(CLEAR, 0, 0.0, 0.0, 0), (ADD, 1, 9.0, 2.0, 1), (ADD, -1, 10.0, 3.0, 2)]
    times = pd.to_datetime(np.arange(1, 4), utc=True, unit="s")
    events = pd.DataFrame(rows, columns=["kind", "side", "price", "size", "order_id"]).assign(
        event_time=times, known_time=times, source_row=[1, 2, 3], sequence=0, flags=LAST
    )
    events = events.astype({"kind": "int8", "side": "int8", "flags": "int8"})
    quotes = joined(DayEvents(day_tables(book_events=events)), QUOTES)
    assert quotes.columns[-1].tolist() == [9.0, 2.0, 10.0, 3.0]


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
    book = joined(DayEvents(day_tables(book_events=orders, book=books)), BOOK)
    assert book.columns[:, 0].tolist() == [0.0, 1.0, 1.0]
    assert (book.known_time // 10**9).tolist() == [1, 2, 3]
    at = book_at(book, book.known_time, 60.0)
    assert at.ask_price[1:, 0].tolist() == [10.0, 9.5]
    assert at.bid_size[1:, :2].tolist() == [[1.0, 2.0], [1.0, 2.0]]


def test_the_best_quotes_say_who_was_aggressive():
    times = pd.to_datetime([1, 2], utc=True, unit="s").as_unit("ns")
    side = {"bid_price": [9.0], "bid_size": [1.0], "ask_price": [11.0], "ask_size": [2.0]}
    levels = {name: padded(np.array([each, each])) for name, each in side.items()}
    stamps = {name: times.asi8.view("datetime64[ns]") for name in ("event_time", "known_time")}
    rest = {"source_row": [1, 2], "sequence": 0, "trusted": True, "levels": 1}
    book = batch("book", stamps | rest | levels).rows.to_pandas()
    told = pd.DataFrame({"known_time": times, "price": [11.0, 9.0], "size": 1.0, "side": 0})
    found = DayEvents(day_tables(book=book, trades=told))
    assert all(each in found for each in ("trades", "quotes", "book"))
    assert "book_events" not in found
    assert joined(found, TRADES).columns.tolist() == [[11.0, 1.0, 0.0], [9.0, 1.0, -1.0]]
    assert joined(found, QUOTES).columns.tolist() == [[9.0, 1.0, 11.0, 2.0]] * 2
