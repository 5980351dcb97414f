import numpy as np
import pytest

from pipeline.simulate import gbm, markov_switching

VOLATILITY = np.array([0.12, 0.35])
MOVES = np.array([[0.98, 0.02], [0.05, 0.95]])


def simulated(paths=20_000, steps=60, seed=7):
    rng = np.random.default_rng(seed)
    return markov_switching.simulate(100.0, VOLATILITY, MOVES, dt=1 / 252, steps=steps, paths=paths, rng=rng)


def test_the_regime_of_a_column_drives_the_step_after_it():
    prices, regimes = simulated()
    returns = np.diff(np.log(prices), axis=1)
    for regime, volatility in enumerate(VOLATILITY):
        inside = returns[regimes == regime]
        variance = volatility**2 / 252
        assert inside.var() == pytest.approx(variance, rel=4 * np.sqrt(2 / inside.size))
        assert inside.mean() == pytest.approx(-0.5 * variance, abs=4 * np.sqrt(variance / inside.size))


def test_the_price_is_a_martingale():
    last = simulated()[0][:, -1]
    assert last.mean() == pytest.approx(100.0, abs=4 * last.std() / np.sqrt(len(last)))


def test_total_variance_is_the_stationary_one():
    logs = np.log(simulated()[0])
    square = (np.diff(logs, axis=1) ** 2).sum(axis=1)
    expected = 60 / 252 * (np.array([5 / 7, 2 / 7]) @ VOLATILITY**2)
    assert square.mean() == pytest.approx(expected, abs=4 * square.std() / np.sqrt(len(square)))


def test_equal_volatilities_are_geometric_brownian_motion():
    prices, _ = markov_switching.simulate(
        100.0, np.array([0.2, 0.2]), MOVES, dt=1 / 252, steps=20, paths=50_000, rng=np.random.default_rng(1)
    )
    plain = gbm.simulate(100.0, 0.2, dt=1 / 252, steps=20, paths=50_000, rng=np.random.default_rng(2))
    quantiles = np.linspace(0.02, 0.98, 25)
    np.testing.assert_allclose(
        np.quantile(prices[:, -1], quantiles), np.quantile(plain[:, -1], quantiles), rtol=5e-3
    )


def test_the_seed_decides():
    for first, second in zip(simulated(paths=4), simulated(paths=4), strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_known_start():
    rng = np.random.default_rng(0)
    _, regimes = markov_switching.simulate(
        100.0, VOLATILITY, MOVES, dt=1 / 252, steps=1, paths=50, rng=rng, start=np.array([0.0, 1.0])
    )
    assert (regimes == 1).all()


def test_sizes_must_agree():
    with pytest.raises(ValueError, match="3 volatilities"):
        markov_switching.simulate(
            100.0, np.ones(3), MOVES, dt=1.0, steps=1, paths=1, rng=np.random.default_rng(0)
        )
