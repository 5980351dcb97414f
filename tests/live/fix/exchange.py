"""QuickFIX, an engine of others, as the broker: it holds every message against the dictionary."""

import sysconfig
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

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
SenderCompID={name}
TargetCompID=US
HeartBtInt=5
"""


class Exchange(quickfix.Application):
    """Fills market orders at once, lets limit orders rest until they are cancelled; tells what it holds.

    What is asked of it comes in QuickFIX's threads.
    """

    def __init__(self):
        super().__init__()
        self.orders, self.resting, self.refused, self.count = [], {}, [], 0
        self.held, self.cash, self.lock = 0.0, 0.0, threading.Lock()
        self.symbols, self.accounts, self.logons = set(), set(), set()
        self.replaced = {}

    def onCreate(self, session): ...  # noqa: N802
    def onLogon(self, session): ...  # noqa: N802
    def onLogout(self, session): ...  # noqa: N802
    def toApp(self, message, session): ...  # noqa: N802

    def fromAdmin(self, message, session):  # noqa: N802
        if message.getHeader().getField(35) == "A" and message.isSetField(553):
            self.logons.add((message.getField(553), message.getField(554)))

    def toAdmin(self, message, session):  # noqa: N802
        if message.getHeader().getField(35) == "3":
            self.refused.append(message.toString())

    def fromApp(self, message, session):  # noqa: N802
        answer = {
            "D": self.order,
            "F": self.cancel,
            "G": self.replace,
            "AF": self.status,
            "AN": self.positions,
        }
        with self.lock:
            for each in answer[message.getHeader().getField(35)](message):
                quickfix.Session.sendToTarget(each, session)

    def price(self, order):
        """Return what a market order is filled at."""
        return 100.5

    def report(self, order, kind, standing, *further):
        self.count += 1
        filled = order.getField(38) if standing == "2" else "0"
        left = "0" if standing in "24" else order.getField(38)
        numbers = (14, filled), (151, left), (6, "0")
        copied = [(tag, order.getField(tag)) for tag in (11, 55, 54, 38)]
        return said(
            "8", *copied, (37, "q"), (17, f"q{self.count}"), (150, kind), (39, standing), *numbers, *further
        )

    def order(self, message):
        message = quickfix.Message(message)
        self.orders.append(message.getField(11))
        self.symbols.add(message.getField(55))
        self.accounts.add(message.getField(1))
        if message.getField(40) == "2":
            self.resting[message.getField(11)] = message
            yield self.report(message, "0", "0")
            return
        units = float(message.getField(38)) * (1.0 if message.getField(54) == "1" else -1.0)
        price = self.price(message)
        self.held, self.cash = self.held + units, self.cash - units * price
        yield self.report(message, "F", "2", (32, message.getField(38)), (31, str(price)))

    def replace(self, message):
        message, before = quickfix.Message(message), message.getField(41)
        if before not in self.resting:
            told = [(tag, message.getField(tag)) for tag in (11, 41)]
            yield said("9", *told, (37, "q"), (39, "8"), (434, "2"), (58, "too late"))
            return
        del self.resting[before]
        self.replaced[before] = message.getField(11)
        self.resting[message.getField(11)] = message
        yield self.report(message, "5", "0", (41, before))

    def cancel(self, message):
        if message.getField(41) not in self.resting:
            told = [(tag, message.getField(tag)) for tag in (11, 41)]
            yield said("9", *told, (37, "q"), (39, "8"), (434, "1"), (58, "too late"))
            return
        order = self.resting.pop(message.getField(41))
        order.setField(11, message.getField(11))
        yield self.report(order, "4", "4", (41, message.getField(41)))

    def status(self, message):
        asked = (584, message.getField(584)), (911, str(len(self.resting)))
        for order in self.resting.values():
            yield self.report(order, "I", "0", *asked)
        if not self.resting:
            told = [(tag, "none") for tag in (11, 17, 37, 55)] + [(tag, "0") for tag in (6, 14, 38, 151)]
            yield said("8", *told, (54, "1"), (150, "I"), (39, "8"), *asked)

    def positions(self, message):
        held = [(symbol, self.held) for symbol in self.symbols if self.held]
        asked = (710, message.getField(710)), (727, str(len(held)))
        yield said("AO", (721, "a"), *asked, (728, "0"), (1, "A1"), (581, "1"))
        for symbol, units in held:
            sides = (704, str(max(units, 0.0))), (705, str(max(-units, 0.0)))
            yield said("AP", (721, "a"), *asked, (728, "0"), (55, symbol), (702, "1"), (703, "TOT"), *sides)


def said(kind, *fields):
    message = quickfix.Message()
    message.getHeader().setField(35, kind)
    for tag, value in fields:
        message.setField(tag, value)
    return message


@contextmanager
def serving(exchange, folder, port, name="THEM"):
    """Let an exchange be an acceptor on a port of this machine; a process has one of a name."""
    (folder / "acceptor.cfg").write_text(SETTINGS.format(port=port, dictionary=DICTIONARY, name=name))
    settings = quickfix.SessionSettings(str(folder / "acceptor.cfg"))
    acceptor = quickfix.SocketAcceptor(exchange, quickfix.MemoryStoreFactory(), settings)
    acceptor.start()
    try:
        yield exchange
    finally:
        acceptor.stop(True)
