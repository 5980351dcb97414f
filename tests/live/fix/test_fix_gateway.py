"""The FIX gateway against a broker on a local socket, under the path and the recovery of a live desk."""

import asyncio
import time

import pytest

from pipeline.domain.errors import GatewayError
from pipeline.domain.gateway_settings import FixSettings
from pipeline.domain.orders import Order, Standing
from pipeline.live.credentials import Credentials
from pipeline.live.fix.gateway import FixGateway
from pipeline.live.fix.sequence import Sequence
from pipeline.live.fix.session import Session
from pipeline.live.gateways import FIX_SECRETS, by_fix
from pipeline.live.journal import Journal
from pipeline.live.order_path import OrderPath
from pipeline.live.recovery import recover
from pipeline.risk.state import RiskState
from tests.live.fix.broker import Broker


class Desk:
    """A path to a broker; `async with` recovers it, and leaves as a death would: nothing is said."""

    def __init__(self, folder, port, **further):
        self.journal = Journal(folder / "journal", "desk", now=0)
        self.sequence = Sequence(folder / "session", "US to THEM")
        session = Session("US", "THEM", self.sequence, heartbeat=5, **further)
        self.gateway = FixGateway("127.0.0.1", port, session, time.time_ns, account="A1", patience=3.0)
        self.path = OrderPath(self.journal, self.gateway, time.time_ns)

    async def __aenter__(self):
        try:
            self.found = await recover(self.path, time.time_ns(), patience=())
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_):
        await self.gateway.hang_up()
        self.sequence.close()
        self.journal.close()

    async def until(self, done):
        for _ in range(300):
            if done(self.path.account):
                return
            await asyncio.sleep(0.01)
        raise AssertionError(self.path.account)


def with_broker(test):
    async def run():
        broker = Broker()
        port = await broker.serve()
        try:
            await test(broker, port)
        finally:
            await broker.close()

    asyncio.run(run())


def test_orders_are_filled_rest_are_cancelled_and_refused(tmp_path):
    async def test(broker, port):
        async with Desk(tmp_path, port) as desk:
            for order in (
                Order("a", "BTC", 0.1 + 0.2, decided=time.time_ns()),
                Order("b", "BTC", -2.0, 101.25, time.time_ns()),
                Order("c", "NONE", 1.0, decided=time.time_ns()),
            ):
                desk.path.send(order)
            await desk.until(lambda account: len(account.seen) == 3)
            account = desk.path.account
            assert (account.position("BTC"), list(account.working)) == (0.3, ["b"])
            assert account.cash == pytest.approx(-0.3 * 100.5 - 0.25)
            assert account.orders["c"].standing is Standing.REJECTED
            desk.path.cancel("b")
            desk.path.cancel("a")
            await desk.until(lambda account: not account.working)
            assert account.orders["b"].standing is Standing.CANCELLED
            await desk.gateway.stop()
            assert desk.gateway.broken == "logged out"
            with pytest.raises(GatewayError, match="nothing is sent"):
                desk.gateway.submit(Order("d", "BTC", 1.0, decided=1))
        assert [each[35] for each in broker.got][-1] == "5"
        assert next(each for each in broker.got if each.get(11) == "a")[38] == "0.3"

    with_broker(test)


def test_an_order_is_replaced_and_what_cannot_be_stays_as_it_was(tmp_path):
    async def test(broker, port):
        async with Desk(tmp_path, port) as desk:
            first = Order("a", "BTC", 3.0, 99.0, time.time_ns())
            desk.path.send(first)
            await desk.until(lambda account: account.seen)
            desk.path.send(first.changed(order_id="b", limit=99.5, replaces="a"))
            progress = desk.path.account.orders["a"]
            await desk.until(lambda account: progress.order.limit == 99.5)
            broker.orders.pop("b")
            desk.path.send(first.changed(order_id="c", limit=99.7, replaces="b"))
            await desk.until(lambda account: not progress.asked)
            assert (progress.order.order_id, progress.earlier, progress.left) == ("b", ("a",), 3.0)
            texts = {each.order_id: each.text for each in desk.journal.reports()}
            assert texts["c"] == "too late to replace"
        asked = next(each for each in broker.got if each[35] == "G")
        assert [asked[tag] for tag in (41, 11, 38, 40, 44, 54)] == ["a", "b", "3", "2", "99.5", "1"]

    with_broker(test)


