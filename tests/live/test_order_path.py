"""The way to the market fails closed; starting is recovering, and every difference halts and says itself."""

import asyncio
from pathlib import Path

import pytest

from pipeline.domain.errors import GatewayError, JournalError, OrderError, RiskError
from pipeline.domain.orders import Order, Report, Standing
from pipeline.live.gateway import Resting
from pipeline.live.journal import Journal
from pipeline.live.order_path import OrderPath
from pipeline.live.recovery import recover
from pipeline.risk.state import RiskState


class Market:
    """A gateway that says what the test tells it to."""

    def __init__(self):
        self.sent, self.cancelled, self.held, self.resting, self.reports = [], [], {}, [], []
        self.broken = False

    async def start(self, hear):
        self.hear = hear

    async def stop(self):
        pass

    def submit(self, order):
        self.sent.append(order)

    replace = submit

    def cancel(self, order, at):
        self.cancelled.append(order.order_id)
        if self.broken:
            raise GatewayError("the line is down")

    async def open_orders(self):
        return self.resting

    async def positions(self):
        return self.held

    async def fills(self, since):
        return [report for report in self.reports if report.time >= since]


BUY = Order("a", "BTC", 2.0, limit=100.0, decided=1)
FILL = Report("m1", "a", Standing.WORKING, 0.5, 100.0, 0.1, time=10**18)


@pytest.fixture
def begun(tmp_path: Path):
    """Return a function that begins a path on one journal, with its market, as a process would."""
    journals = []

    def begin(market) -> OrderPath:
        while journals:
            journals.pop().close()
        journals.append(Journal(tmp_path / "journal", "desk", now=0))
        return OrderPath(journals[0], market, now=lambda: 77)

    yield begin
    journals.pop().close()


def recovered(path):
    return asyncio.run(recover(path, 99, patience=()))


def lost(*_):
    raise JournalError("journal: the disk is full")


def test_an_order_is_written_down_before_it_is_sent(begun):
    market = Market()
    path = begun(market)
    market.submit = lambda order: market.sent.append((order, path.journal.orders()))
    path.send(BUY)
    assert market.sent == [(BUY, [BUY])]


def test_an_order_is_sent_once_through_retries_and_restarts(begun):
    market = Market()
    for _ in range(2):
        path = begun(market)
        path.send(BUY)
        path.send(BUY)
    assert (market.sent, path.journal.orders()) == ([BUY], [BUY])
    with pytest.raises(OrderError, match="order a: "):
        path.send(Order("a", "BTC", -2.0))


def test_without_a_journal_nothing_is_sent_and_the_desk_halts(begun, monkeypatch):
    market = Market()
    path = begun(market)
    path.send(BUY)
    monkeypatch.setattr(path.journal, "intend", lost)
    with pytest.raises(JournalError):
        path.send(Order("b", "BTC", 1.0))
    assert ([order.order_id for order in market.sent], market.cancelled) == (["a"], ["a"])
    monkeypatch.undo()
    with pytest.raises(RiskError, match="order c: halted by journal: journal: the disk is full"):
        path.send(Order("c", "BTC", 1.0))
    assert begun(market).latch.state is RiskState.HALTED, "a restart with room on the disk does not trade"


def test_a_report_that_cannot_be_written_down_counts_and_halts(begun, monkeypatch):
    path = begun(Market())
    path.send(BUY)
    monkeypatch.setattr(path.journal, "report", lost)
    with pytest.raises(JournalError):
        path.hear(FILL)
    assert path.account.position("BTC") == 0.5
    assert path.latch.state is RiskState.HALTED


def test_a_halt_is_written_down_and_cancels_all_though_the_line_or_the_journal_fails(begun, monkeypatch):
    market = Market()
    path = begun(market)
    for order_id in "ab":
        path.send(Order(order_id, "BTC", 1.0, 90.0))
    market.broken = True
    with pytest.raises(GatewayError):
        path.turn(RiskState.HALTED, "drawdown", "-3 %")
    assert market.cancelled == ["a", "b"]
    assert begun(market).latch.state is RiskState.HALTED


def test_a_halt_without_a_journal_cancels_and_holds(begun, monkeypatch):
    market = Market()
    path = begun(market)
    path.send(BUY)
    monkeypatch.setattr(path.journal, "turn", lost)
    with pytest.raises(JournalError):
        path.turn(RiskState.HALTED, "drawdown", "-3 %")
    assert (market.cancelled, path.latch.state) == (["a"], RiskState.HALTED)


