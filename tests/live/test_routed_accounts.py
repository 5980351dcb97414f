"""The router between two accounts: their books are compared apart, whatever dies, fails or is short."""

import asyncio
import time
from contextlib import AsyncExitStack, ExitStack, nullcontext

import pytest

from pipeline.domain.errors import GatewayError
from pipeline.domain.gateway_settings import FixSettings, RoutedSettings
from pipeline.domain.orders import Order, Standing
from pipeline.live.credentials import Credentials
from pipeline.live.gateways import by_fix, routed
from pipeline.live.journal import Journal
from pipeline.live.order_path import OrderPath
from pipeline.live.recovery import recover
from pipeline.live.routed import UNFILLED
from pipeline.live.venue import Book
from pipeline.live.watch.adoption import adopt
from pipeline.risk.state import RiskState
from tests.cli.test_gateway import desk_with
from tests.live.fix.broker import Broker

NEAR = Book([99.0, 98.0], [1.0, 9.0], [101.0, 102.0], [1.0, 9.0])
FAR = Book([98.9, 97.9], [1.0, 9.0], [101.1, 102.1], [1.0, 9.0])
TWO = RoutedSettings(own="fix", other="fix")


class Account(Broker):
    """A broker that can lose what it says, refuse what it is sent, and tells what was paid so far."""

    def __init__(self):
        super().__init__()
        self.lost = self.refuses = self.deaf = False
        self.taken, self.cancelled = [], []

    def answer(self, message):
        if self.deaf:
            return
        if message[35] == "D":
            self.taken.append((message[11], float(message[38]), message[54] == "1"))
        elif message[35] == "F":
            self.cancelled.append(message[41])
        if message[35] == "D" and self.refuses:
            self.executed("8", "8", message, (58, "no short sale"))
            return
        before = len(self.waiting)
        super().answer(message)
        if self.lost and message[35] == "D":
            del self.waiting[before:]


class Desk:
    """A path by a router to two brokers; `async with` recovers it, and leaves as a death would."""

    def __init__(self, folder, ways, second=TWO):
        self.folder, self.ways, self.second, self.books = folder, ways, second, [NEAR, FAR]

    def opened(self):
        way = routed(desk_with(), *self.ways, self.second)
        self.router = self.files.enter_context(way(self.folder, lambda _: 0, lambda: self.books)).gateway
        self.router._patience = (0.02,)
        return self.router

    async def __aenter__(self):
        self.files = ExitStack()
        self.opened()
        self.journal = self.files.enter_context(Journal(self.folder / "journal", "desk", now=0))
        self.path = OrderPath(self.journal, self.router, time.time_ns)
        try:
            self.found = await recover(self.path, time.time_ns(), patience=(0.02,))
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_):
        for venue in self.router._venues.values():
            await venue.hang_up()
        self.files.close()

    def send(self, order_id, units, limit=None):
        self.path.send(Order(order_id, "XY", units, limit, time.time_ns()))

    async def until(self, done):
        for _ in range(300):
            if done(self.path.account):
                return
            await asyncio.sleep(0.01)
        raise AssertionError((self.path.account, self.router.broken))


def with_brokers(test, **further):
    async def run():
        async with AsyncExitStack() as serving:
            brokers, ways = [Account(), Account()], []
            for broker in brokers:
                port = await broker.serve()
                serving.push_async_callback(broker.close)
                told = {"host": "127.0.0.1", "port": port, "sender": "US", "target": "THEM", **further}
                ways.append(by_fix(FixSettings(**told), "XY", Credentials()))
            await test(*brokers, ways)

    asyncio.run(run())


