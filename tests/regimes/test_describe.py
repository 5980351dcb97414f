import numpy as np
import pytest

from pipeline.regimes.describe import describe, switches_a_year, transition_table, variance_ratios

NAMES = ("calm", "turbulent")


def known(labels):
    return np.eye(2)[labels]


def test_volatility_occupancy_and_durations_of_known_regimes():
    labels = np.repeat([0, 1, 0, 1], [100, 20, 80, 40])
    returns = np.where(labels == 0, 0.01, 0.03) * np.tile([1.0, -1.0], 120)
    table = describe(known(labels), returns, NAMES)
    np.testing.assert_allclose(table["volatility"], np.sqrt(252) * np.array([0.01, 0.03]), rtol=1e-12)
    np.testing.assert_allclose(table["mean_return"], 0.0, atol=1e-12)
    np.testing.assert_allclose(table["occupancy"], [0.75, 0.25])
    np.testing.assert_allclose(table["mean_duration"], [90.0, 30.0])
    np.testing.assert_allclose(table["entries_a_year"], [2 * 252 / 240] * 2)
    assert table["trend"].tolist() == ["range-bound", "range-bound"]
    assert switches_a_year(known(labels)) == pytest.approx(3 * 252 / 240)


def test_trend_is_found_where_returns_go_on():
    """A moving average 1 + θ in one regime, 1 − θ in the other: VR(2) = 1 ± θ/(1 + θ²)."""
    rng = np.random.default_rng(7)
    noise = rng.standard_normal(40_001)
    labels = np.repeat([0, 1], 20_000)
    returns = noise[1:] + np.where(labels == 0, 0.5, -0.5) * noise[:-1]
    ratio = variance_ratios(known(labels), returns, sessions=2)
    np.testing.assert_allclose(ratio, [1.4, 0.6], atol=0.05)
    assert describe(known(labels), returns, NAMES)["trend"].tolist() == ["trending", "range-bound"]


def test_independent_returns_have_no_trend():
    rng = np.random.default_rng(7)
    labels = np.repeat([0, 1], 50_000)
    returns = rng.standard_normal(100_000) * np.where(labels == 0, 1.0, 3.0)
    np.testing.assert_allclose(variance_ratios(known(labels), returns), 1.0, atol=0.04)


def test_unknown_returns_are_left_out():
    labels = np.repeat([0, 1], 50)
    returns = np.tile([0.01, -0.01], 50)
    gaps = returns.copy()
    gaps[[3, 60]] = np.nan
    np.testing.assert_allclose(
        describe(known(labels), gaps, NAMES)["volatility"],
        describe(known(labels), returns, NAMES)["volatility"],
    )


def test_a_regime_that_never_was_says_so():
    table = describe(np.tile([1.0, 0.0], (50, 1)), np.tile([0.01, -0.01], 25), NAMES)
    assert table.loc["turbulent", "trend"] == "unseen"
    assert np.isnan(table.loc["turbulent", ["volatility", "mean_duration"]].to_numpy(float)).all()
    assert table.loc["turbulent", "entries_a_year"] == 0.0
    assert table.loc["calm", "mean_duration"] == 50.0


def test_transition_table_names_rows_and_columns():
    table = transition_table(np.array([[0.9, 0.1], [0.0, 1.0]]), NAMES)
    assert table.loc["calm", "to turbulent"] == pytest.approx(0.1)
    assert table.loc["calm", "expected_stay"] == pytest.approx(10.0)
    assert table.loc["turbulent", "expected_stay"] == np.inf
