import numpy as np
import pytest
from arch.unitroot import VarianceRatio

from pipeline.features.trend import return_volume_correlation, trend, variance_ratio

HOLDING = 5


def test_steady_rise_and_fall_reach_the_bounds_of_trend():
    rise = np.exp(0.01 * np.arange(30.0))
    np.testing.assert_allclose(trend(rise, window=22)[22:], np.sqrt(22.0), rtol=1e-10)
    np.testing.assert_allclose(trend(1.0 / rise, window=22)[22:], -np.sqrt(22.0), rtol=1e-10)


def test_a_flat_price_has_neither_trend_nor_variance_ratio():
    flat = np.full(80, 100.0)
    assert np.isnan(trend(flat, window=22)).all()
    assert np.isnan(variance_ratio(flat, window=66)).all()


def test_trend_of_a_random_walk_has_unit_variance_and_no_mean(simulation):
    close = np.exp(np.cumsum(np.random.default_rng(21).normal(0.0, 0.01, 22 * 5000 + 1)))
    values = simulation.independent(trend(close, window=22), 22)
    assert abs(simulation.standard_score(values, 0.0)) < 3.0
    assert abs(simulation.standard_score(values**2, 1.0)) < 3.0


def test_variance_ratio_equals_arch_on_real_windows(sample_bars):
    close = sample_bars["close"].to_numpy()
    ours = variance_ratio(close, window=66)
    for end in range(66, len(close), 331):
        theirs = VarianceRatio(np.log(close[end - 66 : end + 1]), lags=HOLDING, trend="c", debiased=True).vr
        assert ours[end] == pytest.approx(theirs, rel=1e-9)


def autoregressive_close(persistence, count, seed):
    shocks = np.random.default_rng(seed).normal(0.0, 0.01, count)
    returns = np.zeros(count)
    for t in range(1, count):
        returns[t] = persistence * returns[t - 1] + shocks[t]
    return np.exp(np.cumsum(returns))


@pytest.mark.parametrize("persistence", [-0.3, 0.0, 0.3])
def test_variance_ratio_of_autoregressive_returns_is_the_theoretical_one(persistence):
    count = 40_000
    lags = np.arange(1, HOLDING)
    expected = 1.0 + 2.0 * np.sum((1.0 - lags / HOLDING) * persistence**lags)
    standard_error = np.sqrt(2.0 * (2 * HOLDING - 1) * (HOLDING - 1) / (3.0 * HOLDING * count))
    found = variance_ratio(autoregressive_close(persistence, count + 1, seed=22), window=count)[-1]
    assert found == pytest.approx(expected, abs=4.0 * expected * standard_error)


def test_variance_ratio_of_a_random_walk_is_unbiased_in_its_66_session_window(simulation):
    close = autoregressive_close(0.0, 66 * 1500 + 1, seed=23)
    values = simulation.independent(variance_ratio(close, window=66), 66)
    assert abs(simulation.standard_score(values, 1.0)) < 3.0


def test_volume_that_follows_returns_is_seen_whatever_its_unit():
    rng = np.random.default_rng(24)
    returns = rng.normal(0.0, 0.01, 200)
    close, volume = np.exp(np.cumsum(returns)), np.exp(-30.0 * returns)
    for scale in (1.0, 1e9):
        np.testing.assert_allclose(
            return_volume_correlation(close, scale * volume, window=22)[22:], -1.0, rtol=1e-9
        )
    unrelated = return_volume_correlation(close, rng.lognormal(size=200), window=198)[-1]
    assert abs(unrelated) < 3.0 / np.sqrt(198.0)


def test_a_session_without_volume_silences_its_windows():
    rng = np.random.default_rng(25)
    close, volume = np.exp(np.cumsum(rng.normal(0.0, 0.01, 60))), rng.lognormal(size=60)
    volume[30] = 0.0
    silent = np.isnan(return_volume_correlation(close, volume, window=22)[22:])
    assert np.flatnonzero(silent).tolist() == list(range(30 - 22, 52 - 22))
