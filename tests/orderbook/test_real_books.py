"""The book rebuilt from real events against what the venue itself said of it."""

from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pytest

from pipeline.ingest.formats.catalogue import read
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.market_tables import REPORTED
from pipeline.ingest.raw_stream import RawStream
from pipeline.orderbook.events import BookEvents
from pipeline.orderbook.order_book import OrderBook
from pipeline.orderbook.snapshots import in_order, merged


def tables_of(name):
    """All rows of a real file, by table."""
    found = {}
    for part in read(RawStream(str(SHARED / name)), Terms()):
        found.setdefault(part.table, []).append(part.rows)
    return {name: pa.Table.from_batches(parts).combine_chunks() for name, parts in found.items()}


def best_after_each_change(events):
    """The rows of the book of one level, all events taken at once."""
    return OrderBook(1).changes(BookEvents.of(events.to_batches()[0]))


SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "book"
real = pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data/book")


@real
@pytest.mark.slow
def test_bitstamp_s_next_book_is_told_by_the_one_before_and_the_orders():
    """Each of the venue's books, 20 levels a side, just before it is taken."""
    file = RawStream(str(SHARED / "bitstamp_btcusd/2015-05-01.log.bz2"))
    events = merged(list(in_order(read(file, Terms()))))
    snapshot = events.kind == REPORTED
    row = np.where(snapshot, events.source_row, 0)
    starts = np.flatnonzero(np.diff(row, prepend=0) * snapshot)
    book, before, told, at = OrderBook(20), [], [], 0
    for start, end in zip(starts, starts + 40, strict=True):
        book.changes(events[at:start])
        before.append(book.now(events.known_time[start : start + 1]).columns[0])
        book.changes(events[start:end])
        price, size = events.price[start:end].reshape(2, 20), events.size[start:end].reshape(2, 20)
        told.append(np.concatenate([price[0], size[0], price[1], size[1]]))
        at = end
    before, told = np.array(before), np.array(told)
    trusted, ours = before[:, 0] == 1.0, before[:, 2:]
    best = np.all(ours[:, [0, 40]] == told[:, [0, 40]], axis=1)
    levels = np.all(np.isclose(ours, told, rtol=1e-9, atol=1e-9), axis=1)
    assert trusted.mean() > 0.98
    assert best[trusted].mean() > 0.998
    assert levels[trusted].mean() > 0.96
    assert book.unexplained_orders < 300


@real
@pytest.mark.slow
@pytest.mark.parametrize("name", ["spot_btcusdt_20240808.gz", "usdm_btcusdt_20240808.gz"])
def test_binance_s_updates_lead_to_the_best_prices_of_its_ticker(name):
    """The book after the updates up to an id has the prices that the venue's ticker said at that id.

    The ticker tells every change of the best prices; the updates come ten times a second.
    """
    found = tables_of(f"binance/{name}")
    ticker = RawStream(str(SHARED / "binance" / name))
    said = [line.split(b" ", 1)[1] for _, block in ticker.line_blocks() for line in block.splitlines()]
    told = [orjson.loads(line)["data"] for line in said if b"bookTicker" in line]
    ids = np.array([each["u"] for each in told])
    prices = np.array([(float(each["b"]), float(each["a"])) for each in told])
    rows = best_after_each_change(found["book_events"])
    ours = rows.columns[:, [2, 4]]
    known = (rows.columns[:, 0] == 1.0) & (rows.sequence >= ids[0])
    place = np.searchsorted(ids, rows.sequence[known], "right") - 1
    agree = np.all(ours[known] == prices[place], axis=1)
    assert known.sum() > 1000
    assert agree.mean() > 0.99


@real
@pytest.mark.slow
def test_trades_of_the_future_are_at_the_best_price_of_the_book_of_its_orders():
    """Each trade with a side, against the book of orders just before it."""
    found = tables_of("databento/esh4-glbx-mdp3-20231225.mbo.dbn.zst")
    rows, trades = best_after_each_change(found["book_events"]), found["trades"]
    row, side, price = (trades.column(name).to_numpy() for name in ("source_row", "side", "price"))
    before = np.searchsorted(rows.source_row, row) - 1
    met = np.where(side == 1, rows.columns[before, 4], rows.columns[before, 2])
    told = (side != 0) & (before >= 0)
    assert told.sum() > 1000
    assert np.mean(met[told] == price[told]) > 0.9
