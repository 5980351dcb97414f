import numpy as np
import pytest

from pipeline.features.derivatives import (
    implied_vol,
    implied_vol_change,
    spot_vol_correlation,
    vol_risk_premium,
)


def test_premium_is_zero_where_the_index_says_what_was_realised():
    close = np.exp(0.01 * (np.arange(30) % 2))
    fair = np.full(30, 0.01 * np.sqrt(252.0))
    np.testing.assert_allclose(vol_risk_premium(close, fair)[22:], 0.0, atol=1e-15)
    np.testing.assert_allclose(vol_risk_premium(close, 2.0 * fair)[22:], 3.0 * 0.01**2 * 252.0, rtol=1e-12)


def test_spot_and_volatility_that_move_against_each_other_have_correlation_minus_one():
    returns = np.random.default_rng(51).normal(0.0, 0.01, 60)
    close, index = np.exp(np.cumsum(returns)), 0.3 - 0.5 * np.cumsum(returns)
    np.testing.assert_allclose(spot_vol_correlation(close, index, window=22)[22:], -1.0, rtol=1e-10)


def test_change_sums_to_the_level():
    index = np.array([0.2, 0.25, 0.18, 0.19])
    assert np.nansum(implied_vol_change(index)) == pytest.approx(index[-1] - index[0], rel=1e-12)


def test_the_level_is_a_copy():
    index = np.array([0.2])
    implied_vol(index)[0] = 1.0
    assert index[0] == 0.2


def test_an_unknown_index_silences_what_uses_it():
    close = np.exp(np.random.default_rng(52).normal(0.0, 0.01, 60).cumsum())
    index = np.random.default_rng(53).uniform(0.1, 0.3, 60)
    index[30] = np.nan
    assert np.flatnonzero(np.isnan(vol_risk_premium(close, index))[22:]).tolist() == [30 - 22]
    silent = np.isnan(spot_vol_correlation(close, index, window=22)[22:])
    assert np.flatnonzero(silent).tolist() == list(range(30 - 22, 53 - 22))
