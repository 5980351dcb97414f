"""Black's formula against parity, limits, finite differences and QuantLib."""

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.instruments import Liability
from pipeline.pricing import black, book

forwards = st.floats(20.0, 400.0)
times = st.floats(1e-3, 5.0)
vols = st.floats(0.02, 1.5)
rates = st.floats(-0.05, 0.15)


@given(forward=forwards, time=times, vol=vols, rate=rates)
def test_put_call_parity(forward, time, vol, rate):
    call, put = (black.price(right, forward, 100.0, time, vol, rate) for right in ("call", "put"))
    assert call - put == pytest.approx(np.exp(-rate * time) * (forward - 100.0), abs=1e-9)


@given(forward=forwards, time=times, vol=vols, rate=rates)
def test_price_within_arbitrage_bounds_and_increasing_in_volatility(forward, time, vol, rate):
    price = black.price("call", forward, 100.0, time, vol, rate)
    discount = np.exp(-rate * time)
    assert discount * max(forward - 100.0, 0.0) - 1e-9 <= price <= discount * forward + 1e-9
    assert black.price("call", forward, 100.0, time, vol * 1.01, rate) >= price - 1e-12


@given(forward=st.floats(60.0, 160.0), time=st.floats(0.02, 2.0), vol=st.floats(0.08, 0.9), rate=rates)
def test_quantlib_agrees(forward, time, vol, rate):
    discount = float(np.exp(-rate * time))
    for right, kind in (("call", ql.Option.Call), ("put", ql.Option.Put)):
        oracle = ql.BlackCalculator(
            ql.PlainVanillaPayoff(kind, 100.0), forward, vol * np.sqrt(time), discount
        )
        terms = (forward, 100.0, time, vol, rate)
        assert black.price(right, *terms) == pytest.approx(oracle.value(), rel=1e-9, abs=1e-10)
        assert black.delta(right, *terms) == pytest.approx(oracle.deltaForward(), rel=1e-9, abs=1e-12)
        assert black.gamma(*terms) == pytest.approx(oracle.gammaForward(), rel=1e-9, abs=1e-14)
        assert black.vega(*terms) == pytest.approx(oracle.vega(time), rel=1e-9, abs=1e-10)
        # QuantLib's theta is per year at the same spot: with the forward fixed the spot drifts with the rate.
        spot = forward * discount
        decay = oracle.theta(spot, time) + rate * spot * oracle.delta(spot)
        assert black.theta(right, *terms) == pytest.approx(decay, rel=1e-7, abs=1e-8)


def test_greeks_are_the_derivatives_of_the_price():
    forward, time, vol, rate, step = np.linspace(80.0, 120.0, 9), 0.25, 0.3, 0.02, 1e-3
    prices = [black.price("put", forward + move, 100.0, time, vol, rate) for move in (-step, 0.0, step)]
    central = (prices[2] - prices[0]) / (2 * step)
    second = (prices[2] - 2 * prices[1] + prices[0]) / step**2
    by_vol = black.price("put", forward, 100.0, time, vol + 1e-5, rate)
    by_vol = (by_vol - black.price("put", forward, 100.0, time, vol - 1e-5, rate)) / 2e-5
    np.testing.assert_allclose(black.delta("put", forward, 100.0, time, vol, rate), central, rtol=1e-7)
    np.testing.assert_allclose(black.gamma(forward, 100.0, time, vol, rate), second, rtol=1e-4)
    np.testing.assert_allclose(black.vega(forward, 100.0, time, vol, rate), by_vol, rtol=1e-7)


def differences(function, argument, step):
    """Central first and second difference of a function of one number."""
    down, here, up = (function(argument + move) for move in (-step, 0.0, step))
    return (up - down) / (2 * step), (up - 2 * here + down) / step**2


@pytest.mark.parametrize("right", ["call", "put"])
def test_theta_vanna_and_volga_are_the_derivatives_of_the_price(right):
    forward, time, vol, rate = np.linspace(80.0, 120.0, 9), 0.25, 0.3, 0.02
    by_time, _ = differences(lambda t: black.price(right, forward, 100.0, t, vol, rate), time, 1e-5)
    np.testing.assert_allclose(black.theta(right, forward, 100.0, time, vol, rate), -by_time, rtol=1e-7)
    by_vol, _ = differences(lambda v: black.delta(right, forward, 100.0, time, v, rate), vol, 1e-5)
    np.testing.assert_allclose(black.vanna(forward, 100.0, time, vol, rate), by_vol, rtol=1e-7)
    _, twice = differences(lambda v: black.price(right, forward, 100.0, time, v, rate), vol, 1e-3)
    np.testing.assert_allclose(black.volga(forward, 100.0, time, vol, rate), twice, rtol=1e-4)


@pytest.mark.parametrize(("time", "vol"), [(0.0, 0.2), (0.5, 0.0)])
def test_without_variance_the_price_is_intrinsic(time, vol):
    forward = np.array([90.0, 100.0, 130.0])
    discount = np.exp(-0.03 * time)
    terms = (forward, 100.0, time, vol, 0.03)
    np.testing.assert_allclose(black.price("call", *terms), discount * np.array([0.0, 0.0, 30.0]), atol=1e-12)
    np.testing.assert_allclose(black.delta("call", *terms), discount * np.array([0.0, 0.5, 1.0]))
    assert not black.gamma(*terms).any()
    assert not black.vega(*terms).any() or time > 0
    assert not black.vanna(*terms).any()
    assert not black.volga(*terms).any()
    np.testing.assert_allclose(black.theta("call", *terms), 0.03 * black.price("call", *terms))


def test_nan_in_nan_out():
    assert np.isnan(black.price("call", np.array([np.nan]), 100.0, 0.1, 0.2)).all()
    assert np.isnan(black.delta("call", 100.0, 100.0, 0.1, np.array([np.nan]))).all()


@pytest.mark.parametrize("kind", ["call", "put", "straddle"])
@pytest.mark.parametrize("side", ["short", "long"])
def test_a_book_is_the_sum_of_its_legs(kind, side):
    terms = (np.array([95.0, 105.0]), 100.0, 0.1, 0.25, 0.01)
    sign = -1.0 if side == "short" else 1.0
    rights = ("call", "put") if kind == "straddle" else (kind,)
    liability = Liability.of(kind, side)
    for of_book, of_leg in ((book.value, black.price), (book.delta, black.delta)):
        expected = sign * sum(of_leg(right, *terms) for right in rights)
        np.testing.assert_allclose(of_book(liability, *terms), expected, rtol=1e-14)
    for name in ("gamma", "vega", "vanna", "volga"):
        expected = sign * len(rights) * getattr(black, name)(*terms)
        np.testing.assert_allclose(getattr(book, name)(liability, *terms), expected)
    decay = sign * sum(black.theta(right, *terms) for right in rights)
    np.testing.assert_allclose(book.theta(liability, *terms), decay)