def test_what_nothing_explains_halts_through_restarts_until_a_person_resumes(begun):
    market = Market()
    path = begun(market)
    path.hear(Report("m9", "z", Standing.FILLED, 1.0, 100.0))
    assert path.latch.why == "report m9 of order z: no such order was sent"
    path = begun(market)
    assert recovered(path).differences == ()
    with pytest.raises(RiskError):
        path.send(BUY)
    path.resume("ada", "another desk's order, the broker has moved it")
    path = begun(market)
    assert recovered(path).differences == ()
    path.send(BUY)


def test_reports_that_were_missed_are_taken_in_once(begun):
    market = Market()
    path = begun(market)
    path.send(BUY)
    market.reports, market.held = [FILL], {"BTC": 0.5}
    market.resting = [Resting("a", "BTC", 2.0, 0.5)]
    for missed in (1, 0):
        path = begun(market)
        found = recovered(path)
        assert (found.missed, found.never_arrived, found.differences) == (missed, (), ())
        assert (path.account.position("BTC"), path.latch.state) == (0.5, RiskState.ACTIVE)
    assert path.journal.entries()[0].inputs["missed"] == 1


def test_an_order_that_the_gateway_does_not_know_never_arrived(begun):
    market = Market()
    begun(market).send(BUY)
    path = begun(market)
    found = recovered(path)
    assert (found.never_arrived, found.differences, market.cancelled) == (("a",), (), ["a"])
    assert path.account.orders["a"].standing is Standing.CANCELLED
    path = begun(market)
    assert recovered(path).never_arrived == ()
    path.hear(FILL)
    assert (path.account.position("BTC"), path.latch.state) == (0.5, RiskState.ACTIVE)


@pytest.mark.parametrize("closed", ["never arrived", "held no more"])
@pytest.mark.parametrize("while_it_runs", [True, False])
def test_an_order_that_was_given_up_is_cancelled_as_soon_as_it_shows_up(begun, closed, while_it_runs):
    path = begun(market := Market())
    path.send(BUY)
    if closed == "held no more":
        path.hear(Report("m0", "a", Standing.WORKING))
    path = begun(market)
    recovered(path)
    if path.latch.state is RiskState.HALTED:
        path.resume("ada", "the broker did not know it")
    assert path.account.working == {}
    market.cancelled.clear()
    if while_it_runs:
        path.hear(FILL)
    else:
        market.resting, market.reports, market.held = [Resting("a", "BTC", 2.0, 0.5)], [FILL], {"BTC": 0.5}
        path = begun(market)
        assert recovered(path).differences == ()
    assert market.cancelled == ["a"]
    assert (path.account.expected("BTC"), path.latch.state) == (2.0, RiskState.ACTIVE)
    path.hear(Report("m2", "a", Standing.CANCELLED))
    assert (path.account.working, path.account.position("BTC")) == ({}, 0.5)


def test_one_that_rests_without_a_word_is_cancelled_at_the_start(begun):
    begun(market := Market()).send(BUY)
    recovered(begun(market))
    market.resting = [Resting("a", "BTC", 2.0, 0.0)]
    for _ in range(2):
        market.cancelled.clear()
        path = begun(market)
        assert recovered(path).differences == ()
        path.turn(RiskState.HALTED, "ada", "fire drill")
        assert market.cancelled[0] == "a"


@pytest.mark.parametrize(
    ("held", "resting", "why"),
    [
        ({"BTC": 1.5}, [Resting("a", "BTC", 2.0, 0.5)], "position BTC: journal 0.5, gateway 1.5, +1"),
        ({}, [Resting("a", "BTC", 2.0, 0.5)], "position BTC: journal 0.5, gateway 0, -0.5"),
        (
            {"BTC": 0.5, "ETH": 1.0},
            [Resting("a", "BTC", 2.0, 0.5)],
            "position ETH: journal 0, gateway 1, +1",
        ),
        ({"BTC": 0.5}, [], "open order a BTC: journal 1.5, gateway 0, -1.5"),
        ({"BTC": 0.5}, [Resting("a", "BTC", 2.0, 1.0)], "open order a BTC: journal 1.5, gateway 1, -0.5"),
        (
            {"BTC": 0.5},
            [Resting("a", "BTC", 2.0, 0.5), Resting("z", "BTC", 1.0, 0.0)],
            "open order z BTC: journal 0, gateway 1, +1",
        ),
        (
            {"BTC": float("nan")},
            [Resting("a", "BTC", 2.0, 0.5)],
            "position BTC: journal 0.5, gateway nan, +nan",
        ),
    ],
)
def test_every_difference_halts_with_a_report(begun, held, resting, why):
    market = Market()
    path = begun(market)
    path.send(BUY)
    path.hear(FILL)
    market.held, market.resting = held, resting
    path = begun(market)
    assert [str(each) for each in recovered(path).differences] == [why]
    assert (path.latch.state, path.latch.who, path.latch.why) == (RiskState.HALTED, "recovery", why)
    assert path.journal.entries()[-1].why == why


