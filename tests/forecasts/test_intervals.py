import numpy as np
import pytest
from scipy.stats import norm

from pipeline.domain.errors import DataError, SettingsError
from pipeline.forecasts.intervals import (
    Calibration,
    Interval,
    adaptive_interval,
    log_normal_interval,
    log_residuals,
    winkler,
)

NORMAL = norm.ppf((np.arange(2000) + 0.5) / 2000)


def outcomes(rows, spread, seed=0):
    return np.exp(spread * np.random.default_rng(seed).normal(size=rows))


def missed(y, interval):
    return ((y < interval.lower) | (y > interval.upper)).mean()


def test_without_a_step_the_edges_are_the_residual_quantiles():
    interval = adaptive_interval(np.full(5, 2.0), np.ones(5), 1, [Calibration(0, NORMAL)], step=0.0)
    np.testing.assert_allclose(interval.lower, 2 * np.exp(np.quantile(NORMAL, 0.05)), rtol=1e-12)
    np.testing.assert_allclose(interval.upper, 2 * np.exp(np.quantile(NORMAL, 0.95)), rtol=1e-12)


@pytest.mark.parametrize("offset", [1, 5, 21])
def test_the_recursion_is_that_of_gibbs_and_candes_with_the_delay(offset):
    rows, step = 400, 0.01
    y = outcomes(rows, 1.3, seed=4)
    interval = adaptive_interval(np.ones(rows), y, offset, [Calibration(0, NORMAL)], step=step)
    inside = (interval.lower <= y) & (y <= interval.upper)
    for t in (offset - 1, offset, 200, 399):
        known = ~inside[: t - offset + 1]
        level = 0.1 + (step * (0.1 - known)).sum()
        edges = np.quantile(NORMAL, [np.clip(level, 0, 1) / 2, 1 - np.clip(level, 0, 1) / 2])
        np.testing.assert_allclose(np.log([interval.lower[t], interval.upper[t]]), edges, rtol=1e-9)


@pytest.mark.parametrize("spread", [0.7, 1.0, 1.6])
def test_coverage_comes_back_to_its_aim_when_the_errors_change(spread):
    y = outcomes(6000, spread)
    fixed, adaptive = (
        adaptive_interval(np.ones(6000), y, 1, [Calibration(0, NORMAL)], step=step) for step in (0.0, 0.005)
    )
    assert missed(y, adaptive) == pytest.approx(0.1, abs=0.012)
    if spread != 1.0:
        assert abs(missed(y, fixed) - 0.1) > 0.04


def test_the_long_run_bound_of_gibbs_and_candes_holds():
    """|mean error − α| ≤ (max(α₁, 1 − α₁) + γ) / (γ T) whatever comes, while α_t stays inside (0, 1)."""
    rows, step = 3000, 0.02
    y = outcomes(rows, 1.0) * np.exp(0.5 * np.sin(np.arange(rows) / 100))
    interval = adaptive_interval(np.ones(rows), y, 1, [Calibration(0, 4 * NORMAL)], step=step)
    assert abs(missed(y, interval) - 0.1) <= (0.9 + step) / (step * rows)


@pytest.mark.parametrize("offset", [1, 21])
def test_an_outcome_moves_no_interval_before_it_is_known(offset):
    y = outcomes(100, 1.0)
    changed = y.copy()
    changed[50] = 1e6 if abs(np.log(y[50])) < 1 else 1.0
    before, after = (
        adaptive_interval(np.ones(100), each, offset, [Calibration(0, NORMAL)]) for each in (y, changed)
    )
    first = 50 + offset
    np.testing.assert_array_equal(before.upper[:first], after.upper[:first])
    assert before.upper[first] != after.upper[first]


def test_each_calibration_holds_from_its_start_and_the_level_goes_on():
    wide = Calibration(3, 2 * NORMAL)
    still = adaptive_interval(np.ones(6), np.ones(6), 1, [Calibration(0, NORMAL), wide], step=0.0)
    np.testing.assert_allclose(np.log(still.upper[3:]), 2 * np.log(still.upper[:3]), rtol=1e-12)
    y = np.array([1e6, 1e6, 1e6, 1.0, 1.0, 1.0])
    moved = adaptive_interval(np.ones(6), y, 1, [Calibration(0, NORMAL), wide], step=0.02)
    assert moved.upper[3] > still.upper[3]


def test_missing_forecasts_and_outcomes_do_not_count():
    forecast, y = np.ones(10), np.full(10, 1e6)
    forecast[2], y[:2], y[3:] = np.nan, np.nan, np.nan
    interval = adaptive_interval(forecast, y, 1, [Calibration(0, NORMAL)], step=0.05)
    assert np.isnan(interval.lower[2])
    assert (np.delete(interval.upper, 2) == interval.upper[0]).all()


def test_after_many_misses_the_interval_stays_finite_at_the_largest_error():
    y = np.full(200, 1e9)
    interval = adaptive_interval(np.ones(200), y, 1, [Calibration(0, NORMAL)], step=0.05)
    assert interval.upper[-1] == pytest.approx(np.exp(NORMAL[-1]), rel=1e-12)


def test_log_normal_edges_cover_a_log_normal_outcome():
    residuals = log_residuals(outcomes(4000, 0.4), np.full(4000, 1.1))
    interval = log_normal_interval(np.full(20_000, 1.1), [Calibration(0, residuals)])
    assert missed(outcomes(20_000, 0.4, seed=9), interval) == pytest.approx(0.1, abs=0.015)


def test_log_normal_edges_change_with_the_calibration():
    interval = log_normal_interval(np.ones(4), [Calibration(0, NORMAL), Calibration(2, 2 * NORMAL)])
    np.testing.assert_allclose(np.log(interval.upper[2:]), 2 * np.log(interval.upper[:2]), rtol=1e-9)


def test_the_true_quantiles_have_the_least_winkler_loss():
    y = np.random.default_rng(3).normal(size=200_000)

    def loss(low, high):
        return winkler(y, Interval(np.full(len(y), low), np.full(len(y), high))).mean()

    z = norm.ppf(0.95)
    for low, high in ((-1.3, z), (-2.1, z), (-z, 1.3), (-z, 2.1), (-1.3, 1.3), (-2.1, 2.1)):
        assert loss(-z, z) < loss(low, high)


def test_faults_are_named():
    one = [Calibration(0, NORMAL)]
    with pytest.raises(SettingsError, match="coverage 1"):
        adaptive_interval(np.ones(3), np.ones(3), 1, one, coverage=1.0)
    with pytest.raises(SettingsError, match="step -0"):
        adaptive_interval(np.ones(3), np.ones(3), 1, one, step=-0.1)
    with pytest.raises(DataError, match="offset of at least 1"):
        adaptive_interval(np.ones(3), np.ones(3), 0, one)
    with pytest.raises(DataError, match="row 0"):
        adaptive_interval(np.ones(3), np.ones(3), 1, [Calibration(1, NORMAL)])
    with pytest.raises(DataError, match="training rows"):
        log_residuals(np.array([np.nan]), np.ones(1))
