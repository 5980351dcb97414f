import numpy as np
import pandas as pd
import pytest

from pipeline.features.liquidity import amihud, illiquidity, log_volume_ratio, relative_volume

LENGTH = 320
YEAR = 252


@pytest.fixture
def prices():
    rng = np.random.default_rng(31)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, LENGTH)))
    high, low = (
        close * np.exp(rng.exponential(0.005, LENGTH)),
        close * np.exp(-rng.exponential(0.005, LENGTH)),
    )
    return high, low, close, rng.lognormal(20.0, 0.3, LENGTH)


def test_constant_volume_leaves_the_mean_log_range():
    high, low, volume = np.full(300, 102.0), np.full(300, 100.0), np.full(300, 7.0)
    for window in (1, 5, 22):
        found = illiquidity(high, low, volume, window=window)
        np.testing.assert_allclose(found[YEAR + window - 2 :], np.log(1.02), rtol=1e-12)
        assert np.isnan(found[: YEAR + window - 2]).all()
    assert (log_volume_ratio(volume)[YEAR - 1 :] == 0.0).all()


def test_twice_the_volume_halves_illiquidity(prices):
    high, low, _, volume = prices
    volume[-1] = 1.1 * volume.max()
    doubled = np.append(volume[:-1], 2.0 * volume[-1])  # both above the median, which stays
    once, twice = (illiquidity(high, low, v, window=1)[-1] for v in (volume, doubled))
    assert twice == pytest.approx(0.5 * once, rel=1e-12)


def test_growth_of_volume_by_any_factor_changes_nothing(prices):
    high, low, close, volume = prices
    for scale in (1e-6, 6.0):
        np.testing.assert_allclose(
            illiquidity(high, low, scale * volume, window=5),
            illiquidity(high, low, volume, window=5),
            rtol=1e-12,
        )
        np.testing.assert_allclose(
            amihud(close, scale * volume, window=22), amihud(close, volume, window=22), rtol=1e-12
        )


def test_amihud_equals_its_formula_written_with_pandas(prices):
    _, _, close, volume = (pd.Series(x) for x in prices)
    returns = np.log(close).diff().abs()
    expected = (returns / (volume / volume.rolling(YEAR).median())).rolling(22).mean()
    np.testing.assert_allclose(amihud(close.to_numpy(), volume.to_numpy(), window=22), expected, rtol=1e-9)


def test_no_range_or_no_volume_is_unknown_and_never_zero_or_infinite(prices):
    high, low, _, volume = prices
    high[-2] = low[-2]
    volume[-1] = 0.0
    last = illiquidity(high, low, volume, window=1)[-3:]
    assert last[0] > 0.0
    assert np.isnan(last[1:]).all()
    assert np.isnan(log_volume_ratio(volume)[-1])


def test_a_year_without_volume_is_unknown():
    assert np.isnan(relative_volume(np.zeros(YEAR))).all()


def test_real_illiquidity_is_positive_and_has_no_trend_of_volume(sample_bars):
    high, low, volume = (sample_bars[name].to_numpy() for name in ("high", "low", "volume"))
    known = illiquidity(high, low, volume, window=1)[YEAR - 1 :]
    assert (known > 0.0).all()
    assert volume[-252:].mean() > 3.0 * volume[:252].mean()
    median = np.nanmedian(np.exp(log_volume_ratio(volume)))
    assert median == pytest.approx(1.0, abs=0.05)
