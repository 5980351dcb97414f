import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import gamma
from scipy.stats import t as student_t

from pipeline.domain.errors import DataError
from pipeline.forecasts.scores import (
    average_precision,
    brier,
    diebold_mariano,
    long_run_variance,
    mse,
    qlike,
)


@pytest.fixture
def losses():
    rng = np.random.default_rng(3)
    noise = np.convolve(rng.normal(size=620), np.ones(21), mode="valid")
    return noise + 2.0, np.zeros_like(noise)


def test_qlike_is_zero_only_at_the_target_and_scale_free():
    y = np.array([0.5, 1.0, 2.0])
    np.testing.assert_array_equal(qlike(y, y), 0.0)
    assert (qlike(y, np.array([0.4, 1.1, 5.0])) > 0).all()
    np.testing.assert_allclose(qlike(7 * y, 7 * y[::-1]), qlike(y, y[::-1]), rtol=1e-12)


def test_qlike_is_the_gamma_deviance_up_to_a_constant():
    y, forecast, shape = np.array([0.3, 1.0, 4.0]), np.array([0.5, 0.8, 5.0]), 2.0
    loglik = gamma.logpdf(y, shape, scale=forecast / shape)
    saturated = gamma.logpdf(y, shape, scale=y / shape)
    np.testing.assert_allclose(qlike(y, forecast), (saturated - loglik) / shape, rtol=1e-12)


def test_qlike_is_least_at_the_mean_of_a_noisy_proxy():
    y = np.random.default_rng(0).chisquare(1, 4000)
    grid = np.linspace(0.5, 1.5, 1001) * y.mean()
    losses = [qlike(y, np.full_like(y, forecast)).mean() for forecast in grid]
    assert grid[np.argmin(losses)] == pytest.approx(y.mean(), rel=1e-3)


def test_qlike_refuses_what_has_no_logarithm():
    with pytest.raises(DataError, match="positive"):
        qlike(np.array([0.0]), np.array([1.0]))


def test_simple_scores():
    y, forecast = np.array([1.0, 0.0, 1.0]), np.array([0.5, 0.5, 1.0])
    assert mse(y, forecast) == pytest.approx(0.5 / 3)
    assert brier(y, forecast) == mse(y, forecast)
    assert np.isnan(average_precision(np.zeros(3), forecast))
    assert average_precision(y, np.full(3, 0.5)) == pytest.approx(2 / 3)


@pytest.mark.parametrize("horizon", [1, 5, 21])
def test_bartlett_test_equals_statsmodels_hac_on_a_constant(losses, horizon):
    result = diebold_mariano(*losses, horizon=horizon)
    difference = losses[0] - losses[1]
    n = len(difference)
    oracle = sm.OLS(difference, np.ones(n)).fit(
        cov_type="HAC", cov_kwds={"maxlags": result.lags, "use_correction": False}
    )
    correction = np.sqrt((n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n)
    assert result.statistic == pytest.approx(oracle.tvalues[0] * correction, rel=1e-9)
    assert result.p_value == pytest.approx(2 * student_t.sf(abs(result.statistic), n - 1), rel=1e-12)
    assert result.difference == pytest.approx(difference.mean())
    assert result.lags >= horizon - 1


def test_the_rectangular_kernel_sums_plain_autocovariances(losses):
    series = losses[0]
    deviation = series - series.mean()
    covariance = np.correlate(deviation, deviation, mode="full")[len(series) - 1 :] / len(series)
    expected = covariance[0] + 2 * covariance[1:5].sum()
    assert long_run_variance(series, 4, "rectangular") == pytest.approx(expected, rel=1e-9)


def test_overlap_shrinks_the_statistic(losses):
    naive = diebold_mariano(*losses, horizon=1, kernel="rectangular")
    honest = diebold_mariano(*losses, horizon=21)
    assert 0 < honest.statistic < naive.statistic / 2


def test_swapping_the_forecasts_flips_the_sign(losses):
    forward, back = diebold_mariano(*losses, horizon=5), diebold_mariano(*losses[::-1], horizon=5)
    assert forward.statistic == pytest.approx(-back.statistic)
    assert forward.p_value == pytest.approx(back.p_value)


def test_size_on_overlapping_losses_of_equal_forecasts():
    rng = np.random.default_rng(5)
    repeats, horizon = 400, 5
    noise = rng.normal(size=(repeats, 504))
    overlapping = np.lib.stride_tricks.sliding_window_view(noise, horizon, axis=1).sum(axis=2)
    zero = np.zeros(overlapping.shape[1])
    rejections = np.mean([diebold_mariano(row, zero, horizon).p_value < 0.05 for row in overlapping])
    naive = np.mean([diebold_mariano(row, zero, 1, "rectangular").p_value < 0.05 for row in overlapping])
    standard_error = np.sqrt(0.05 * 0.95 / repeats)
    assert rejections < 0.05 + 4.5 * standard_error
    assert naive > 0.25


def test_identical_losses_have_nothing_to_tell(losses):
    assert diebold_mariano(losses[0], losses[0], horizon=5).p_value == 1.0


def test_faults_are_named(losses):
    with pytest.raises(DataError, match="more than 42 losses"):
        diebold_mariano(losses[0][:42], losses[1][:42], horizon=21)
    with pytest.raises(DataError, match="NaN"):
        diebold_mariano(np.where(np.arange(600) == 3, np.nan, losses[0]), losses[1], horizon=1)
    alternating = np.where(np.arange(100) % 2 == 0, 1.0, -1.0) + 0.01
    with pytest.raises(DataError, match="rectangular"):
        diebold_mariano(alternating, np.zeros(100), horizon=2, kernel="rectangular")


@pytest.mark.parametrize("always", [0.1, 3.0])
def test_a_difference_that_is_always_the_same_says_nothing_of_chance(always):
    found = diebold_mariano(np.full(100, always), np.zeros(100), horizon=1)
    assert found.difference == pytest.approx(always)
    assert np.isnan(found.statistic)
    assert np.isnan(found.p_value)
