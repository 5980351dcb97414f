"""Implied volatility: the round trip, the bounds, QuantLib, and a vendor's own column."""

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import given
from hypothesis import strategies as st

from pipeline.pricing import black
from pipeline.pricing.implied_vol import implied_vol


@given(
    forward=st.floats(50.0, 200.0),
    time=st.floats(1e-3, 5.0),
    vol=st.floats(0.03, 2.0),
    rate=st.floats(-0.05, 0.15),
)
def test_the_volatility_that_made_a_price_comes_back(forward, time, vol, rate):
    for sign, right in ((1.0, "call"), (-1.0, "put")):
        price = black.price(right, forward, 100.0, time, vol, rate)
        found = implied_vol(sign, price, forward, 100.0, time, rate)
        digits = np.spacing(max(price, forward)) / max(black.vega(forward, 100.0, time, vol, rate), 1e-300)
        if digits < 1e-6:
            assert found == pytest.approx(vol, abs=1e-10 + 20 * float(digits))


@given(price=st.floats(-10.0, 300.0), forward=st.floats(50.0, 200.0))
def test_outside_the_bounds_there_is_none_and_inside_there_is_one(price, forward):
    for sign, most in ((1.0, forward), (-1.0, 100.0)):
        least = max(sign * (forward - 100.0), 0.0)
        found = implied_vol(sign, price, forward, 100.0, 0.5)
        if price <= least or price >= most:
            assert np.isnan(found)
        elif least + 1e-6 < price < most - 1e-6:
            right = "call" if sign > 0 else "put"
            assert black.price(right, forward, 100.0, 0.5, found) == pytest.approx(price, rel=1e-9, abs=1e-9)


@given(forward=st.floats(80.0, 125.0), vol=st.floats(0.08, 0.8), time=st.floats(0.02, 2.0))
def test_quantlib_agrees(forward, vol, time):
    price = float(black.price("put", forward, 100.0, time, vol))
    if min(price, price - (100.0 - forward)) < 1e-6:
        return
    oracle = ql.blackFormulaImpliedStdDev(
        ql.Option.Put, 100.0, forward, price, 1.0, 0.0, vol * time**0.5, 1e-13, 1000
    )
    assert implied_vol(-1.0, price, forward, 100.0, time) == pytest.approx(oracle / time**0.5, rel=1e-6)


def test_nan_and_expired_options_have_none():
    found = implied_vol(
        1.0, [np.nan, 2.0, 2.0, np.inf], [100.0, np.nan, 100.0, 100.0], 100.0, [0.1, 0.1, 0.0, 0.1]
    )
    assert np.isnan(found).all()


def test_far_from_the_money_a_tiny_price_still_has_one():
    price = black.price("call", 100.0, 180.0, 0.1, 0.3)
    assert price < 1e-8
    assert implied_vol(1.0, price, 100.0, 180.0, 0.1) == pytest.approx(0.3, rel=1e-6)
