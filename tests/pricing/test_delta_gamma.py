"""Fast delta, gamma and cube root against their plain twins, and the same bits in every place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_ndtr

from pipeline.domain.instruments import Leg, Liability
from pipeline.pricing import book
from pipeline.pricing.delta_gamma import BLOCK, cube_root, delta, delta_gamma


def drawn(size, seed=1):
    rng = np.random.default_rng(seed)
    bounds = ((20.0, 400.0), (50.0, 150.0), (1e-4, 2.0), (0.02, 1.5))
    return [rng.uniform(low, high, size) for low, high in bounds]


@pytest.mark.parametrize("rate", [0.0, 0.03, -0.02])
@pytest.mark.parametrize("kind", ["call", "put", "straddle"])
def test_the_same_numbers_as_the_plain_twin(kind, rate):
    inputs = drawn((700, 30))
    liability = Liability.of(kind, "short")
    delta, gamma = delta_gamma(liability, *inputs, rate)
    expected = book.delta(liability, *inputs, rate), book.gamma(liability, *inputs, rate)
    tiny = 1e-290
    np.testing.assert_allclose(delta, expected[0], rtol=1e-12, atol=1e-15 if kind == "straddle" else tiny)
    np.testing.assert_allclose(gamma, expected[1], rtol=1e-12, atol=tiny)


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 4 * BLOCK + 7])
def test_delta_alone_has_the_same_bits_whatever_the_length(size):
    liability, inputs = Liability.of("straddle", "short"), drawn(4 * BLOCK + 7)
    whole = delta_gamma(liability, *inputs, 0.02)[0][:size]
    part = [each[:size] for each in inputs]
    np.testing.assert_array_equal(delta(liability, *part, 0.02), whole)
    np.testing.assert_array_equal(delta_gamma(liability, *part, 0.02)[0], whole)


def test_quantities_of_a_net_book_broadcast():
    forward, strike, time, vol = drawn((4, 3, 10))
    held = np.random.default_rng(2).normal(size=(4, 3, 10))
    book_of_both = Liability((Leg("call", held), Leg("put", -2 * held)))
    delta, gamma = delta_gamma(book_of_both, forward[:1], strike, time, vol, 0.01)
    np.testing.assert_allclose(
        delta, book.delta(book_of_both, forward[:1], strike, time, vol, 0.01), rtol=1e-12
    )
    np.testing.assert_allclose(
        gamma, book.gamma(book_of_both, forward[:1], strike, time, vol, 0.01), rtol=1e-12
    )


def test_certain_outcomes_and_missing_inputs():
    forward = np.array([90.0, 100.0, 110.0, np.nan, 100.0, 100.0])
    time = np.array([0.0, 0.0, 0.0, 1.0, np.nan, 1.0])
    vol = np.array([0.2, 0.2, 0.2, 0.2, 0.2, np.nan])
    call, gamma = delta_gamma(Liability.of("call", "long"), forward, 100.0, time, vol)
    put, _ = delta_gamma(Liability.of("put", "long"), forward, 100.0, time, vol)
    np.testing.assert_allclose(call, [0.0, 0.5, 1.0, np.nan, np.nan, np.nan], atol=1e-15)
    np.testing.assert_allclose(put, [-1.0, -0.5, 0.0, np.nan, np.nan, np.nan], atol=1e-15)
    np.testing.assert_array_equal(gamma, [0.0, 0.0, 0.0, np.nan, np.nan, np.nan])


def test_within_1e_13_of_the_normal_distribution_where_its_own_argument_is_as_exact():
    """At s = 1 and K = 1, d1 = ln F + ½; a rounding of d1 moves the tail by d1² times as much."""
    d1 = np.linspace(-36.0, 36.0, 20011)
    forward = np.exp(d1 - 0.5)
    d1 = np.log(forward) + 0.5
    delta, gamma = delta_gamma(Liability.of("call", "long"), forward, 1.0, 1.0, 1.0)
    bell = np.exp(-0.5 * d1**2) / np.sqrt(2 * np.pi) / forward
    allowed = 1e-13 * (1.0 + 0.01 * d1**2)
    assert (np.abs(delta / np.exp(log_ndtr(d1)) - 1.0) < allowed).all()
    assert (np.abs(gamma / bell - 1.0) < allowed).all()


@pytest.mark.parametrize("time", [1e-12, 1e-6, 1e-3, 40.0])
@pytest.mark.parametrize("vol", [1e-6, 0.2, 10.0])
@pytest.mark.parametrize("level", [1e-5, 1.0, 1e5])
def test_extreme_times_volatilities_and_prices(time, vol, level):
    moneyness = np.concatenate(([0.0], np.linspace(-8.0, 8.0, 301)))
    strike = level * np.exp(-moneyness * vol * np.sqrt(time))
    for liability in (Liability.of("call", "long"), Liability.of("put", "long")):
        delta, gamma = delta_gamma(liability, level, strike, time, vol)
        near = 4e-16 * (1.0 + 1.0 / (vol * np.sqrt(time))) * 10.0  # of d1, from the rounding of F/K
        tolerance = {"rtol": 1e-12 + 10 * near, "atol": 1e-290}
        np.testing.assert_allclose(delta, book.delta(liability, level, strike, time, vol), **tolerance)
        np.testing.assert_allclose(gamma, book.gamma(liability, level, strike, time, vol), **tolerance)


@given(st.integers(1, 900), st.integers(0, 899), st.integers(0, 2**32 - 1))
def test_a_number_has_the_same_bits_alone_and_anywhere(size, place, seed):
    inputs = drawn(size, seed)
    place %= size
    liability = Liability.of("straddle", "short")
    together = delta_gamma(liability, *inputs, 0.02)
    alone = delta_gamma(liability, *(each[place : place + 1] for each in inputs), 0.02)
    for one, all_of_them in zip(alone, together, strict=True):
        assert one[0] == all_of_them[place]
    assert cube_root(inputs[0])[place] == cube_root(inputs[0][place : place + 1])[0]


def test_one_number_throughout_gives_the_bits_of_an_array_of_it():
    forward, _, time, _ = drawn((40, 30))
    liability = Liability.of("call", "short")
    broadcast = delta_gamma(liability, forward, 100.0, time[:1], 0.2, 0.01)
    whole = delta_gamma(
        liability, forward, np.full((40, 30), 100.0), np.tile(time[:1], (40, 1)), np.full((40, 30), 0.2), 0.01
    )
    for one, other in zip(broadcast, whole, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_cube_root():
    values = 10.0 ** np.random.default_rng(3).uniform(-30, 30, 5000)
    np.testing.assert_allclose(cube_root(values), np.cbrt(values), rtol=1e-15)
    values = 10.0 ** np.random.default_rng(4).uniform(-299, 300, 5000)
    np.testing.assert_allclose(cube_root(values), np.cbrt(values), rtol=1e-15)
    np.testing.assert_array_equal(cube_root(np.array([0.0, np.nan, 1e-310])), [0.0, np.nan, 0.0])
