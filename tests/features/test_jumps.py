import numpy as np
import pandas as pd
import pytest

from pipeline.features.jumps import (
    bipower_vol,
    jump_count,
    jump_share,
    jump_statistic,
    jump_threshold,
)
from pipeline.features.volatility import realized_vol

DAILY_VOL = 0.2 / np.sqrt(252.0)


def close_of(returns):
    return np.exp(np.append(0.0, np.cumsum(returns)))


@pytest.fixture
def brownian():
    return np.random.default_rng(43).normal(0.0, DAILY_VOL, 22 * 2000)


def test_bipower_variance_is_unbiased_on_brownian_motion(brownian, simulation):
    variance = simulation.independent(bipower_vol(close_of(brownian), window=22), 22) ** 2
    assert abs(simulation.standard_score(variance, 0.04)) < 3.0


def test_bipower_variance_equals_its_formula_written_with_pandas(brownian):
    size = pd.Series(np.append(np.nan, brownian[:500])).abs()
    expected = np.sqrt(252.0 * np.pi / 2.0 * (size * size.shift(1)).rolling(21).mean())
    np.testing.assert_allclose(bipower_vol(close_of(brownian[:500]), window=22), expected, rtol=1e-9)


def test_a_jump_lifts_realised_variance_and_hardly_bipower_variance():
    """Of a jump J among returns of size a, RV gains J² − a² and BV only π/2 · 2a(J − a) · w/(w − 1)."""
    a, jump = 0.01, 0.1
    returns = np.full(40, a)
    returns[-5] = jump
    realised = realized_vol(close_of(returns), window=22)[-1] ** 2
    bipower = bipower_vol(close_of(returns), window=22)[-1] ** 2
    assert realised == pytest.approx(252.0 / 22.0 * (21 * a**2 + jump**2), rel=1e-9)
    assert bipower == pytest.approx(252.0 / 21.0 * np.pi / 2.0 * (19 * a**2 + 2 * a * jump), rel=1e-9)
    share = jump_share(close_of(returns), window=22)[-1]
    assert share == pytest.approx(1.0 - bipower / realised, rel=1e-9)
    assert share > 0.4


def test_the_jump_share_of_a_long_brownian_path_vanishes(brownian):
    whole = jump_share(close_of(brownian), window=len(brownian))[-1]
    standard_error = np.sqrt((np.pi**2 / 4.0 + np.pi - 5.0) / len(brownian))
    assert whole < 3.0 * standard_error, "(RV − BV)/RV has variance (π²/4 + π − 5)/n: Huang, Tauchen (2005)"


def test_the_statistic_is_scale_free_and_signed(brownian):
    returns = brownian[:300]
    found = jump_statistic(close_of(returns))
    np.testing.assert_allclose(jump_statistic(close_of(7.0 * returns))[17:], found[17:], rtol=1e-8)
    np.testing.assert_allclose(jump_statistic(close_of(-returns))[17:], -found[17:], rtol=1e-8)
    assert np.flatnonzero(np.isfinite(found))[0] == 16


def test_the_statistic_does_not_see_its_own_return():
    returns = np.tile([0.01, -0.01], 20)
    calm, jumped = returns.copy(), returns.copy()
    jumped[-1] = -0.2
    ratio = jump_statistic(close_of(jumped))[-1] / jump_statistic(close_of(calm))[-1]
    assert ratio == pytest.approx(0.2 / 0.01, rel=1e-9)


def test_with_a_known_volatility_the_threshold_holds_its_significance():
    """max |L| of 66 normals with variance π/2 passes the Gumbel threshold less often than 1 in 20 at 5 %."""
    rng = np.random.default_rng(44)
    largest = np.abs(rng.normal(0.0, np.sqrt(np.pi / 2.0), (20_000, 66))).max(axis=1)
    passed = (largest > jump_threshold(66, 0.05)).mean()
    assert 0.02 < passed < 0.05 + 3.0 * np.sqrt(0.05 * 0.95 / 20_000)


def test_the_false_alarms_with_an_estimated_volatility_are_what_the_docstring_says(brownian, simulation):
    shown = simulation.independent(jump_count(close_of(brownian), window=66)[82:], 66) > 0
    assert shown.mean() == pytest.approx(0.12, abs=3.0 * np.sqrt(0.12 * 0.88 / len(shown)))


def test_planted_jumps_are_counted(brownian):
    returns = brownian[:400].copy()
    planted = [120, 150, 170]
    returns[planted] = [0.12, -0.12, 0.12]
    count = jump_count(close_of(returns), window=66)
    assert count[171] - jump_count(close_of(brownian[:400]), window=66)[171] == 3.0


def test_a_market_that_stands_still_has_no_statistic():
    returns = np.append(np.zeros(30), 0.05)
    assert np.isnan(jump_statistic(close_of(returns))[-1])
    assert np.isnan(jump_count(close_of(np.append(returns, np.full(60, 0.01))), window=66)[-1])


def test_the_crash_days_of_the_sample_are_jumps(sample_bars):
    statistic = pd.Series(jump_statistic(sample_bars["close"].to_numpy()), sample_bars["session"])
    for day in ("2007-02-27", "2015-08-21", "2016-06-24", "2018-02-05"):
        assert statistic[day] < -jump_threshold(66), day
