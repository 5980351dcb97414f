import numpy as np
import pytest

from pipeline.simulate import gbm


def simulated(paths=40_000, steps=8, seed=7, drift=0.0):
    rng = np.random.default_rng(seed)
    return gbm.simulate(100.0, 0.25, dt=1 / 52, steps=steps, paths=paths, rng=rng, drift=drift)


def test_log_returns_have_the_moments_of_the_model():
    returns = np.diff(np.log(simulated()), axis=1).ravel()
    mean, variance = -0.5 * 0.25**2 / 52, 0.25**2 / 52
    assert returns.mean() == pytest.approx(mean, abs=4 * np.sqrt(variance / returns.size))
    assert returns.var() == pytest.approx(variance, rel=4 * np.sqrt(2 / returns.size))


@pytest.mark.parametrize("drift", [0.0, 0.3])
def test_expected_price_grows_with_the_drift(drift):
    last = simulated(drift=drift)[:, -1]
    error = last.std() / np.sqrt(len(last))
    assert last.mean() == pytest.approx(100 * np.exp(drift * 8 / 52), abs=4 * error)


def test_steps_are_independent():
    returns = np.diff(np.log(simulated()), axis=1)
    correlation = np.corrcoef(returns[:, :-1].ravel(), returns[:, 1:].ravel())[0, 1]
    assert correlation == pytest.approx(0.0, abs=4 / np.sqrt(returns[:, 1:].size))


def test_the_seed_decides():
    np.testing.assert_array_equal(simulated(paths=5), simulated(paths=5))
    assert not np.array_equal(simulated(paths=5), simulated(paths=5, seed=8))


def test_without_volatility_the_price_is_certain():
    rng = np.random.default_rng(0)
    prices = gbm.simulate(100.0, 0.0, dt=0.5, steps=2, paths=1, rng=rng, drift=0.1)
    np.testing.assert_allclose(prices[0], 100 * np.exp([0.0, 0.05, 0.1]), rtol=1e-14)
