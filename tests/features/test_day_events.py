"""The events of a day: the book that is followed, its best quotes, and what features read of them."""

import numpy as np
import pandas as pd

from pipeline.features.day_events import day_events
from pipeline.features.event_feature import Source
from pipeline.ingest.market_tables import ADD, CLEAR, LAST, batch, padded

BOOK = Source("book", ("trusted", "levels", "bid_price", "bid_size", "ask_price", "ask_size"))


def test_a_venue_of_events_only_is_followed_to_its_book():
    rows = [(CLEAR, 0, 0.0, 0.0, 0), (ADD, 1, 9.0, 2.0, 1), (ADD, -1, 10.0, 3.0, 2)]
    times = pd.to_datetime(np.arange(1, 4), utc=True, unit="s")
    events = pd.DataFrame(rows, columns=["kind", "side", "price", "size", "order_id"]).assign(
        event_time=times, known_time=times, source_row=[1, 2, 3], sequence=0, flags=LAST
    )
    events = events.astype({"kind": "int8", "side": "int8", "flags": "int8"})
    last = day_events({"book_events": events}).tables["quotes"].iloc[-1]
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
    found = day_events({"book_events": orders, "book": books})
    (book,) = found.book.parts()
    assert book.columns[:, 0].tolist() == [0.0, 1.0, 1.0]
    assert (book.known_time // 10**9).tolist() == [1, 2, 3]
    at = found.look(book.known_time, 60.0)(book.known_time)
    assert at.ask_price[1:, 0].tolist() == [10.0, 9.5]
    assert at.bid_size[1:, :2].tolist() == [[1.0, 2.0], [1.0, 2.0]]


def test_the_best_quotes_say_who_was_aggressive_and_a_feature_learns_from_its_best_level():
    times = pd.to_datetime([1, 2], utc=True, unit="s").as_unit("ns")
    side = {"bid_price": [9.0], "bid_size": [1.0], "ask_price": [11.0], "ask_size": [2.0]}
    levels = {name: padded(np.array([each, each])) for name, each in side.items()}
    stamps = {name: times.asi8.view("datetime64[ns]") for name in ("event_time", "known_time")}
    rest = {"source_row": [1, 2], "sequence": 0, "trusted": True, "levels": 1}
    book = batch("book", stamps | rest | levels).rows.to_pandas()
    trades = pd.DataFrame({"known_time": times, "price": [11.0, 9.0], "size": 1.0, "side": 0})
    found = day_events({"book": book, "trades": trades})
    assert list(found) == ["trades", "quotes", "book"]
    assert "book_events" not in found
    assert found.tables["trades"]["side"].tolist() == [0, -1]
    assert found.rows(BOOK).columns.tolist() == [[1.0, 1.0, 9.0, 1.0, 11.0, 2.0]] * 2
    assert found.rows(Source("trades", ("price", "size"))).columns.tolist() == [[11.0, 1.0], [9.0, 1.0]]
