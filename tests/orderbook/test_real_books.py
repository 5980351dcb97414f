"""The book rebuilt from real events against what the venue itself said of it."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.ingest.formats.catalogue import read
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.market_tables import REPORTED
from pipeline.ingest.raw_stream import RawStream
from pipeline.orderbook.order_book import OrderBook
from pipeline.orderbook.snapshots import in_order, merged

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
