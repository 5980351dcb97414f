"""The account: what was filled counts once, whenever it is told, and what nothing explains is kept apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.errors import OrderError
from pipeline.domain.orders import Order, Report, Standing
from pipeline.live.account import Account, replayed

BUY = Order("a", "BTC", 0.6)


def fill(report_id, filled, standing=Standing.WORKING, order_id="a", price=100.0):
    return Report(report_id, order_id, standing, filled, price, fee=0.01)


def test_lots_that_are_traded_back_leave_nothing():
    orders = [Order("a", "BTC", 0.1), Order("b", "BTC", 0.2), Order("c", "BTC", -0.3)]
    account = replayed(orders, [fill(f"m{o.order_id}", o.quantity, order_id=o.order_id) for o in orders])
    assert 0.1 + 0.2 - 0.3 != 0.0
    assert account.positions == {"BTC": 0.0}
    assert not account.working


def test_an_order_is_whole_when_its_lots_are_though_their_sum_is_rounded():
    account = replayed([Order("a", "BTC", 1.0)], [fill(f"m{n}", 0.1) for n in range(10)])
    assert sum([0.1] * 10) != 1.0
    assert account.orders["a"].standing == Standing.FILLED
    assert not account.unexplained


def test_a_report_that_comes_twice_counts_once():
    account = replayed([BUY], [fill("m1", 0.2)])
    before = replayed([BUY], [fill("m1", 0.2)])
    assert not account.report(fill("m1", 0.2))
    assert account == before


def test_a_fill_after_a_cancellation_counts_and_may_make_the_order_whole():
    cancelled = Report("m1", "a", Standing.CANCELLED)
    account = replayed([BUY], [cancelled, fill("m2", 0.2)])
    assert (account.position("BTC"), account.orders["a"].standing) == (0.2, Standing.CANCELLED)
    assert not account.working
    account.report(fill("m3", 0.4))
    assert account.orders["a"].standing == Standing.FILLED
    assert not account.unexplained


def test_an_order_called_filled_stays_open_until_its_fills_have_come():
    account = replayed([BUY], [fill("m2", 0.4, Standing.FILLED)])
    assert account.working["a"].left == pytest.approx(0.2)
    account.report(fill("m1", 0.2))
    assert not account.working


def test_an_acknowledgement_that_comes_late_does_not_reopen():
    account = replayed([BUY], [Report("m2", "a", Standing.REJECTED), Report("m1", "a", Standing.WORKING)])
    assert account.orders["a"].standing == Standing.REJECTED
    assert not account.working


@pytest.mark.parametrize(
    ("report", "why"),
    [
        (fill("m9", 0.1, order_id="z"), "no such order was sent"),
        (fill("m9", 0.7), "it fills 0.7 where 0.6 was left"),
        (fill("m9", -0.1), "it fills -0.1 of an order of 0.6"),
    ],
)
def test_what_no_order_explains_is_kept_apart_and_not_booked(report, why):
    account = replayed([BUY], [report])
    (found,) = account.unexplained
    assert (found.report, found.why) == (report, why)
    assert account.positions == {}
    assert account.working["a"].left == 0.6


def test_one_id_is_one_order():
    account = replayed([BUY, BUY], [])
    assert list(account.orders) == ["a"]
    with pytest.raises(OrderError, match=r"order a: .*-1"):
        account.intend(Order("a", "BTC", -1.0))


def test_what_works_is_expected():
    account = replayed([BUY, Order("b", "BTC", -1.0), Order("c", "ETH", 5.0)], [fill("m1", 0.5)])
    assert account.expected("BTC") == pytest.approx(-0.4)


QUARTERS = st.integers(1, 4).map(lambda n: n / 4)


@st.composite
def histories(draw):
    """Orders with fills in quarters that fit them, exact in binary, some orders cancelled on the way."""
    orders, reports = [], []
    for n in range(draw(st.integers(1, 4))):
        sign, fills = draw(st.sampled_from([-1, 1])), draw(st.lists(QUARTERS, max_size=4))
        orders.append(Order(f"o{n}", draw(st.sampled_from(["BTC", "ETH"])), sign * (sum(fills) + 0.25)))
        for k, each in enumerate(fills):
            reports.append(Report(f"m{n}.{k}", f"o{n}", Standing.WORKING, sign * each, 2.0 + k, 0.25))
        if draw(st.booleans()):
            reports.append(Report(f"m{n}.x", f"o{n}", Standing.CANCELLED))
    return orders, reports, draw(st.permutations(reports + reports[: len(reports) // 2]))


@given(histories())
def test_neither_the_sequence_of_reports_nor_their_repetition_matters(history):
    orders, reports, shuffled = history
    account = replayed(orders, shuffled)
    assert account == replayed(orders, reports)
    assert not account.unexplained
    for instrument in ("BTC", "ETH"):
        own = {o.order_id for o in orders if o.instrument == instrument}
        assert account.position(instrument) == sum(r.filled for r in reports if r.order_id in own)
    assert account.cash == -sum(r.filled * r.price + r.fee for r in reports)


def test_two_accounts_share_nothing():
    one, other = Account(), Account()
    one.intend(BUY)
    assert not other.orders


FIRST = Order("a", "BTC", 1.0, limit=99.0)
SECOND = Order("b", "BTC", 1.0, limit=99.5, replaces="a")
THIRD = Order("c", "BTC", 1.0, limit=99.7, replaces="b")
TAKEN = Report("m2", "b", Standing.WORKING)


def test_fills_under_every_id_of_a_replaced_order_are_fills_of_one():
    reports = [fill("m1", 0.2), TAKEN, fill("m3", 0.1), fill("m4", 0.3, order_id="b")]
    account = replayed([FIRST, SECOND], reports)
    progress = account.orders["b"]
    assert account.orders["a"] is progress
    assert (progress.order, progress.left, list(account.working)) == (SECOND, pytest.approx(0.4), ["a"])
    assert account.expected("BTC") == pytest.approx(1.0)
    account.report(fill("m5", 0.4, order_id="b"))
    assert (progress.standing, account.working, account.unexplained) == (Standing.FILLED, {}, [])


@pytest.mark.parametrize("said", [Standing.REJECTED, Standing.CANCELLED])
def test_a_replacement_that_is_not_taken_leaves_the_order_as_it_was(said):
    account = replayed([FIRST, SECOND], [Report("m1", "a", Standing.WORKING)])
    assert account.orders["a"].sent == (SECOND, FIRST)
    assert sorted(account.resting("BTC")) == [(99.0, 1.0), (99.5, 1.0)]
    for number in range(2):
        account.report(Report(f"no{number}", "b", said))
    assert account.orders["a"].sent == (FIRST,)
    assert account.expected("BTC") == 1.0
    account.report(Report("m9", "a", Standing.CANCELLED))
    assert account.working == {}


def test_what_was_given_up_works_again_when_the_market_says_so_and_is_over_when_it_says_that():
    given_up = Report("never arrived-a-1", "a", Standing.CANCELLED)
    account = replayed([BUY], [given_up])
    assert (account.given_up("a"), account.working) == (True, {})
    account.report(fill("m1", 0.2))
    assert (account.given_up("a"), account.expected("BTC")) == (False, pytest.approx(0.6))
    account.report(Report("held no more-a-2", "a", Standing.CANCELLED))
    account.report(Report("m2", "a", Standing.CANCELLED))
    account.report(Report("m0", "a", Standing.WORKING))
    assert (account.given_up("a"), account.working, account.orders["a"].filled) == (False, {}, 0.2)


def test_a_replacement_that_was_given_up_takes_the_place_when_the_market_says_so():
    given_up = Report("never arrived-b-1", "b", Standing.CANCELLED)
    account = replayed([FIRST, SECOND], [Report("m1", "a", Standing.WORKING), given_up])
    account.intend(Order("c", "BTC", 1.0, limit=99.7, replaces="a"))
    assert account.given_up("b")
    account.report(TAKEN)
    assert (account.given_up("b"), account.orders["a"].order) == (False, SECOND)
    assert [order.order_id for order in account.orders["a"].sent] == ["c", "b"]


def test_a_chain_of_replacements_is_the_same_from_the_journal_as_it_was_live():
    live = Account()
    live.intend(FIRST)
    live.intend(SECOND)
    live.report(TAKEN)
    live.intend(THIRD)
    reports = [Report("m3", "c", Standing.WORKING), fill("m4", 0.5, order_id="c"), fill("m5", 0.1)]
    for report in reports:
        live.report(report)
    again = replayed([FIRST, SECOND, THIRD], [TAKEN, *reports])
    assert again == live
    assert (again.orders["a"].order, again.orders["a"].earlier) == (THIRD, ("a", "b"))
    assert again.position("BTC") == pytest.approx(0.6)


@pytest.mark.parametrize(
    "order",
    [
        Order("b", "BTC", 2.0, limit=99.5, replaces="a"),
        Order("b", "ETH", 1.0, limit=99.5, replaces="a"),
        Order("b", "BTC", 1.0, limit=99.5, replaces="z"),
    ],
)
def test_what_cannot_take_a_place_is_refused(order):
    account = replayed([FIRST], [])
    with pytest.raises(OrderError, match="cannot take the place"):
        account.intend(order)
    assert "b" not in account.orders
