import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import SettingsError
from pipeline.forecasts.targets import gap_ahead, level_ahead, spike_ahead, variance_ahead


def plain_variance(close, horizon):
    result = np.full(len(close), np.nan)
    for t in range(len(close) - horizon):
        result[t] = sum(np.log(close[t + i] / close[t + i - 1]) ** 2 for i in range(1, horizon + 1))
    return result


@pytest.mark.parametrize("horizon", [1, 5, 21])
def test_variance_is_the_sum_of_the_following_squared_returns(market, horizon):
    target = variance_ahead(market["close"], horizon)
    expected = plain_variance(market["close"].to_numpy(), horizon)
    np.testing.assert_allclose(target.outcome, expected, rtol=1e-9)
    assert np.isnan(target.outcome[-horizon:]).all()


@pytest.mark.parametrize("horizon", [1, 5])
def test_the_known_row_is_the_last_one_that_the_target_reads(market, horizon):
    close = market["close"].iloc[:60].copy()
    before = variance_ahead(close, horizon)
    row = 30
    close.iloc[before.known[row]] *= 1.1
    changed = variance_ahead(close, horizon).outcome != before.outcome
    assert changed[row]
    close.iloc[before.known[row] + 1 :] *= 3.0
    assert variance_ahead(close, horizon).outcome[row] != before.outcome[row]
    untouched = market["close"].iloc[:60].copy()
    untouched.iloc[before.known[row] + 1 :] *= 3.0
    assert variance_ahead(untouched, horizon).outcome[row] == before.outcome[row]


def test_a_horizon_longer_than_the_data_gives_no_target():
    assert np.isnan(variance_ahead(pd.Series([1.0, 2.0]), 5).outcome).all()


def test_a_missing_close_spoils_only_the_sums_that_need_it():
    close = pd.Series([1.0, 1.1, np.nan, 1.2, 1.3, 1.4])
    assert np.isnan(variance_ahead(close, 1).outcome).tolist() == [False, True, True, False, False, True]


def test_a_horizon_below_one_is_refused():
    with pytest.raises(SettingsError, match="horizon is 0"):
        variance_ahead(pd.Series([1.0, 2.0]), 0)


def test_the_next_level():
    np.testing.assert_array_equal(level_ahead(pd.Series([1.0, 2.0, np.nan])).outcome, [2.0, np.nan, np.nan])


def test_the_spike_threshold_ends_at_the_row_of_the_forecast(market):
    level = market["parkinson_1d"]
    target = spike_ahead(level, multiple=1.5, window=50).outcome
    values = level.to_numpy()
    expected = [
        float(values[t + 1] > 1.5 * np.median(values[t - 49 : t + 1])) for t in range(49, len(values) - 1)
    ]
    np.testing.assert_array_equal(target[49:-1], expected)
    assert 0 < np.nanmean(target) < 0.5
    assert np.isnan(target[:49]).all()
    assert np.isnan(target[-1])


def test_a_gap_needs_both_sides(market):
    level = market["illiquidity_1d"]
    threshold = float(level.quantile(0.9))
    assert np.nanmean(gap_ahead(level, threshold).outcome) == pytest.approx(0.1, abs=2e-3)
    assert np.isnan(gap_ahead(level, float("nan")).outcome).all()
