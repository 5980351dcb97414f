"""Account and password reach neither reports nor logs nor the audit, though the broker repeats them."""

import asyncio
import logging
import time
from contextlib import ExitStack, closing, suppress

from pipeline.domain.errors import GatewayError
from pipeline.domain.orders import Order
from pipeline.live.fix.gateway import FixGateway
from pipeline.live.fix.sequence import Sequence
from pipeline.live.fix.session import Session
from pipeline.live.journal import Journal
from pipeline.live.order_path import OrderPath
from pipeline.live.private_words import PrivateWords
from pipeline.live.recovery import recover
from pipeline.risk.state import RiskState
from tests.live.fix.broker import Broker

ACCOUNT, USER, PASSWORD = "U7654321", "desk-of-ada", "correct horse"
SAID = f"{USER} with {PASSWORD} may not trade for account {ACCOUNT}."


class Telltale(Broker):
    """Repeats in every refusal who was refused."""

    def answer(self, message):
        if message[35] == "D" and message[55] == "BAD":
            self.say("3", (45, message[34]), (58, SAID))
        elif message[35] == "F":
            self.say("9", (11, message[11]), (41, message[41]), (39, "8"), (58, SAID))
        elif message[35] == "D" and message[55] == "LAST":
            self.say("5", (58, SAID))
        elif message[35] == "D":
            self.executed("8", "8", message, (58, SAID))
        else:
            super().answer(message)


def test_what_the_broker_repeats_is_kept_nowhere(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)

    async def trade(broker, port):
        with ExitStack() as opened:
            journal = opened.enter_context(Journal(tmp_path / "journal.db", "desk", now=0))
            sequence = opened.enter_context(closing(Sequence(tmp_path / "session", "US to THEM")))
            session = Session("US", "THEM", sequence, further=[(553, USER), (554, PASSWORD)])
            gateway = FixGateway("127.0.0.1", port, session, time.time_ns, account=ACCOUNT, patience=3.0)
            path = OrderPath(journal, gateway, time.time_ns)
            await recover(path, time.time_ns(), patience=())
            for name in ("NONE", "BAD", "LAST"):
                path.send(Order(name, name, 1.0))
                path.cancel(name)
            for _ in range(500):
                await asyncio.sleep(0.0 if gateway.broken else 0.01)
            with suppress(GatewayError):  # what works cannot be cancelled on a line that is down
                path.turn(RiskState.HALTED, "loop", gateway.broken)
            await gateway.hang_up()
            return gateway.broken, [each.text for each in journal.reports()]

    async def with_broker():
        broker = Telltale()
        try:
            return await trade(broker, await broker.serve())
        finally:
            await broker.close()

    fault, texts = asyncio.run(with_broker())
    assert fault == "they logged out: *** with *** may not trade for account ***."
    assert "*** with *** may not trade for account ***." in texts
    kept = b"".join(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())
    assert b"may not trade" in kept
    for private in (ACCOUNT, USER, PASSWORD):
        assert private.encode() not in kept
        assert private not in caplog.text


def test_words_alone_are_hidden_and_none_where_nothing_is_private():
    assert PrivateWords(["A", "AB"])("A, AB and ABC") == "***, *** and ABC"
    assert PrivateWords(["", ""])("all of it") == "all of it"
    assert "U76" not in repr(PrivateWords(["U76"]))
