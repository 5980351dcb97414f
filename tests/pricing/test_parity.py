import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.pricing import black
from pipeline.pricing.parity import parity_forward

STRIKE = np.arange(80.0, 121.0, 5.0)


def chain(forward, rate, time, half_spread=0.0, noise=None):
    call, put = (black.price(right, forward, STRIKE, time, 0.2, rate) for right in ("call", "put"))
    off = np.zeros((2, len(STRIKE))) if noise is None else noise
    return (
        STRIKE,
        call + off[0] - half_spread,
        call + off[0] + half_spread,
        put + off[1] - half_spread,
        put + off[1] + half_spread,
    )


@given(forward=st.floats(90.0, 110.0), rate=st.floats(-0.02, 0.1), time=st.floats(0.3, 2.0))
def test_parity_without_noise_is_exact(forward, rate, time):
    found = parity_forward(*chain(forward, rate, time))
    assert found.forward == pytest.approx(forward, rel=1e-9)
    assert found.discount == pytest.approx(np.exp(-rate * time), rel=1e-9)
    assert found.violated == 0.0


def test_the_standard_error_is_what_the_estimate_scatters_by():
    rng = np.random.default_rng(3)
    runs = [
        parity_forward(*chain(101.0, 0.02, 0.5, 0.1, 0.05 * rng.standard_normal((2, len(STRIKE)))))
        for _ in range(2000)
    ]
    off = np.array([run.forward for run in runs]) - 101.0
    assert abs(off.mean()) < 4 * off.std() / np.sqrt(len(off))
    assert np.mean([run.error for run in runs]) == pytest.approx(off.std(), rel=0.2)


def test_a_wide_quote_weighs_little():
    strike, cb, ca, pb, pa = chain(100.0, 0.0, 0.5, 0.05)
    cb, ca = cb.copy(), ca.copy()
    cb[0], ca[0] = cb[0] - 1.0, ca[0] + 5.0  # its mid is two off
    found = parity_forward(strike, cb, ca, pb, pa)
    assert found.forward == pytest.approx(100.0, abs=0.01)


def test_strikes_without_a_bid_are_left_out_and_one_strike_needs_a_discount():
    strike, cb, ca, pb, pa = chain(100.0, 0.0, 0.5, 0.01)
    pb = np.where(strike < 120.0, 0.0, pb)
    alone = parity_forward(strike, cb, ca, pb, pa)
    assert alone.pairs == 1
    assert np.isnan(alone.forward)
    assert parity_forward(strike, cb, ca, pb, pa, discount=1.0).forward == pytest.approx(100.0)
    assert np.isnan(parity_forward(strike, cb, ca, pb * 0.0, pa, discount=1.0).forward)


def test_a_pair_that_can_be_arbitraged_is_counted():
    strike, cb, ca, pb, pa = chain(100.0, 0.0, 0.5, 0.01)
    cb, ca = cb.copy(), ca.copy()
    cb[4] += 0.5
    ca[4] += 0.5
    assert parity_forward(strike, cb, ca, pb, pa).violated > 0.0