@pytest.mark.parametrize("arrives", [False, True])
def test_a_replacement_in_whose_middle_the_desk_dies_is_found_out(tmp_path, arrives):
    async def test(broker, port):
        first = Order("a", "BTC", 3.0, 99.0, time.time_ns())
        async with Desk(tmp_path, port) as desk:
            desk.path.send(first)
            await desk.until(lambda account: account.seen)
            if arrives:
                broker.say = lambda *told, **_: Broker.say(broker, *told, deaf=True)
            else:
                desk.gateway._writer.write = lambda content: None
            desk.path.send(first.changed(order_id="b", limit=99.5, replaces="a"))
            await asyncio.sleep(0.2)
        broker.__dict__.pop("say", None)
        async with Desk(tmp_path, port) as desk:
            progress = desk.path.account.orders["a"]
            assert (desk.found.differences, progress.asked) == ((), ())
            assert progress.order.limit == (99.5 if arrives else 99.0)
            desk.path.cancel("a")
            await desk.until(lambda account: not account.working)
        assert broker.orders == {}

    with_broker(test)


def test_what_happened_while_the_desk_was_dead_is_found_out(tmp_path):
    async def test(broker, port):
        async with Desk(tmp_path, port) as desk:
            desk.path.send(Order("a", "BTC", 3.0, 99.0, time.time_ns()))
            await desk.until(lambda account: account.seen)
            desk.journal.intend(Order("lost", "BTC", 1.0, decided=time.time_ns()))
            desk.gateway._writer.write = lambda content: None
            desk.path.send(Order("on its way", "BTC", 1.0, decided=time.time_ns()))
        broker.held += 1.0
        broker.executed("F", "1", {11: "a", 55: "BTC", 54: "1", 38: "3"}, (32, "1"), (31, "99"))
        broker.orders["a"][14] = "1"
        broker.waiting.clear()
        async with Desk(tmp_path, port) as desk:
            assert (desk.found.missed, desk.found.never_arrived, desk.found.differences) == (2, ("lost",), ())
            assert desk.path.account.orders["on its way"].standing is Standing.CANCELLED
            assert (desk.path.account.position("BTC"), list(desk.path.account.working)) == (1.0, ["a"])
            desk.path.turn(RiskState.HALTED, "ada", "fire drill")
            await desk.until(lambda account: not account.working)
        broker.held += 5.0
        async with Desk(tmp_path, port) as desk:
            assert [str(each) for each in desk.found.differences] == [
                "position BTC: journal 1, gateway 6, +5"
            ]

    with_broker(test)


def test_a_logout_in_the_middle_of_orders_sends_nothing_more_and_the_next_start_finds_out(tmp_path):
    async def test(broker, port):
        async with Desk(tmp_path, port) as desk:
            desk.path.send(Order("a", "BTC", 3.0, 99.0, time.time_ns()))
            await desk.until(lambda account: account.seen)
            broker.say("5", (58, "we close"))
            broker.newest.write(broker.waiting.pop())
            await desk.until(lambda _: desk.gateway.broken)
            assert desk.gateway.broken == "they logged out: we close"
            with pytest.raises(GatewayError, match="we close: nothing is sent"):
                desk.path.send(Order("b", "BTC", 1.0, decided=time.time_ns()))
        broker.held += 1.0
        broker.executed("F", "1", {11: "a", 55: "BTC", 54: "1", 38: "3"}, (32, "1"), (31, "99"))
        broker.orders["a"][14] = "1"
        broker.waiting.clear()
        async with Desk(tmp_path, port) as desk:
            assert (desk.found.never_arrived, desk.found.differences) == (("b",), ())
            account = desk.path.account
            assert (account.position("BTC"), list(account.working), account.working["a"].left) == (
                1.0,
                ["a"],
                2.0,
            )

    with_broker(test)


