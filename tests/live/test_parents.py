"""Children of a parent order: how many, when, at which price, and that none is ever one too many."""

import pytest

from pipeline.domain.order_settings import OrderSettings
from pipeline.domain.orders import Order, Report, Standing
from pipeline.live.grounds import grounds, in_words, order_of
from pipeline.live.journal import Journal
from pipeline.live.order_path import OrderPath
from pipeline.live.paper import PaperGateway
from pipeline.live.parents import NEVER, Parents
from pipeline.live.venue import Book
from pipeline.risk.state import RiskState

S = 1_000_000_000
STEP = 100
BOOK = Book([99.0], [50.0], [101.0], [50.0])
NOTHING = Book([99.0], [50.0], [101.0], [50.0], fault="crossed")
THIN = Book([99.0], [1.0], [101.0], [1.0])


class Desk:
    """Parents on a paper venue, with a clock."""

    def __init__(self, folder, **settings):
        self.now = 0
        self.journal = Journal(folder / "journal.db", "desk", now=0)
        self.gateway = PaperGateway(folder / "venue", latency=lambda _: S // 100)
        self.path = OrderPath(self.journal, self.gateway, now=lambda: self.now)
        self.gateway._hear = self.path.hear
        self.parents = Parents(OrderSettings(**settings), self.path, STEP, lot=0.0)

    def close(self):
        self.gateway.close()
        self.journal.close()

    def decide(self, units, at=S, book=BOOK):
        self.now = at
        self.parents.replace()
        if units:
            self.parents.begin(Order(f"p{at}", "BTC", units, decided=at), None, *best(book))

    def until(self, at, book=BOOK):
        while (due := min(self.gateway.due, max(self.parents.due, self.now))) <= at:
            self.now = int(due)
            self.gateway.advance(self.now + 1, {"BTC": book})
            if self.parents.due <= self.now:
                self.parents.go(self.now, *best(book))

    @property
    def orders(self):
        return self.journal.orders()

    @property
    def held(self):
        return self.path.account.position("BTC")


def best(book):
    return (float("nan"),) * 2 if book.fault else (book.bid_price[0], book.ask_price[0])


@pytest.fixture
def begun(tmp_path):
    opened = []

    def begin(**settings):
        for each in opened:
            each.close()
        opened[:] = [Desk(tmp_path, **settings)]
        return opened[0]

    yield begin
    for each in opened:
        each.close()


def test_twap_sends_equal_children_until_the_next_decision(begun):
    desk = begun(slices=3, over=0.9)
    desk.decide(-6.0)
    desk.until(200 * S)
    assert [(each.order_id, each.quantity, each.decided // S) for each in desk.orders] == [
        ("p1000000000-0", -2.0, 1),
        ("p1000000000-1", -2.0, 31),
        ("p1000000000-2", -2.0, 61),
    ]
    assert {each.parent for each in desk.orders} == {"p1000000000"}
    assert desk.held == -6.0


def test_almgren_chriss_sends_the_larger_ones_first(begun):
    desk = begun(slices=4, schedule="almgren_chriss", urgency=2.0)
    desk.decide(8.0)
    desk.until(200 * S)
    units = [each.quantity for each in desk.orders]
    assert units == sorted(units, reverse=True)
    assert units[0] > 3.0
    assert desk.held == pytest.approx(8.0)


def test_the_next_decision_replaces_what_is_left(begun):
    desk = begun(slices=4)
    desk.decide(4.0)
    desk.until(30 * S)
    desk.decide(0.0, at=31 * S)
    desk.until(200 * S)
    assert (desk.held, len(desk.orders)) == (2.0, 2)


@pytest.mark.parametrize("state", [RiskState.HALTED, RiskState.REDUCING])
def test_a_risk_state_that_turns_ends_the_parent(begun, state):
    desk = begun(slices=4, placement="passive", cross_after_seconds=50)
    desk.decide(4.0)
    desk.until(S + S // 2)
    desk.path.turn(state, "ann", "lunch")
    desk.until(200 * S)
    assert (desk.held, len(desk.orders), desk.path.account.working) == (0.0, 1, {})
    assert desk.parents.due == NEVER


def test_what_a_child_leaves_or_a_market_that_is_not_sound_skips_goes_with_the_next(begun):
    desk = begun(slices=3)
    desk.decide(6.0, book=NOTHING)
    assert desk.orders == []
    desk.until(32 * S, THIN)
    desk.until(200 * S)
    assert [each.quantity for each in desk.orders] == [4.0, 5.0]
    assert desk.held == 6.0


def test_a_restart_doubles_nothing_and_cancels_what_rests(begun):
    desk = begun(slices=2, placement="passive", cross_after_seconds=40)
    desk.decide(4.0)
    desk.until(2 * S)
    again = begun(slices=2, placement="passive", cross_after_seconds=40)
    again.until(90 * S)
    assert len(again.orders) == 1
    again.decide(0.0, at=101 * S)
    again.until(300 * S)
    assert (len(again.orders), again.path.account.working, again.held) == (1, {}, 0.0)


def test_a_parent_that_is_begun_again_sends_no_child_twice(begun):
    desk = begun(slices=2)
    for _ in range(2):
        desk.decide(4.0)
    again = begun(slices=2)
    again.decide(4.0)
    again.until(200 * S)
    assert [each.quantity for each in again.orders] == [2.0, 2.0]
    assert again.held == 4.0


def test_a_passive_child_rests_at_its_own_side_and_crosses_after_a_while(begun):
    desk = begun(placement="passive", cross_after_seconds=5)
    desk.decide(2.0)
    desk.until(5 * S)
    assert (desk.orders[0].limit, desk.held) == (99.0, 0.0)
    desk.until(6 * S + 5 * S // 100)
    child, cross = desk.orders
    assert (cross.order_id, cross.quantity, cross.limit) == (f"{child.order_id}-x", 2.0, None)
    assert (desk.held, desk.path.account.cash, desk.parents.due) == (2.0, -202.0, NEVER)


UP = Book([100.0], [50.0], [102.0], [50.0])


def test_a_passive_child_follows_its_own_side_and_is_one_order(begun):
    desk = begun(placement="passive", cross_after_seconds=5, follow=True)
    desk.decide(2.0)
    desk.until(2 * S)
    assert len(desk.orders) == 1
    desk.until(3 * S, UP)
    child, follows = desk.orders
    assert (follows.order_id, follows.limit, follows.replaces) == (
        f"{child.order_id}-p1",
        100.0,
        child.order_id,
    )
    assert [each.order for each in desk.path.account.working.values()] == [follows]
    assert desk.path.account.expected("BTC") == 2.0
    desk.until(4 * S, Book([99.0], [50.0], [99.5], [0.5]))
    assert (desk.held, desk.path.account.cash) == (0.5, -50.0)
    desk.until(4 * S + S // 2)
    assert len(desk.orders) == 2, "it does not follow back"
    desk.until(20 * S, UP)
    assert (desk.held, desk.path.account.working) == (2.0, {})
    assert desk.orders[-1].order_id == f"{child.order_id}-x"
    assert desk.orders[-1].quantity == 1.5


def test_a_child_whose_replacement_was_refused_is_left_as_it_is(begun):
    desk = begun(placement="passive", cross_after_seconds=5, follow=True)
    desk.decide(-2.0)
    desk.until(S + S // 2)
    desk.gateway.replace = lambda order: refused.append(order)
    refused, down = [], Book([98.0], [50.0], [100.0], [50.0])
    desk.until(2 * S, down)
    desk.path.hear(Report("no", refused[0].order_id, Standing.REJECTED))
    desk.until(3 * S, down)
    assert len(refused) == 1
    desk.until(20 * S, down)
    assert (desk.held, desk.path.account.working) == (-2.0, {})


def test_only_what_a_passive_child_left_crosses(begun):
    desk = begun(placement="passive", cross_after_seconds=5)
    desk.decide(-3.0)
    desk.until(4 * S, Book([101.0], [1.0], [102.0], [9.0]))
    desk.until(50 * S)
    assert [each.quantity for each in desk.orders] == [-3.0, -2.0]
    assert (desk.held, desk.path.account.cash) == (-3.0, 101.0 + 2 * 99.0)


def test_a_limit_takes_up_to_the_best_price_and_the_rest_is_cancelled_at_the_end(begun):
    desk = begun(placement="limit")
    desk.decide(2.0)
    desk.until(50 * S, THIN)
    assert (desk.orders[0].limit, desk.held) == (101.0, 1.0)
    assert len(desk.path.account.working) == 1
    desk.until(92 * S, THIN)
    assert (desk.held, desk.path.account.working, len(desk.orders)) == (1.0, {}, 1)


def test_the_audit_has_the_decision_before_its_children(begun):
    desk = begun(slices=2)
    why = grounds(in_words("p", "BTC", "delta", "band", ""), S, 1.0, 2.0, 2.0, 2.0, 0.0, 99.0, 101.0, 0.5)
    desk.parents.begin(order_of(why), why, 99.0, 101.0)
    assert [each.what for each in desk.journal.entries()][-2:] == ["decide", "slice"]
    assert list(desk.path.sent) == [S]
