"""Adopting what a gateway holds: booked once, by a person, and compared again at the next start."""

import asyncio
from itertools import count

import pytest

from pipeline.domain.errors import RiskError
from pipeline.live.gateway import Resting
from pipeline.live.journal import Journal
from pipeline.live.order_path import OrderPath
from pipeline.live.recovery import recover
from pipeline.live.watch.adoption import adopt, unexplained
from pipeline.risk.state import RiskState
from tests.live.test_order_path import BUY, FILL, Market


@pytest.fixture
def started(tmp_path):
    """Return a function that starts a desk whose market holds something, and ends it."""

    def start(held, *sent):
        market = Market()
        market.held, market.reports = held, [FILL] if sent else []
        market.resting = [Resting("a", "BTC", 2.0, 0.5)] if sent else []
        with Journal(tmp_path / "journal", "desk", now=0) as journal:
            path = OrderPath(journal, market, now=lambda: 77)
            for order in sent:
                path.send(order)
            found = asyncio.run(recover(path, 99, patience=()))
            return path, found

    return start


@pytest.fixture
def adopted(tmp_path):
    """Return a function that adopts in the journal of the desk at rest."""

    clock = count(10**18)

    def call(price=100.0, person="ada", reason="a transfer", instrument=None):
        with Journal(tmp_path / "journal", "desk", now=0) as journal:
            return adopt(journal, price, person, reason, next(clock), instrument)

    return call


def test_what_is_adopted_differs_no_more_and_the_desk_waits_to_be_resumed(started, adopted, tmp_path):
    path, found = started({"BTC": 1.5})
    assert path.latch.state is RiskState.HALTED
    assert adopted() == found.differences[0]
    path, found = started({"BTC": 1.5})
    assert found.differences == ()
    assert (path.account.position("BTC"), path.account.cash) == (1.5, -150.0)
    assert path.latch.state is RiskState.HALTED
    with Journal(tmp_path / "journal", "desk", now=0) as journal:
        (entry,) = (each for each in journal.entries() if each.what == "adopt")
        assert (entry.who, entry.why, entry.inputs["units"]) == ("ada", "a transfer", 1.5)
        assert unexplained(journal) == []


def test_what_is_adopted_bears_the_time_of_the_market_and_hides_no_later_report(started, adopted):
    started({"BTC": 1.5}, BUY)
    adopted()
    path, found = started({"BTC": 1.5}, BUY)
    assert found.differences == ()
    (booked,) = (each.order for name, each in path.account.orders.items() if name.startswith("adopted"))
    assert (booked.decided, booked.limit) == (BUY.decided, 100.0)
    assert path.newest == FILL.time


def test_a_position_that_has_moved_again_halts_again(started, adopted):
    started({"BTC": 1.5})
    adopted()
    _, found = started({"BTC": 2.0})
    assert [str(each) for each in found.differences] == ["position BTC: journal 1.5, gateway 2, +0.5"]
    adopted()
    assert started({"BTC": 2.0})[1].differences == ()


def test_of_several_one_is_named_and_each_is_adopted_once(started, adopted):
    started({"BTC": 1.5, "ETH": -2.0})
    with pytest.raises(RiskError, match="--instrument: give one of those whose positions differ: BTC, ETH"):
        adopted()
    assert adopted(instrument="ETH").gateway == -2.0
    assert adopted().instrument == "BTC"
    with pytest.raises(RiskError, match="no position differed when the desk was last started"):
        adopted()


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"price": 0.0}, "--price 0: give the positive price"),
        ({"price": float("nan")}, "--price nan: give the positive price"),
        ({"reason": " "}, "to adopt for a desk needs a reason"),
        ({"person": "a\nb"}, "person of 3 characters"),
        ({"instrument": "XRP"}, "--instrument: give one of those whose positions differ: BTC"),
    ],
)
def test_what_cannot_be_adopted_is_said_and_nothing_is_written(started, adopted, told, said):
    started({"BTC": 1.5})
    with pytest.raises(RiskError, match=said):
        adopted(**told)
    assert len(started({"BTC": 1.5})[1].differences) == 1


def test_one_that_never_was_reconciled_has_nothing_to_adopt(adopted):
    with pytest.raises(RiskError, match="start it, which compares them"):
        adopted()