def test_an_order_is_shared_between_two_brokers_and_the_next_process_knows_it(tmp_path):
    async def test(own, other, ways):
        async with Desk(tmp_path, ways) as desk:
            desk.send("a", 2.0)
            desk.send("b", 1.5, limit=100.0)
            await desk.until(lambda account: account.orders["a"].standing is Standing.FILLED)
            assert (own.held, other.held, own.taken[-1][0], len(other.taken)) == (1.0, 1.0, "b", 1)
            assert desk.path.account.cash == pytest.approx(-2 * 100.5 - 2 * 0.25)
        async with Desk(tmp_path, ways) as desk:
            assert (desk.found.differences, desk.found.missed) == ((), 0)
            assert (desk.path.account.position("XY"), list(desk.path.account.working)) == (2.0, ["b"])
            desk.path.cancel("b")
            await desk.until(lambda account: not account.working)
            assert own.cancelled == ["b"]
        assert {each.name for each in tmp_path.glob("*/fix-session")} == {"fix-session"}
        assert len(list(tmp_path.glob("*/fix-session"))) == 2

    with_brokers(test)


def test_a_fill_that_one_broker_told_nobody_is_booked_at_the_next_start(tmp_path):
    async def test(own, other, ways):
        async with Desk(tmp_path, ways) as desk:
            other.lost = True
            desk.send("a", 2.0)
            await desk.until(lambda account: account.position("XY") == 1.0 and other.held)
        other.lost = False
        async with Desk(tmp_path, ways) as desk:
            assert desk.found.differences == ()
            assert (desk.path.account.position("XY"), desk.path.account.working) == (2.0, {})
            assert desk.path.latch.state is RiskState.ACTIVE
        assert [len(each.taken) for each in (own, other)] == [1, 1]

    with_brokers(test)


def test_a_part_that_never_reached_its_broker_is_not_sent_later(tmp_path):
    async def test(own, other, ways):
        async with Desk(tmp_path, ways) as desk:
            desk.send("a", 1.0)
            await desk.until(lambda account: account.position("XY") == 1.0)
            desk.router._venues["other"].submit = lambda order: None
            desk.send("b", 2.0)
            await desk.until(lambda account: account.position("XY") == 2.0)
        for _ in range(2):
            async with Desk(tmp_path, ways) as desk:
                account = desk.path.account
                assert (desk.found.differences, account.working, account.position("XY")) == ((), {}, 2.0)
                assert account.orders["b"].standing is Standing.CANCELLED
                assert desk.router.broken == ""
        assert (own.held, other.held) == (2.0, 0.0)

    with_brokers(test)


def test_a_difference_names_its_venue_and_is_adopted_there(tmp_path):
    async def test(own, other, ways):
        async with Desk(tmp_path, ways) as desk:
            desk.send("a", 2.0)
            await desk.until(lambda account: account.position("XY") == 2.0)
        own.held, other.held = own.held - 0.5, other.held + 0.5
        async with Desk(tmp_path, ways) as desk:
            told = [
                "position XY at own: journal 1, gateway 0.5, -0.5",
                "position XY at other: journal 1, gateway 1.5, +0.5",
            ]
            assert [str(each) for each in desk.found.differences] == told
            assert (desk.path.latch.state, desk.path.latch.why) == (RiskState.HALTED, "; ".join(told))
        for name, units in (("other", 0.5), ("own", -0.5)):
            with Journal(tmp_path / "journal", "desk", now=0) as journal:
                found = adopt(journal, 100.0, "ada", "moved", time.time_ns(), venue=name)
                assert (found.venue, found.gateway - found.journal) == (name, units)
        async with Desk(tmp_path, ways) as desk:
            assert (desk.found.differences, desk.path.account.position("XY")) == ((), 2.0)
            desk.path.resume("ada", "adopted")

    with_brokers(test)


