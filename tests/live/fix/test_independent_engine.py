"""The FIX gateway against QuickFIX, an engine of others, which holds every message against the dictionary."""

import asyncio
import socket
import time

import pytest

from pipeline.domain.order_settings import OrderSettings
from pipeline.domain.orders import Order, Standing
from pipeline.live.parents import Parents
from tests.live.fix.exchange import Exchange, serving
from tests.live.fix.test_fix_gateway import Desk


@pytest.fixture
def exchange(tmp_path, unused_port):
    with serving(Exchange(), tmp_path, unused_port) as found:
        yield found


@pytest.fixture
def unused_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def worked(folder, port, units, bid=lambda seconds: 99.0, step=0.5, **settings):
    """Let a parent order be worked to its end in a market whose bid moves; return the account."""

    async def run():
        async with Desk(folder, port) as desk:
            parents = Parents(OrderSettings(**settings), desk.path, step, lot=0.0)
            parents.begin(Order("parent", "BTC", units, decided=time.time_ns()), None, 99.0, 101.0)
            began = time.monotonic()
            async with asyncio.timeout(10.0):
                while parents.due < float("inf") or desk.path.account.working:
                    if parents.due <= time.time_ns():
                        parents.go(time.time_ns(), bid(time.monotonic() - began), 101.0)
                    await asyncio.sleep(0.005)
            await desk.gateway.stop()
            return desk.path.account

    return asyncio.run(run())


def test_a_parent_order_is_filled_by_its_children(exchange, unused_port, tmp_path):
    account = worked(tmp_path, unused_port, -3.0, slices=4, schedule="almgren_chriss", urgency=2.0)
    assert exchange.orders == [f"parent-{number}" for number in range(4)]
    assert (account.position("BTC"), exchange.held) == (pytest.approx(-3.0), pytest.approx(-3.0))
    assert {each.standing for each in account.orders.values()} == {Standing.FILLED}
    assert exchange.refused == []


def test_passive_children_are_cancelled_and_cross(exchange, unused_port, tmp_path):
    account = worked(tmp_path, unused_port, 3.0, slices=2, placement="passive", cross_after_seconds=0.1)
    assert exchange.orders == ["parent-0", "parent-0-x", "parent-1", "parent-1-x"]
    assert (account.position("BTC"), exchange.held, exchange.resting) == (3.0, 3.0, {})
    assert account.orders["parent-0"].standing is Standing.CANCELLED
    assert exchange.refused == []


def test_a_passive_child_that_follows_is_replaced_and_crosses_with_what_is_left(
    exchange, unused_port, tmp_path
):
    def rises(seconds):
        return 99.0 + (seconds > 0.15) + (seconds > 0.45) * 0.5

    settings = {"placement": "passive", "cross_after_seconds": 0.8, "over": 0.9, "follow": True}
    account = worked(tmp_path, unused_port, 3.0, bid=rises, step=2.0, **settings)
    assert exchange.replaced == {"parent-0": "parent-0-p1", "parent-0-p1": "parent-0-p2"}
    assert exchange.orders == ["parent-0", "parent-0-x"]
    assert (account.position("BTC"), exchange.held, exchange.resting) == (3.0, 3.0, {})
    progress = account.orders["parent-0"]
    assert (progress.order.limit, progress.standing) == (100.5, Standing.CANCELLED)
    assert exchange.refused == []
