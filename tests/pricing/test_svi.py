import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.domain.errors import FitError
from pipeline.pricing import black
from pipeline.pricing.svi import SviSlice, calendar_gap, fit_svi

K = np.linspace(-0.4, 0.3, 25)
VOGT = SviSlice(-0.0410, 0.1331, 0.3060, 0.3586, 0.4153)


def test_the_published_slice_with_arbitrage_has_a_negative_density():
    """Axel Vogt's example, Gatheral and Jacquier (2014), section 2.2."""
    k = np.linspace(-1.5, 1.5, 301)
    assert VOGT.total_variance(k).min() > 0.0
    assert VOGT.density(k).min() < -0.01
    assert 0.5 < k[VOGT.density(k).argmin()] < 1.2


def test_fitting_it_returns_a_slice_without():
    k = np.linspace(-1.5, 1.5, 61)
    found = fit_svi(k, VOGT.total_variance(k))
    assert found.density(np.linspace(-2.0, 2.0, 401)).min() > -1e-5
    off = found.total_variance(k) - VOGT.total_variance(k)
    assert np.sqrt(np.mean(off**2)) < 0.06 * VOGT.total_variance(k).mean()


@example(b=0.109375, rho=0.28125, m=0.08203125, sigma=0.1875, least=0.005)
@given(
    b=st.floats(0.02, 0.2),
    rho=st.floats(-0.8, 0.3),
    m=st.floats(-0.1, 0.1),
    sigma=st.floats(0.08, 0.3),
    least=st.floats(0.005, 0.04),
)
def test_a_slice_without_arbitrage_is_found_again(b, rho, m, sigma, least):
    true = SviSlice(least - b * sigma * np.sqrt(1 - rho**2), b, rho, m, sigma)
    if true.density(np.linspace(-0.75, 0.65, 200)).min() < 0.01:
        return
    found = fit_svi(K, true.total_variance(K))
    np.testing.assert_allclose(found.total_variance(K), true.total_variance(K), rtol=2e-3)


def test_the_density_is_the_second_derivative_of_the_call():
    time, true = 0.5, SviSlice(0.01, 0.1, -0.4, 0.02, 0.15)
    k = np.linspace(-0.3, 0.3, 13)
    strike, step = np.exp(k), 1e-4

    def call(at):
        return black.price("call", 1.0, at, time, true.vol(np.log(at), time))

    second = (call(strike + step) - 2 * call(strike) + call(strike - step)) / step**2
    w = true.total_variance(k)
    d2 = -k / np.sqrt(w) - 0.5 * np.sqrt(w)
    bell = np.exp(-0.5 * d2 * d2) / np.sqrt(2 * np.pi * w)
    np.testing.assert_allclose(true.density(k) * bell / strike, second, rtol=1e-4)


def test_a_longer_slice_above_a_shorter_one_cannot_be_arbitraged():
    short, long = SviSlice(0.01, 0.1, -0.4, 0.0, 0.1), SviSlice(0.02, 0.1, -0.4, 0.0, 0.1)
    assert calendar_gap(short, long, K).min() == pytest.approx(0.01)
    assert calendar_gap(long, short, K).max() < 0.0


def test_too_few_strikes_are_refused():
    with pytest.raises(FitError, match="a smile of 1 strikes"):
        fit_svi(np.zeros(9), np.full(9, 0.04))
