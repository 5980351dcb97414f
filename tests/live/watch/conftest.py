"""A live desk without a market: a path on a journal, and an app of what it knows."""

from contextlib import closing

import pytest

from pipeline.domain.orders import Order, Report, Standing
from pipeline.live.journal import Entry, Journal
from pipeline.live.journal_place import JOURNAL
from pipeline.live.order_path import OrderPath
from tests.live.test_order_path import Market

BUY = Order("desk-1", "BTC", 2.0, limit=100.0, decided=1_000_000_000)
FILL = Report("m1", "desk-1", Standing.WORKING, 0.5, 101.0, 0.1, time=1_100_000_000)
DECIDED = {
    "band": [0.1, 0.9],
    "asked": 2.0,
    "sent": 2.0,
    "position": 0.0,
    "bid": 99.0,
    "ask": 101.0,
    "delta": 0.5,
}


@pytest.fixture
def folder(tmp_path):
    """The folder of a journal of `made`, as `data/live/made/replay-day` is."""
    place = tmp_path / "data" / "live" / "made" / "replay-day"
    place.mkdir(parents=True)
    return place


@pytest.fixture
def path(folder):
    """A path with an order that works, half a unit of it filled."""
    with closing(Journal(folder / JOURNAL, "made", now=0)) as journal:
        path = OrderPath(journal, Market(), now=lambda: 77)
        journal.audit(Entry(1_000_000_000, "whalley_wilmott", "decide", "order_size: cut; x", DECIDED))
        path.send(BUY)
        path.hear(FILL)
        yield path


@pytest.fixture
def reader(folder, path):
    with Journal(folder / JOURNAL, "made", now=0, writing=False) as journal:
        yield journal
