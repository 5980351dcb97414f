import numpy as np
import pytest

from pipeline.domain.desk import RiskSettings
from pipeline.domain.risk_measures import cvar, entropic, mean_sd_cost, measure, standard_deviation
from pipeline.evaluate.bootstrap import stationary_indices
from pipeline.evaluate.metrics import (
    BASELINE,
    METRICS,
    sample_metrics,
    weighted_cvar,
    weighted_entropic,
)
from pipeline.evaluate.panel import EpisodePanel


@pytest.fixture(scope="module")
def panel(tables):
    return EpisodePanel.from_table(tables["episodes"], 0, tables["signals"]["session"])


@pytest.mark.parametrize(
    "risk",
    [
        RiskSettings(measure="entropic", aversion=2.5),
        RiskSettings(measure="cvar", cvar_level=0.9),
        RiskSettings(measure="cvar", cvar_level=0.95),
        RiskSettings(measure="mean_sd"),
    ],
    ids=lambda risk: f"{risk.measure}-{risk.cvar_level}",
)
def test_resampled_metrics_equal_the_risk_measures_of_the_resampled_episodes(panel, risk):
    indices = stationary_indices(panel.size, 63, 20, seed=1)
    sampled = sample_metrics(panel, indices, risk)
    assert set(sampled.point) == set(sampled.draws) == set(METRICS)
    base = panel.row(BASELINE)
    for row in (0, 5):
        drawn = panel.pnl[row][indices]
        variance = drawn.var(axis=1) / panel.pnl[base][indices].var(axis=1)
        expected = {
            "pnl_mean_bps": 100 * drawn.mean(axis=1),
            "pnl_sd_bps": 100 * standard_deviation(drawn),
            "cvar95_bps": 100 * cvar(drawn, 0.95),
            "entropic": entropic(drawn, risk.aversion),
            "mean_sd_bps": 100 * mean_sd_cost(drawn),
            "risk_bps": 100 * measure(drawn, risk),
            "cost_bps": 100 * panel.cost[row][indices].mean(axis=1),
            "turnover": panel.turnover[row][indices].mean(axis=1),
            "trades": panel.trades[row][indices].mean(axis=1),
            "gain_vs_delta": 1 - variance,
            "market_beta": [
                np.polyfit(panel.market_return[picked], panel.pnl[row][picked], 1)[0] for picked in indices
            ],
        }
        for name in METRICS:
            assert sampled.draws[name][:, row] == pytest.approx(expected[name], rel=1e-9, abs=1e-9), name
    assert sampled.point["risk_bps"] == pytest.approx(100 * measure(panel.pnl, risk), rel=1e-9)


def test_a_group_is_resampled_within_the_common_resamples(panel):
    indices = stationary_indices(panel.size, 63, 10, seed=2)
    chosen = panel.regime == 2
    draws = sample_metrics(panel, indices, RiskSettings(), chosen).draws["cvar95_bps"][:, 3]
    for row, picked in zip(draws, indices, strict=True):
        inside = picked[chosen[picked]]
        if len(inside) == 0:
            assert np.isnan(row)
        else:
            assert row == pytest.approx(100 * cvar(panel.pnl[3][inside], 0.95), rel=1e-9)


def test_extreme_losses_do_not_overflow_the_entropic_risk():
    weights = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    values = weighted_entropic(np.array([-5000.0, 0.0, 5000.0]), weights, 1.0)
    assert values == pytest.approx([5000 - np.log(2), -np.log(2)])


def test_a_resample_without_episodes_is_missing():
    pnl, nothing = np.array([1.0, 2.0]), np.zeros((1, 2))
    assert np.isnan(weighted_cvar(pnl, nothing, 0.95)).all()
    assert np.isnan(weighted_entropic(pnl, nothing, 1.0)).all()
