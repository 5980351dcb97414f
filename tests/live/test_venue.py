"""The paper venue: its fills are the backtest's to the bit, limits hold, cancellations race."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.backtest import booked
from pipeline.backtest.ledger import Hedge
from pipeline.backtest.wanted import wanted
from pipeline.domain.orders import LEAST, Order, Standing
from pipeline.execution.terms import Terms
from pipeline.live.venue import NEVER, Accepted, Book, Venue
from tests.backtest.test_book_fills import N, T, band_of, market

NAN = float("nan")
BOOK = Book([99.0, 98.0, NAN], [1.0, 5.0, NAN], [101.0, 102.0, 103.0], [1.0, 2.0, 4.0])


def handed(venue, quantity, limit=None, order_id="a", arrives=10):
    venue.apply(Accepted(arrives, order_id, Order(order_id, "BTC", quantity, limit)))


def advanced(venue, at, book=BOOK):
    return [told.report for told in venue.advance(at, {"BTC": book})]


@pytest.mark.parametrize("repeated", [False, True])
@pytest.mark.parametrize(("seed", "crossing"), [(0, 1.0), (1, 1.0), (2, 1.6)])
def test_fills_are_those_of_the_backtest_to_the_bit(seed, crossing, repeated):
    """Every episode has a venue of its own, which is asked for what the kernel asks for."""
    rng = np.random.default_rng(seed)
    through, band = market(rng, repeated=repeated), band_of(rng)
    through = replace(through, terms=Terms(fee=1e-4, lot=0.01, crossing=crossing))
    through.book.scale[:] = 1.0
    hedge, met = Hedge(through), through.book
    venues, fees, paid = [Venue(fee=1e-4, crossing=crossing) for _ in range(N)], np.zeros(N), np.zeros(N)
    for k in range(T):
        before = hedge.held[:, 0].copy()
        hedge.advance(band, k, k + 1)
        for n, venue in enumerate(venues):
            low, high = band.lower[n, k, 0], band.upper[n, k, 0]
            asked = wanted.py_func(before[n], low, high, low, high, 1.0, 0.01) - before[n]
            row = met.rows[n, k]
            levels = (met.bid_price, met.bid_size, met.ask_price, met.ask_size)
            book = Book(*(each[row] for each in levels), fault="stale" if met.state[row] else "")
            if abs(asked) > LEAST:
                handed(venue, asked, order_id=f"o{k}", arrives=k)
                (report,) = advanced(venue, k + 1, book)
                fees[n] += report.fee
                paid[n] += abs(report.filled) * abs(report.price - met.mid[row]) if report.filled else 0.0
        np.testing.assert_array_equal([v.positions.get("BTC", 0.0) for v in venues], hedge.held[:, 0])
        np.testing.assert_array_equal(fees, hedge.books[:, booked.FEE])
    beyond = hedge.books[:, booked.SPREAD] + hedge.books[:, booked.IMPACT]
    np.testing.assert_allclose(paid, beyond, rtol=1e-10)
    assert hedge.books[:, booked.TRADES].sum() > 2 * N
    assert hedge.books[:, booked.IMPACT].min() > 0.0


def test_an_order_meets_the_book_that_stood_when_it_arrived():
    venue = Venue()
    handed(venue, 1.0, arrives=10)
    assert venue.due == 10
    assert advanced(venue, 10) == []
    (report,) = advanced(venue, 11)
    assert (report.standing, report.filled, report.price, report.time) == (Standing.FILLED, 1.0, 101.0, 10)
    assert venue.due == NEVER


def test_without_a_limit_what_is_not_shown_is_cancelled():
    venue = Venue(fee=0.01, fixed_fee=2.0)
    handed(venue, -10.0)
    (report,) = advanced(venue, 20)
    assert (report.standing, report.filled, report.text) == (Standing.CANCELLED, -6.0, "not enough shown")
    assert report.price == pytest.approx((99.0 + 5 * 98.0) / 6)
    assert report.fee == pytest.approx(0.01 * 6 * 100.0 + 2.0)
    assert venue.open_orders() == []


def test_a_dearer_market_keeps_to_limits():
    venue = Venue(crossing=2.0)
    handed(venue, 2.0)
    handed(venue, 1.0, limit=102.0, order_id="b", arrives=11)
    whole, limited = advanced(venue, 20)
    assert (whole.price, whole.simulated) == (103.0, True)  # 100 + 2 × (101.5 - 100)
    assert (limited.filled, limited.price) == (1.0, 102.0)


def test_a_limit_takes_up_to_it_and_rests():
    venue = Venue(fixed_fee=2.0)
    handed(venue, 4.0, limit=102.0)
    (report,) = advanced(venue, 20)
    assert (report.standing, report.filled, report.fee) == (Standing.WORKING, 3.0, 2.0)
    assert report.price == pytest.approx((101.0 + 2 * 102.0) / 3)
    assert venue.open_orders()[0].filled == 3.0
    assert advanced(venue, 30) == []
    better = Book([99.0], [1.0], [101.5], [9.0])
    (report,) = advanced(venue, 40, better)
    assert (report.standing, report.filled, report.price, report.fee) == (Standing.FILLED, 1.0, 102.0, 0.0)
    assert report.time == 40
    assert venue.positions == {"BTC": 4.0}


def test_a_resting_order_that_sells_is_filled_by_bids_at_its_limit():
    venue = Venue()
    handed(venue, -2.0, limit=100.0)
    (report,) = advanced(venue, 20)
    assert (report.standing, report.filled) == (Standing.WORKING, 0.0)
    assert advanced(venue, 30, Book([NAN], [NAN], [101.0], [1.0], fault="no quote")) == []
    reports = [*advanced(venue, 40, Book([100.0], [1.5], [101.0], [1.0]))]
    reports += advanced(venue, 50, Book([100.0], [1.5], [101.0], [1.0]))
    reports += advanced(venue, 60, Book([100.5], [1.5], [101.0], [1.0]))
    assert [(report.filled, report.price) for report in reports] == [(-1.5, 100.0), (-0.5, 100.0)]


@pytest.mark.parametrize("limit", [None, 200.0])
def test_a_book_that_is_not_sound_fills_nothing(limit):
    venue = Venue()
    handed(venue, 1.0, limit)
    (report,) = advanced(venue, 20, BOOK._replace(fault="stale"))
    standing = Standing.CANCELLED if limit is None else Standing.WORKING
    assert (report.standing, report.filled, report.text) == (standing, 0.0, "stale")


def test_a_cancellation_that_arrives_late_finds_nothing():
    venue = Venue()
    handed(venue, 1.0, arrives=10)
    venue.apply(Accepted(10, "a", None))
    (report,) = advanced(venue, 20)
    assert report.standing == Standing.FILLED
    handed(venue, 1.0, limit=50.0, order_id="b", arrives=30)
    venue.apply(Accepted(30, "b", None))
    assert [each.standing for each in advanced(venue, 40)] == [Standing.WORKING, Standing.CANCELLED]
    assert venue.open_orders() == []


def test_what_was_decided_before_an_instant_is_hastened_to_it_and_nothing_that_came_later():
    """A start goes through decisions again that were made before what is on its way now."""
    venue = Venue()
    for order_id, decided, limit in (("a", 3, None), ("b", 8, None), ("c", 2, 90.0)):
        venue.apply(Accepted(20, order_id, Order(order_id, "BTC", 1.0, limit, decided)))
    venue.apply(Accepted(25, "c", None))
    venue.hasten(8)
    told = advanced(venue, 9)
    assert [(each.order_id, each.time, each.standing.value) for each in told] == [
        ("a", 8, "filled"), ("c", 8, "working"), ("c", 8, "cancelled")]  # fmt: skip
    assert venue.due == 20
    assert [each.order_id for each in advanced(venue, 99)] == ["b"]


def replacing(venue, limit, order_id="b", replaces="a", arrives=20, quantity=3.0):
    venue.apply(Accepted(arrives, order_id, Order(order_id, "BTC", quantity, limit, replaces=replaces)))


def test_an_order_takes_anothers_place_with_what_that_one_has_filled():
    venue = Venue()
    handed(venue, 3.0, limit=101.0)
    (first,) = advanced(venue, 11)
    assert (first.filled, first.standing) == (1.0, Standing.WORKING)
    replacing(venue, 102.0)
    assert [(each.order_id, each.filled) for each in venue.open_orders()] == [("a", 1.0), ("b", 1.0)]
    (taken,) = advanced(venue, 21)
    assert (taken.order_id, taken.filled, taken.standing) == ("b", 2.0, Standing.FILLED)
    assert (venue.positions, venue.open_orders()) == ({"BTC": 3.0}, [])


def test_an_order_that_is_gone_is_not_replaced_and_a_cancellation_reaches_one_on_its_way():
    venue = Venue()
    handed(venue, 1.0, limit=101.0)
    assert advanced(venue, 11)[0].standing is Standing.FILLED
    replacing(venue, 101.0, quantity=1.0)
    (refused,) = advanced(venue, 21)
    assert (refused.order_id, refused.standing, venue.positions) == ("b", Standing.REJECTED, {"BTC": 1.0})
    handed(venue, 3.0, limit=90.0, order_id="c", arrives=30)
    replacing(venue, 91.0, order_id="d", replaces="c", arrives=40)
    venue.apply(Accepted(45, "d", None))
    assert [each.standing for each in advanced(venue, 50)][-1] is Standing.CANCELLED
    assert venue.open_orders() == []


def test_a_venue_of_what_happened_knows_which_order_took_which_place():
    venue, happened = Venue(), []
    for order in (Order("a", "BTC", 3.0, 101.0), Order("b", "BTC", 3.0, 101.5, replaces="a")):
        happened.append(Accepted(10 if order.order_id == "a" else 20, order.order_id, order))
        venue.apply(happened[-1])
    happened += venue.advance(25, {"BTC": BOOK})
    again = Venue()
    for each in happened:
        again.apply(each)
    for each in (venue, again):
        assert [(rests.order_id, rests.filled) for rests in each.open_orders()] == [("b", 1.0)]
        (more,) = advanced(each, 30, Book([99.0], [1.0], [101.5], [9.0]))
        assert (more.order_id, more.filled, more.price) == ("b", 2.0, 101.5)