def test_a_report_on_its_way_is_waited_for(begun):
    market = Market()
    path = begun(market)
    path.send(BUY)
    path.hear(Report("m0", "a", Standing.WORKING))
    market.held, market.resting = {"BTC": 0.5}, [Resting("a", "BTC", 2.0, 0.5)]
    path = begun(market)

    async def late():
        recovering = asyncio.create_task(recover(path, 99, patience=(0.01,)))
        await asyncio.sleep(0)
        market.hear(FILL)
        return await recovering

    assert asyncio.run(late()).differences == ()


def test_a_desk_that_had_halted_cancels_again_when_it_starts(begun):
    market = Market()
    path = begun(market)
    path.send(BUY)
    path.hear(Report("m0", "a", Standing.WORKING))
    path.turn(RiskState.HALTED, "ada", "fire drill")
    market.cancelled.clear()
    market.resting = [Resting("a", "BTC", 2.0, 0.0)]
    assert recovered(begun(market)).differences == ()
    assert market.cancelled == ["a"]


def test_a_desk_that_had_halted_cancels_again_where_something_differs_too(begun):
    market = Market()
    path = begun(market)
    path.send(BUY)
    path.hear(Report("m0", "a", Standing.WORKING))
    path.turn(RiskState.HALTED, "ada", "fire drill")
    market.cancelled.clear()
    market.resting, market.held = [Resting("a", "BTC", 2.0, 0.0)], {"BTC": 7.0}
    assert len(recovered(begun(market)).differences) == 1
    assert market.cancelled == ["a"]


def test_an_order_that_the_gateway_holds_no_more_halts_once_and_is_counted_on_no_longer(begun):
    market = Market()
    path = begun(market)
    path.send(BUY)
    path.hear(FILL)
    market.held = {"BTC": 0.5}
    path = begun(market)
    assert len(recovered(path).differences) == 1
    path.resume("ada", "the broker cancelled it over night")
    assert (path.account.working, path.account.expected("BTC")) == ({}, 0.5)
    path = begun(market)
    assert (recovered(path).differences, path.latch.state) == ((), RiskState.ACTIVE)
    path.hear(Report("m2", "a", Standing.WORKING, 1.5, 100.0))
    assert (path.account.position("BTC"), path.account.unexplained) == (2.0, [])


REPLACES = Order("b", "BTC", 2.0, limit=101.0, decided=2, replaces="a")


def test_a_replaced_order_is_cancelled_under_every_id_that_the_market_may_know(begun):
    path = begun(market := Market())
    path.send(BUY)
    path.hear(Report("m1", "a", Standing.WORKING))
    for _ in range(2):
        path.send(REPLACES)
    assert market.sent == [BUY, REPLACES]
    path.turn(RiskState.HALTED, "ann", "lunch")
    assert market.cancelled == ["b", "a"]
    with pytest.raises(RiskError):
        path.send(Order("c", "BTC", 2.0, limit=102.0, decided=3, replaces="b"))


@pytest.mark.parametrize(
    ("resting", "never", "limit"),
    [
        ([Resting("a", "BTC", 2.0, 0.5)], ("b",), 100.0),
        ([Resting("b", "BTC", 2.0, 0.5)], (), 101.0),
        ([Resting("a", "BTC", 2.0, 0.5), Resting("b", "BTC", 2.0, 0.5)], (), 100.0),
    ],
)
def test_a_restart_finds_out_whether_a_replacement_arrived(begun, resting, never, limit):
    path = begun(market := Market())
    for order in (BUY, REPLACES):
        path.send(order)
    path.hear(FILL)
    market.resting, market.held = resting, {"BTC": 0.5}
    if limit == 101.0:
        market.reports = [Report("m2", "b", Standing.WORKING, time=2 * 10**18)]
    again = begun(market)
    found = asyncio.run(recover(again, 1, patience=()))
    assert (found.never_arrived, found.differences) == (never, ())
    assert again.account.working["a"].order.limit == limit
    assert again.account.expected("BTC") == 2.0


def test_a_replacement_that_was_given_up_is_cancelled_when_it_takes_the_place_after_all(begun):
    path = begun(market := Market())
    for order in (BUY, REPLACES):
        path.send(order)
    path.hear(Report("m1", "a", Standing.WORKING))
    market.resting = [Resting("a", "BTC", 2.0, 0.0)]
    path = begun(market)
    assert recovered(path).never_arrived == ("b",)
    market.cancelled.clear()
    path.hear(Report("m2", "b", Standing.WORKING))
    assert (market.cancelled, path.account.working["a"].order) == (["b"], REPLACES)
