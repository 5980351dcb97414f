import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from pipeline.domain.desk import RiskSettings
from pipeline.domain.risk_measures import (
    RISK_MEASURES,
    cvar,
    entropic,
    mean,
    mean_sd_cost,
    measure,
    standard_deviation,
)

RISKS = [
    RiskSettings(measure="entropic", aversion=0.7),
    RiskSettings(measure="cvar", cvar_level=0.83),
    RiskSettings(measure="mean_sd"),
]
profits = arrays(np.float64, st.integers(2, 40), elements=st.floats(-20, 20))
quick = settings(max_examples=60, deadline=None, derandomize=True, database=None)


def normal_sample(mu, sigma, n=200_001):
    """Equally likely quantiles: a normal distribution without Monte Carlo noise."""
    return stats.norm.ppf((np.arange(n) + 0.5) / n, loc=mu, scale=sigma)


def test_entropic_of_a_normal_profit_is_closed_form():
    assert entropic(normal_sample(0.4, 1.3), 0.8) == pytest.approx(-0.4 + 0.8 * 1.3**2 / 2, rel=1e-3)


def test_cvar_of_a_normal_profit_is_closed_form():
    expected = -0.4 + 1.3 * stats.norm.pdf(stats.norm.ppf(0.95)) / 0.05
    assert cvar(normal_sample(0.4, 1.3), 0.95) == pytest.approx(expected, rel=1e-4)


def test_mean_sd_cost_of_a_normal_profit_is_closed_form():
    assert mean_sd_cost(normal_sample(0.4, 1.3)) == pytest.approx(-0.4 + 1.5 * 1.3, rel=1e-4)


@quick
@given(profits, st.floats(0.01, 0.99))
def test_cvar_is_the_minimum_of_its_optimised_certainty_equivalent(pnl, level):
    candidates = -pnl[:, None]
    objective = candidates[:, 0] + np.maximum(-pnl - candidates, 0).mean(axis=1) / (1 - level)
    assert cvar(pnl, level) == pytest.approx(objective.min(), abs=1e-9)


def test_cvar_counts_the_boundary_observation_with_its_fraction():
    assert cvar(np.array([-10.0, -4.0, 0.0, 0.0]), 0.6) == pytest.approx((10 + 0.6 * 4) / 1.6)
    assert cvar(np.array([-10.0, 0.0]), 0.99) == pytest.approx(10.0)


@quick
@given(profits)
def test_limits_of_small_and_large_aversion_and_level(pnl):
    assert entropic(pnl, 1e-9) == pytest.approx(-pnl.mean(), abs=1e-6)
    assert entropic(pnl, 1e7) == pytest.approx(-pnl.min(), abs=1e-5)
    assert cvar(pnl, 1e-12) == pytest.approx(-pnl.mean(), abs=1e-9)
    assert cvar(pnl, 1 - 1e-9) == pytest.approx(-pnl.min(), abs=1e-9)


def test_entropic_does_not_overflow():
    assert entropic(np.array([-5000.0, 5000.0]), 1.0) == pytest.approx(5000 - np.log(2))


@pytest.mark.parametrize("risk", RISKS, ids=lambda risk: risk.measure)
@quick
@given(pnl=profits, cash=st.floats(-50, 50))
def test_cash_invariance(risk, pnl, cash):
    assert measure(pnl + cash, risk) == pytest.approx(measure(pnl, risk) - cash, abs=1e-8)


@pytest.mark.parametrize("risk", RISKS[:2], ids=lambda risk: risk.measure)
@quick
@given(pnl=profits, seed=st.integers(0, 99))
def test_monotonicity(risk, pnl, seed):
    better = pnl + np.random.default_rng(seed).exponential(size=pnl.shape)
    assert measure(better, risk) <= measure(pnl, risk) + 1e-9


@pytest.mark.parametrize("risk", RISKS, ids=lambda risk: risk.measure)
@quick
@given(pair=arrays(np.float64, (2, 25), elements=st.floats(-20, 20)), share=st.floats(0, 1))
def test_convexity(risk, pair, share):
    mixed = measure(share * pair[0] + (1 - share) * pair[1], risk)
    assert mixed <= share * measure(pair[0], risk) + (1 - share) * measure(pair[1], risk) + 1e-8


@pytest.mark.parametrize("risk", RISKS, ids=lambda risk: risk.measure)
def test_leading_dimensions_are_kept_and_nan_stays_in_its_row(risk):
    pnl = np.random.default_rng(0).normal(size=(2, 3, 50))
    together = measure(pnl, risk)
    assert together.shape == (2, 3)
    assert together[1, 2] == pytest.approx(measure(pnl[1, 2], risk), rel=1e-12)
    pnl[0, 1, 7] = np.nan
    assert np.argwhere(np.isnan(measure(pnl, risk))).tolist() == [[0, 1]]


def test_every_measure_a_desk_can_name_exists():
    assert set(RISK_MEASURES) == set(RiskSettings.model_fields["measure"].annotation.__args__)


@pytest.mark.parametrize("function", [mean, standard_deviation, mean_sd_cost])
def test_no_outcomes_is_an_error(function):
    with pytest.raises(ValueError, match="at least one outcome"):
        function(np.array([]))


@pytest.mark.parametrize("level", [0.0, 1.0, 1.5])
def test_cvar_refuses_a_level_outside_its_range(level):
    with pytest.raises(ValueError, match="between 0 and 1"):
        cvar(np.array([1.0]), level)


def test_entropic_refuses_no_aversion():
    with pytest.raises(ValueError, match="positive"):
        entropic(np.array([1.0]), 0.0)