@pytest.mark.parametrize("said", [True, False])
def test_an_order_that_was_given_up_and_that_the_broker_takes_later_is_cancelled(tmp_path, said):
    async def test(broker, port):
        lost = Order("lost", "BTC", -1.0, 101.0, time.time_ns())
        async with Desk(tmp_path, port) as desk:
            desk.journal.intend(lost)
        async with Desk(tmp_path, port) as desk:
            assert desk.found.never_arrived == ("lost",)
            asked = {11: "lost", 55: "BTC", 54: "2", 38: "1"}
            broker.orders["lost"] = asked
            if said:
                broker.executed("0", "0", asked)
                broker.newest.write(broker.waiting.pop())
                await desk.until(lambda account: not broker.orders and not account.working)
        async with Desk(tmp_path, port) as desk:
            assert desk.found.differences == ()
            await desk.until(lambda account: not account.working)
            assert desk.path.account.orders["lost"].standing is Standing.CANCELLED
        assert broker.orders == {}
        cancelled = {tuple(each[tag] for tag in (41, 55, 54, 38)) for each in broker.got if each[35] == "F"}
        assert cancelled == {("lost", "BTC", "2", "1")}

    with_broker(test)


def test_each_day_of_a_rehearsal_begins_its_numbers_and_a_restart_within_it_goes_on(tmp_path):
    async def test(broker, port):
        told = {"host": "127.0.0.1", "port": port, "sender": "US", "target": "THEM", "heartbeat_seconds": 5}
        settings, private = FixSettings(**told, rehearsal=True), Credentials(dict.fromkeys(FIX_SECRETS, ""))
        for day in ("one", "one", "two"):
            (tmp_path / day).mkdir(exist_ok=True)
            with by_fix(settings, "BTC", private)(tmp_path / day, lambda order: 0, tuple) as opened:
                await opened.gateway.start(lambda report: None)
                assert await opened.gateway.positions() == {}
                await opened.gateway.hang_up()
        assert [141 in each for each in broker.got if each[35] == "A"] == [True, False, True]

    with_broker(test)


def test_an_order_is_rejected_under_a_number_that_comes_again_after_a_reset(tmp_path):
    async def test(broker, port):
        for name in ("a", "b"):
            async with Desk(tmp_path, port, reset=True) as desk:
                desk.path.send(Order(name, "REFUSED", 1.0, decided=time.time_ns()))
                await desk.until(lambda account, name=name: account.orders[name].standing.over)
                assert desk.path.account.orders[name].standing is Standing.REJECTED

    with_broker(test)


def test_a_fault_of_whoever_hears_ends_the_line(tmp_path, caplog):
    async def test(broker, port):
        async with Desk(tmp_path, port) as desk:
            desk.gateway._hear = lambda report: 1 / 0
            desk.path.send(Order("a", "BTC", 1.0, decided=time.time_ns()))
            for _ in range(300):
                if desk.gateway.broken:
                    break
                await asyncio.sleep(0.01)
            assert desk.gateway.broken == "a fault: ZeroDivisionError: division by zero"
        async with Desk(tmp_path, port) as desk:
            assert (desk.found.differences, desk.path.account.position("BTC")) == ((), 1.0)

    with_broker(test)


def test_without_a_broker_it_says_so(tmp_path):
    async def test():
        with pytest.raises(GatewayError, match=r"FIX US to THEM: cannot connect to 127\.0\.0\.1:1 "):
            async with Desk(tmp_path, 1):
                pass

    asyncio.run(test())
