"""What accounts can give bounds what venues are sent, and nothing else changes how an order is divided."""

import math

import numpy as np
import pytest

from pipeline.domain.orders import Order
from pipeline.execution.all_in import shared
from pipeline.live.offers import Charges, Purse, Venued, divided, offered
from tests.execution.test_all_in import LOT, made_book, made_terms


def made(seed, limit=None):
    rng = np.random.default_rng(seed)
    units = rng.choice([-1.0, 1.0]) * rng.integers(1, 24) * LOT
    order = Order("a", "XY", units, limit)
    offers = [offered(order, made_book(rng), Charges(**made_terms(rng)), {}) for _ in range(2)]
    return rng, order, dict(zip(("own", "other"), offers, strict=True))


def paid(order, offer, units):
    """Return the most money that units may cost: each at the last price shown, or at the limit."""
    worst = order.limit or max(price for price in offer.prices if not math.isnan(price))
    return units * worst * (1.0 + offer.fee) + offer.fixed_fee


@pytest.mark.parametrize("limit", [None, 100.0])
@pytest.mark.parametrize("seed", range(60))
def test_no_venue_is_sent_more_than_its_account_can_give(seed, limit):
    rng, order, offers = made(seed, limit)
    purses = {name: Purse(rng.uniform(-0.2, 3.0), rng.uniform(-20.0, 300.0)) for name in offers}
    bound = {name: Venued(offer, purses[name]) for name, offer in offers.items()}
    parts = divided(order, bound, LOT)
    assert sum(map(abs, parts.values())) <= abs(order.quantity) + 1e-9
    assert len(parts) <= (2 if limit is None else 1)
    for name, units in parts.items():
        assert units * order.quantity > 0.0
        assert units / LOT == pytest.approx(round(units / LOT), abs=1e-9)
        if units < 0.0:
            assert -units <= purses[name].units + 1e-9
        else:
            assert paid(order, offers[name], units) <= purses[name].money + 1e-9
    if order.quantity < 0.0 and max(purse.units for purse in purses.values()) >= LOT:
        assert parts


@pytest.mark.parametrize("limit", [None, 100.0])
@pytest.mark.parametrize("seed", range(20))
def test_an_account_that_has_enough_is_as_one_that_may_go_short(seed, limit):
    _, order, offers = made(seed, limit)
    rich = {name: Venued(offer, Purse(1e6, 1e9)) for name, offer in offers.items()}
    free = {name: Venued(offer) for name, offer in offers.items()}
    assert divided(order, rich, LOT) == divided(order, free, LOT)
    if limit is None:
        parts = dict(zip(offers, shared(order.quantity, *offers.values(), LOT), strict=True))
        assert divided(order, free, LOT) == {name: units for name, units in parts.items() if units}


@pytest.mark.parametrize("seed", range(20))
def test_what_one_account_lacks_is_taken_at_the_other(seed):
    rng, order, offers = made(seed)
    if order.quantity > 0.0:
        order = order.changed(quantity=-order.quantity)
    has = LOT * rng.integers(0, 4)
    parts = divided(
        order, {"own": Venued(offers["own"], Purse(has, 0.0)), "other": Venued(offers["other"])}, LOT
    )
    assert -parts.get("own", 0.0) <= has
    short = abs(order.quantity) - sum(map(abs, parts.values()))
    assert short == pytest.approx(0.0, abs=1e-9)
