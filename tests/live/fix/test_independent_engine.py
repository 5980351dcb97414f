"""The FIX gateway against QuickFIX, an engine of others, which holds every message against the dictionary."""

import asyncio
import socket
import sysconfig
import time
from pathlib import Path

import pytest

from pipeline.domain.order_settings import OrderSettings
from pipeline.domain.orders import Order, Standing
from pipeline.live.parents import Parents
from tests.live.fix.test_fix_gateway import Desk

quickfix = pytest.importorskip("quickfix", reason="QuickFIX has no wheel here", exc_type=ImportError)
DICTIONARY = Path(sysconfig.get_path("data")) / "share/quickfix/FIX44.xml"
SETTINGS = """[DEFAULT]
ConnectionType=acceptor
SocketAcceptPort={port}
SocketReuseAddress=Y
StartTime=00:00:00
EndTime=00:00:00
UseDataDictionary=Y
DataDictionary={dictionary}
[SESSION]
BeginString=FIX.4.4
SenderCompID=THEM
TargetCompID=US
HeartBtInt=5
"""
SECOND = 1_000_000_000


class Exchange(quickfix.Application):
    """Fills market orders at once, lets limit orders rest until they are cancelled; tells what it holds."""

    def __init__(self):
        super().__init__()
        self.orders, self.resting, self.refused, self.count, self.held = [], {}, [], 0, 0.0

    def onCreate(self, session): ...  # noqa: N802
    def onLogon(self, session): ...  # noqa: N802
    def onLogout(self, session): ...  # noqa: N802
    def toApp(self, message, session): ...  # noqa: N802
    def fromAdmin(self, message, session): ...  # noqa: N802

    def toAdmin(self, message, session):  # noqa: N802
        if message.getHeader().getField(35) == "3":
            self.refused.append(message.toString())

    def fromApp(self, message, session):  # noqa: N802
        answer = {"D": self.order, "F": self.cancel, "AF": self.status, "AN": self.positions}
        for each in answer[message.getHeader().getField(35)](message):
            quickfix.Session.sendToTarget(each, session)

    def report(self, order, kind, standing, *further):
        self.count += 1
        filled = order.getField(38) if standing == "2" else "0"
        left = "0" if standing in "24" else order.getField(38)
        fields = (
            (37, "q"),
            (17, f"q{self.count}"),
            (150, kind),
            (39, standing),
            (14, filled),
            (151, left),
            (6, "0"),
        )
        copied = [(tag, order.getField(tag)) for tag in (11, 55, 54, 38)]
        return said("8", *copied, *fields, *further)

    def order(self, message):
        message = quickfix.Message(message)
        self.orders.append(message.getField(11))
        if message.getField(40) == "2":
            self.resting[message.getField(11)] = message
            yield self.report(message, "0", "0")
            return
        units = float(message.getField(38))
        self.held += units if message.getField(54) == "1" else -units
        yield self.report(message, "F", "2", (32, message.getField(38)), (31, "100.5"))

    def cancel(self, message):
        order = self.resting.pop(message.getField(41))
        order.setField(11, message.getField(11))
        yield self.report(order, "4", "4", (41, message.getField(41)))

    def status(self, message):
        told = [(tag, "none") for tag in (11, 17, 37, 55)] + [(tag, "0") for tag in (6, 14, 38, 151)]
        asked = (584, message.getField(584)), (911, "0")
        yield said("8", *told, (54, "1"), (150, "I"), (39, "8"), *asked)

    def positions(self, message):
        yield said(
            "AO", (721, "a"), (710, message.getField(710)), (727, "0"), (728, "0"), (1, "A1"), (581, "1")
        )


def said(kind, *fields):
    message = quickfix.Message()
    message.getHeader().setField(35, kind)
    for tag, value in fields:
        message.setField(tag, value)
    return message


@pytest.fixture
def exchange(tmp_path, unused_port):
    (tmp_path / "acceptor.cfg").write_text(SETTINGS.format(port=unused_port, dictionary=DICTIONARY))
    found = Exchange()
    settings = quickfix.SessionSettings(str(tmp_path / "acceptor.cfg"))
    acceptor = quickfix.SocketAcceptor(found, quickfix.MemoryStoreFactory(), settings)
    acceptor.start()
    yield found
    acceptor.stop(True)


@pytest.fixture
def unused_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def worked(folder, port, units, **settings):
    """Let a parent order be worked to its end; return the account."""

    async def run():
        async with Desk(folder, port) as desk:
            parents = Parents(OrderSettings(**settings), desk.path, 0.5, lot=0.0)
            parents.begin(Order("parent", "BTC", units, decided=time.time_ns()), None, 99.0, 101.0)
            async with asyncio.timeout(10.0):
                while parents.due < float("inf") or desk.path.account.working:
                    if parents.due <= time.time_ns():
                        parents.go(time.time_ns(), 99.0, 101.0)
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
