import numpy as np
import pytest

from pipeline.ingest.price_unit import PriceUnit


def test_a_later_batch_in_another_unit_is_strange_from_its_first_row():
    unit = PriceUnit()
    assert not unit.strange(np.array([13.0, 14.0])).any()
    assert unit.strange(np.array([1300.0, 1400.0])).all()
    assert not unit.strange(np.array([13.5])).any()


def test_what_is_usual_follows_the_market():
    unit = PriceUnit()
    for price in np.geomspace(1.0, 1000.0, 20):
        assert not unit.strange(np.full(20, price)).any()


@pytest.mark.parametrize("factor", [10.0, 0.1, 5.0, 0.2])
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_a_lost_decimal_point_is_strange_at_any_noise(factor, noise):
    price = 100.0 * np.exp(np.random.default_rng(0).normal(0.0, noise, 1000))
    slipped = np.arange(1000) % 50 == 0
    found = PriceUnit().strange(np.where(slipped, factor * price, price))
    np.testing.assert_array_equal(found, slipped)


@pytest.mark.parametrize("factor", [2.0, 0.5, 3.5])
def test_a_wild_print_is_not_another_unit(factor):
    price = np.r_[np.full(50, 100.0), factor * 100.0]
    assert not PriceUnit().strange(price).any()


def test_a_market_that_jumps_is_followed_after_some_ten_prices():
    found = PriceUnit().strange(np.r_[np.full(100, 10.0), np.full(100, 60.0)])
    assert found[100:110].all()
    assert found.sum() < 15


@pytest.mark.parametrize("later", [0.2, 5.0, 100.0])
@pytest.mark.parametrize("cut", [40, 250])
def test_what_comes_later_decides_on_nothing_and_batches_do_not_either(later, cut):
    price = 20.0 * np.exp(np.random.default_rng(2).normal(0.0, 0.2, 300))
    price[[30, 200]] *= 100.0
    changed = price.copy()
    changed[cut:] *= later
    whole, unit = PriceUnit().strange(price), PriceUnit()
    np.testing.assert_array_equal(PriceUnit().strange(changed)[:cut], whole[:cut])
    parts = [unit.strange(price[:cut]), unit.strange(price[cut:])]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert np.flatnonzero(whole).tolist() == [30, 200]


def test_a_few_prices_are_held_against_those_before_them():
    unit = PriceUnit()
    unit.strange(np.full(100, 10.0))
    assert unit.strange(np.array([99.0])).all()
    assert not unit.strange(np.array([11.0, 10.0])).any()


def test_waiting_orders_may_lie_further_out_than_trades():
    price, side = np.array([100.0, 100.0, 100.0, 100.0, 500.0, 500.0]), np.array([1, -1, 0, 0, 1, 0])
    assert PriceUnit().strange(price, side).tolist() == [False] * 5 + [True]


def test_no_price_is_not_strange():
    assert not PriceUnit().strange(np.array([np.nan, 0.0, -1.0])).any()
