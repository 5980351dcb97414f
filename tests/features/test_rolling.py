import numpy as np
import pandas as pd
import pytest

from pipeline.features.rolling import (
    lagged,
    log_positive,
    ratio,
    rolling_correlation,
    rolling_mean,
    rolling_median,
    rolling_sum,
    rolling_variance,
)

ORACLES = {
    rolling_mean: lambda x, w: x.rolling(w).mean(),
    rolling_sum: lambda x, w: x.rolling(w).sum(),
    rolling_median: lambda x, w: x.rolling(w).median(),
    rolling_variance: lambda x, w: x.rolling(w).var(),
}


@pytest.fixture
def series():
    values = np.random.default_rng(3).normal(size=120)
    values[40] = np.nan
    return values


@pytest.mark.parametrize("function", ORACLES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("window", [2, 5, 22])
def test_equals_pandas(function, window, series):
    expected = ORACLES[function](pd.Series(series), window)
    np.testing.assert_allclose(function(series, window), expected, rtol=1e-10, atol=1e-13)


def test_correlation_equals_pandas(series):
    other = np.random.default_rng(4).normal(size=len(series)) - 0.5 * series
    expected = pd.Series(series).rolling(22).corr(pd.Series(other))
    np.testing.assert_allclose(rolling_correlation(series, other, 22), expected, rtol=1e-9)


def test_correlation_with_a_constant_is_missing_even_where_its_mean_rounds():
    constant = np.full(30, np.log(3.7e9))
    assert np.isnan(rolling_correlation(np.arange(30.0), constant, 22)).all()
    assert np.isnan(rolling_correlation(constant, np.arange(30.0), 22)).all()


@pytest.mark.parametrize("function", ORACLES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("window", [2, 5, 22, 252])
def test_a_window_alone_gives_the_same_bits_as_within_a_long_series(function, window):
    values = np.random.default_rng(5).lognormal(sigma=3.0, size=400)
    whole = function(values, window)
    for end in range(window, len(values) + 1, 7):
        assert function(values[end - window : end].copy(), window)[-1] == whole[end - 1]


@pytest.mark.parametrize("function", ORACLES, ids=lambda f: f.__name__)
def test_a_series_shorter_than_its_window_has_no_value(function):
    assert np.isnan(function(np.ones(3), 5)).all()
    assert function(np.ones(0), 5).size == 0


def test_lag_longer_than_the_series_leaves_nothing():
    assert np.isnan(lagged(np.arange(2.0), 3)).all()


def test_quotient_and_logarithm_are_missing_where_undefined():
    np.testing.assert_array_equal(
        ratio(np.array([0.0, 1.0, 3.0]), np.array([0.0, 0.0, 2.0])), [np.nan, np.nan, 1.5]
    )
    np.testing.assert_array_equal(
        log_positive(np.array([-1.0, 0.0, 1.0, np.nan])), [np.nan, np.nan, 0.0, np.nan]
    )
