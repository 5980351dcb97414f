"""The all-in cost is that of the paper venue, and no way of sharing an order is better than the one taken."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.orders import Order, Standing
from pipeline.execution.all_in import Offer, all_in_cost, shared
from pipeline.live.offers import Charges, offered
from pipeline.live.venue import Accepted, Book, Venue

LOT = 0.25
NAN = math.nan


def made_book(rng, levels=3, shown=4):
    """Return a book of a few levels, half of the time of whole lots; some sides end early."""
    mid = 100.0 + rng.integers(-2, 3) * 0.1
    steps = np.cumsum(rng.uniform(0.02, 0.4, (2, levels)), axis=1)
    whole, odd = rng.integers(1, shown, (2, levels)), rng.uniform(0.1, shown, (2, levels))
    sizes = LOT * (whole if rng.random() < 0.5 else odd)
    bid, ask = mid - steps[0], mid + steps[1]
    bid[levels - rng.integers(0, 2) :] = ask[levels - rng.integers(0, 2) :] = NAN
    return Book(bid, sizes[0], ask, sizes[1])


def made_terms(rng):
    return {
        "fee": rng.choice([0.0, 1e-4, 2e-3]),
        "fixed_fee": rng.choice([0.0, 0.02, 0.2]),
        "crossing": rng.choice([1.0, 0.6, 1.7]),
    }


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("limit", [None, 100.0])
def test_the_cost_is_what_the_paper_venue_charges(seed, limit):
    rng = np.random.default_rng(seed)
    terms, book, units = made_terms(rng), made_book(rng), rng.choice([-1.0, 1.0]) * rng.uniform(0.1, 2.0)
    order, venue = Order("a", "XY", units, limit=limit), Venue(**terms)
    expected = all_in_cost(units, offered(order, book, Charges(**terms), {}), limit)
    venue.apply(Accepted(1, "a", order))
    [told] = venue.advance(2, {"XY": book})
    report = told.report
    rest = abs(units - report.filled) if limit is not None else 0.0
    rest = rest if rest > 1e-9 else 0.0
    money = report.filled * report.price + report.fee
    if rest:
        money += math.copysign(rest, units) * limit + terms["fee"] * rest * book.mid
        money += 0.0 if report.filled else terms["fixed_fee"]
    assert expected.filled == pytest.approx(abs(report.filled) + rest, abs=1e-12)
    assert expected.money == pytest.approx(money, abs=1e-9)
    assert report.standing is Standing.FILLED or rest or limit is None


def test_what_the_desk_has_taken_is_not_offered_again():
    venue, book = Venue(), Book([99.0], [1.0], [101.0, 102.0], [1.0, 1.0])
    venue.apply(Accepted(1, "a", Order("a", "XY", 0.75)))
    list(venue.advance(2, {"XY": book}))
    again = book._replace(ask_size=[0.5, 1.0])
    for units, shown, left in ((1.0, book, [0.25, 1.0]), (-1.0, book, [1.0]), (1.0, again, [0.5, 1.0])):
        order = Order("b", "XY", units)
        assert offered(order, shown, Charges(), venue.taken_by(order)).sizes == left


@pytest.mark.parametrize("seed", range(150))
def test_no_way_of_sharing_in_lots_fills_more_or_is_cheaper(seed):
    rng = np.random.default_rng(seed)
    lots, side = int(rng.integers(1, 24)), rng.choice([-1.0, 1.0])
    units = side * lots * LOT
    order = Order("a", "XY", units)
    one, two = (offered(order, made_book(rng), Charges(**made_terms(rng)), {}) for _ in range(2))
    ways = [(side * k * LOT, side * (lots - k) * LOT) for k in range(lots + 1)]
    found = shared(units, one, two, LOT)
    assert found[0] + found[1] == pytest.approx(units, abs=1e-12)
    assert found[0] / LOT == pytest.approx(round(found[0] / LOT), abs=1e-9)
    short, money = min(outcome(way, one, two) for way in ways)
    assert outcome(found, one, two)[0] == pytest.approx(short, abs=1e-9)
    assert outcome(found, one, two)[1] == pytest.approx(money, abs=1e-9)


@given(
    step=st.builds(Decimal, st.integers(1, 999)).flatmap(
        lambda digits: st.integers(0, 8).map(lambda places: digits.scaleb(-places))
    ),
    lots=st.integers(1, 5000),
    near=st.integers(1, 5000),
    side=st.sampled_from([-1.0, 1.0]),
)
def test_both_parts_of_an_order_in_lots_are_the_numbers_nearest_to_lots(step, lots, near, side):
    lot = float(step)
    one = Offer([100.0, 104.0], [near * lot * 1.3, 1e9], mid=99.0)
    found = shared(side * float(lots * step), one, Offer([101.0], [1e9], mid=100.0), lot)
    for part in found:
        assert part == float(round(part / lot) * step)
    assert sum(round(part / lot) for part in found) == side * lots


@pytest.mark.parametrize("seed", range(20))
def test_without_lots_no_finer_way_is_cheaper(seed):
    rng = np.random.default_rng(seed)
    units = rng.choice([-1.0, 1.0]) * rng.uniform(0.1, 3.0)
    order = Order("a", "XY", units)
    one, two = (offered(order, made_book(rng), Charges(**made_terms(rng)), {}) for _ in range(2))
    short, money = outcome(shared(units, one, two), one, two)
    for part in np.linspace(0.0, units, 101):
        other = outcome((part, units - part), one, two)
        assert short <= other[0] + 1e-9
        assert money <= other[1] + 1e-9 or other[0] > short + 1e-9


def outcome(way, one, two):
    """Return units that stay unfilled, and the money: the level at a time, with nothing of what is tested."""
    filled, money = 0.0, 0.0
    for units, offer in zip(way, (one, two), strict=True):
        left, side, own = abs(units), math.copysign(1.0, units), 0.0
        for price, size in zip(offer.prices, offer.sizes, strict=True):
            if math.isnan(price):
                break
            take = min(left, size)
            paid = offer.mid + offer.crossing * (price - offer.mid)
            own, left = own + take, left - take
            money += take * (side * paid + offer.fee * offer.mid)
        filled, money = filled + own, money + (offer.fixed_fee if own > 1e-12 else 0.0)
    return round(abs(sum(way)) - filled, 9), money


def test_a_tie_goes_to_the_first_and_a_fixed_fee_keeps_an_order_whole():
    one = Offer([100.0], [5.0], mid=99.5)
    assert shared(-2.0, one, one) == (-2.0, 0.0)
    thin = Offer([100.0, 100.1], [1.0, 9.0], mid=99.5)
    assert shared(2.0, thin, thin) == (1.0, 1.0)
    assert shared(2.0, thin._replace(fixed_fee=1.0), thin._replace(fixed_fee=1.0)) == (2.0, 0.0)
