"""Quotes in another unit than their underlying, on chains by Black's formula."""

import numpy as np
import pytest

from pipeline.ingest.chain_unit import in_another_unit
from pipeline.pricing import black

SPOT, RATE = 2800.0, 0.03


def chains(years=(0.02, 0.25, 2.5), vol=0.15):
    """Calls and puts of several expiries, a half-spread of 1 % and at least a nickel."""
    strike = np.arange(1400.0, 4201.0, 50.0)
    columns = []
    for number, time in enumerate(years):
        for side, right in ((1, "call"), (-1, "put")):
            discount = np.exp(-RATE * time)
            price = discount * black.price(right, SPOT / discount, strike, time, vol)
            half = np.maximum(0.05, 0.01 * price)
            bid = np.where(price > half, price - half, 0.0)
            count = len(strike)
            columns.append(
                [
                    np.full(count, number),
                    np.full(count, side),
                    strike,
                    bid,
                    price + half,
                    np.full(count, SPOT),
                ]
            )
    return [np.concatenate(each) for each in zip(*columns, strict=True)]


def test_a_sound_chain_has_nothing_wrong_however_long_or_volatile():
    for vol in (0.05, 0.15, 0.8):
        assert not in_another_unit(*chains(vol=vol)).any()


@pytest.mark.parametrize("factor", [0.01, 0.1, 10.0, 100.0])
def test_a_chain_in_another_unit_is_wrong_as_a_whole(factor):
    chain, right, strike, bid, ask, spot = chains()
    assert in_another_unit(chain, right, strike, bid * factor, ask * factor, spot).all()


@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_only_the_expiry_in_another_unit_is_wrong(factor):
    chain, right, strike, bid, ask, spot = chains()
    scale = np.where(chain == 1, factor, 1.0)
    wrong = in_another_unit(chain, right, strike, bid * scale, ask * scale, spot)
    np.testing.assert_array_equal(wrong, chain == 1)


@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_an_underlying_in_another_unit_makes_every_chain_wrong(factor):
    chain, right, strike, bid, ask, spot = chains()
    assert in_another_unit(chain, right, strike, bid, ask, spot * factor).all()


def test_a_single_ask_below_exercise_is_wrong_alone():
    chain, right, strike, bid, ask, spot = chains()
    place = int(np.flatnonzero((right == 1) & (strike == 2000.0))[0])
    bid[place], ask[place] = 5.0, 8.0
    assert np.flatnonzero(in_another_unit(chain, right, strike, bid, ask, spot)).tolist() == [place]


def test_a_parity_without_a_discount_is_wrong():
    """Strikes ten times too close: no exercise is deep, but the calls fall ten times too fast with them."""
    chain, right, strike, bid, ask, spot = narrow()
    assert not in_another_unit(chain, right, strike, bid, ask, spot).any()
    assert in_another_unit(chain, right, SPOT + (strike - SPOT) / 10.0, bid, ask, spot).all()


def narrow():
    """One expiry near the money."""
    strike = np.arange(2700.0, 2901.0, 5.0)
    prices = [black.price(right, SPOT, strike, 0.1, 0.15) for right in ("call", "put")]
    price, count = np.concatenate(prices), 2 * len(strike)
    right = np.repeat([1, -1], len(strike))
    return (
        np.zeros(count, np.int64),
        right,
        np.tile(strike, 2),
        price - 0.2,
        price + 0.2,
        np.full(count, SPOT),
    )


def test_what_is_missing_is_not_judged():
    chain, right, strike, bid, _, spot = chains()
    nothing = np.full(len(chain), np.nan)
    assert not in_another_unit(chain, right, strike, 0.0 * bid, nothing, spot).any()
    assert not in_another_unit(*(each[:0] for each in chains())).any()
