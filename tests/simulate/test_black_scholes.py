import numpy as np
import pytest

from pipeline.domain.errors import SettingsError
from pipeline.pricing import black
from pipeline.simulate.black_scholes import BlackScholes
from pipeline.simulate.noise import draws


def test_the_kernel_is_its_plain_twin():
    market = BlackScholes(volatility=0.25, drift=0.07)
    shocks = draws(7, first=0, steps=8)[:, 0, 0].T
    steps = (0.07 - 0.5 * 0.25**2) / 52 + 0.25 / np.sqrt(52) * shocks
    plain = 100.0 * np.exp(np.cumsum(steps, axis=1))
    found = market.simulate(paths=256, steps=8, dt=1 / 52, seed=7)
    np.testing.assert_allclose(found.spot[:, 1:], plain, rtol=1e-13)
    assert (found.variance == 0.25**2).all()


def test_log_returns_have_the_moments_of_the_model():
    found = BlackScholes(volatility=0.25).simulate(paths=40_000, steps=8, dt=1 / 52, seed=7)
    returns = np.diff(np.log(found.spot), axis=1).ravel()
    mean, variance = -0.5 * 0.25**2 / 52, 0.25**2 / 52
    assert returns.mean() == pytest.approx(mean, abs=3 * np.sqrt(variance / returns.size))
    assert returns.var() == pytest.approx(variance, rel=3 * np.sqrt(2 / returns.size))


def test_a_call_is_worth_its_formula():
    found = BlackScholes(volatility=0.2).simulate(paths=100_000, steps=5, dt=0.05, seed=7).spot[:, -1]
    paid = np.maximum(found - 105.0, 0.0)
    exact = float(black.price("call", 100.0, 105.0, 0.25, 0.2))
    assert abs(paid.mean() - exact) < 3 * paid.std() / np.sqrt(len(paid))


def test_without_volatility_the_price_is_certain():
    found = BlackScholes(volatility=0.0, drift=0.1).simulate(paths=1, steps=2, dt=0.5, seed=0)
    np.testing.assert_allclose(found.spot[0], 100 * np.exp([0.0, 0.05, 0.1]), rtol=1e-14)


def test_a_negative_volatility_is_refused():
    with pytest.raises(SettingsError, match=r"black_scholes: volatility -0\.1"):
        BlackScholes(volatility=-0.1)
