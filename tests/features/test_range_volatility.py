import numpy as np
import pandas as pd
import pytest

from pipeline.features.range_volatility import garman_klass, log_parkinson, parkinson, yang_zhang

DAILY_VOL = 0.2 / np.sqrt(252.0)
PARKINSON_EFFICIENCY = 4.91
GARMAN_KLASS_EFFICIENCY = 7.41


def test_a_constant_range_has_a_known_parkinson_volatility():
    high, low = np.full(30, 101.0), np.full(30, 99.0)
    expected = np.log(101.0 / 99.0) * np.sqrt(252.0 / (4.0 * np.log(2.0)))
    for window in (1, 5, 22):
        np.testing.assert_allclose(parkinson(high, low, window=window)[window - 1 :], expected, rtol=1e-12)
    np.testing.assert_allclose(log_parkinson(high, low, window=1), np.log(expected), rtol=1e-12)


def test_a_session_without_range_has_zero_volatility_and_no_logarithm():
    prices = np.array([100.0])
    assert parkinson(prices, prices, window=1)[0] == 0.0
    assert np.isnan(log_parkinson(prices, prices, window=1)[0])


def test_parkinson_and_garman_klass_are_unbiased_on_brownian_motion(simulation):
    bars = simulation.bars(np.random.default_rng(12), days=22 * 1000 + 1, vol=DAILY_VOL, overnight_vol=0.003)
    by_range = simulation.independent(parkinson(bars.high, bars.low, window=22), 22) ** 2
    by_body = simulation.independent(garman_klass(bars.open, bars.high, bars.low, bars.close, window=22), 22)
    assert abs(simulation.standard_score(by_range, 0.04)) < 3.0
    assert abs(simulation.standard_score(by_body**2, 0.04)) < 3.0


def test_yang_zhang_is_unbiased_with_drift_and_overnight_moves(simulation):
    overnight = 0.1 / np.sqrt(252.0)
    bars = simulation.bars(
        np.random.default_rng(13), days=22 * 1000 + 1, vol=DAILY_VOL, overnight_vol=overnight, drift=0.01
    )
    prices = bars.open, bars.high, bars.low, bars.close
    variance = simulation.independent(yang_zhang(*prices, window=22), 22) ** 2
    assert abs(simulation.standard_score(variance, 0.04 + 0.01)) < 3.0
    drifting = simulation.independent(parkinson(bars.high, bars.low, window=22), 22) ** 2
    assert (
        simulation.standard_score(drifting, 0.04) > 10.0
    )  # Parkinson is not free of drift: the test can tell


def test_efficiency_over_squared_returns_is_the_published_one(simulation):
    bars = simulation.bars(np.random.default_rng(14), days=60_000, vol=DAILY_VOL, overnight_vol=0.001)
    squared = np.log(bars.close / bars.open) ** 2
    by_range = parkinson(bars.high, bars.low, window=1) ** 2 / 252.0
    by_body = garman_klass(bars.open, bars.high, bars.low, bars.close, window=1)[1:] ** 2 / 252.0
    assert squared.var() / by_range.var() == pytest.approx(PARKINSON_EFFICIENCY, rel=0.06)
    assert squared.var() / by_body.var() == pytest.approx(GARMAN_KLASS_EFFICIENCY, rel=0.06)


def test_yang_zhang_equals_its_formula_written_with_pandas(sample_bars):
    recent = sample_bars[sample_bars["session"] >= "2014-06-01"]
    o, h, l, c = (np.log(recent[name]) for name in ("open", "high", "low", "close"))  # noqa: E741
    k = 0.34 / (1.34 + 23.0 / 21.0)
    satchell = (h - c) * (h - o) + (l - c) * (l - o)
    expected = np.sqrt(
        252.0
        * (
            (o - c.shift()).rolling(22).var()
            + k * (c - o).rolling(22).var()
            + (1.0 - k) * satchell.rolling(22).mean()
        )
    )
    prices = (recent[name].to_numpy() for name in ("open", "high", "low", "close"))
    np.testing.assert_allclose(yang_zhang(*prices, window=22), expected, rtol=1e-9)


@pytest.mark.parametrize("estimator", [garman_klass, yang_zhang])
def test_two_stale_opens_in_22_silence_the_estimator_and_one_does_not(estimator, simulation):
    bars = simulation.bars(np.random.default_rng(15), days=80, vol=DAILY_VOL, overnight_vol=0.001)
    bars.open[30] = bars.close[29]
    assert np.isfinite(estimator(bars.open, bars.high, bars.low, bars.close, window=22)[22:]).all()
    bars.open[40] = bars.close[39]
    silent = np.isnan(estimator(bars.open, bars.high, bars.low, bars.close, window=22))
    assert np.flatnonzero(silent[22:]).tolist() == list(range(40 - 22, 52 - 22))


def test_real_opens_are_believed_exactly_where_at_most_one_in_22_is_stale(sample_bars):
    stale = (sample_bars["open"] == sample_bars["close"].shift()).astype(float)
    stale.iloc[0] = np.nan
    believed = stale.rolling(22).sum() <= 1.5
    prices = (sample_bars[name].to_numpy() for name in ("open", "high", "low", "close"))
    known = pd.Series(np.isfinite(garman_klass(*prices, window=22)))
    pd.testing.assert_series_equal(known, believed, check_names=False)
    year = sample_bars["session"].dt.year
    assert not known[year < 2006].any()
    assert known[year >= 2014].all()