def test_an_order_that_a_broker_had_taken_and_holds_no_more_halts_with_its_name(tmp_path):
    async def test(own, other, ways):
        async with Desk(tmp_path, ways) as desk:
            desk.books.reverse()
            desk.send("a", 1.0, limit=99.5)
            await desk.until(lambda account: account.orders["a"].standing is Standing.WORKING)
        [where] = [each for each in (own, other) if each.orders]
        where.orders.clear()
        async with Desk(tmp_path, ways) as desk:
            [found] = desk.found.differences
            name = "own" if where is own else "other"
            assert str(found) == f"open order a XY at {name}: journal 1, gateway 0, -1"
            assert (desk.path.latch.state, desk.path.account.working) == (RiskState.HALTED, {})
        async with Desk(tmp_path, ways) as desk:
            assert (desk.found.differences, desk.router._routings.working[name]) == ((), {})

    with_brokers(test)


def test_what_one_broker_refuses_ends_that_part_alone(tmp_path):
    async def test(own, other, ways):
        async with Desk(tmp_path, ways) as desk:
            other.refuses = True
            desk.send("a", 2.0)
            await desk.until(lambda account: not account.working)
            account = desk.path.account
            assert (account.position("XY"), account.orders["a"].standing) == (1.0, Standing.CANCELLED)
            assert [each.text for each in desk.journal.reports()].count(UNFILLED) == 1
            assert any("no short sale" in each.text for each in desk.journal.reports())
        async with Desk(tmp_path, ways) as desk:
            assert (desk.found.differences, desk.path.account.working) == ((), {})

    with_brokers(test)


def test_one_line_down_stops_nothing_unless_something_is_open_there(tmp_path):
    async def test(own, other, ways):
        async with Desk(tmp_path, ways) as desk:
            await desk.router._venues["other"].hang_up()
            desk.send("a", 2.0)
            await desk.until(lambda account: account.position("XY") == 2.0)
            assert (own.held, desk.router.broken) == (2.0, "")
            desk.send("b", 1.0, limit=99.5)
            await desk.router._venues["own"].hang_up()
            assert desk.router.broken == "own: hung up"

    with_brokers(test)


@pytest.mark.parametrize("down", [False, True])
def test_a_halt_cancels_at_both_and_a_line_that_is_down_leaves_out_no_other(tmp_path, down):
    async def test(own, other, ways):
        async with Desk(tmp_path, ways) as desk:
            working = desk.path.account.working
            desk.send("a", 1.0, limit=99.5)
            desk.books[0] = NEAR._replace(fault="stale")
            desk.send("b", 1.0, limit=99.5)
            await desk.until(lambda _: all(each.standing is Standing.WORKING for each in working.values()))
            if down:
                await desk.router._venues["own"].hang_up()
            with pytest.raises(GatewayError, match="hung up") if down else nullcontext():
                desk.path.turn(RiskState.HALTED, "ada", "enough")
            await desk.until(lambda _: list(working) == ["a"] * down)
            assert (own.cancelled, other.cancelled) == (["a"] * (not down), ["b"])
        async with Desk(tmp_path, ways) as desk:
            await desk.until(lambda account: not account.working)
            assert (desk.found.differences, own.cancelled, other.cancelled) == ((), ["a"], ["b"])

    with_brokers(test)


def test_what_an_order_has_paid_so_far_is_told_apart_at_each_broker(tmp_path):
    class InHalves(Account):
        def answer(self, message):
            if message[35] != "D":
                super().answer(message)
                return
            half = float(message[38]) / 2
            self.held += 2 * half
            for number, standing in enumerate("12", start=1):
                paid = (12, str(0.5 * number)), (13, "3")
                self.executed("F", standing, message, (32, str(half)), (31, "100.5"), *paid)

    async def test(own, other, ways):
        own.__class__ = other.__class__ = InHalves
        async with Desk(tmp_path, ways) as desk:
            desk.send("a", 2.0)
            await desk.until(lambda account: account.position("XY") == 2.0)
            assert [each.fee for each in desk.journal.reports()] == [0.5] * 4
        async with Desk(tmp_path, ways) as desk:
            assert (desk.path.account.fees, desk.path.account.working) == (2.0, {})

    with_brokers(test, commission="order")
