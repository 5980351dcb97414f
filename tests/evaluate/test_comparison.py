import numpy as np
import pandas as pd
import pytest

from pipeline.evaluate.bootstrap import stationary_indices
from pipeline.evaluate.comparison import (
    ABLATIONS,
    BY_REGIME,
    TESTED,
    attribution_table,
    paired_tests,
    pairs_of_ablations,
    regime_table,
    rows_of,
)
from pipeline.evaluate.metrics import METRICS, sample_metrics
from pipeline.evaluate.panel import EpisodePanel


def test_every_metric_lies_in_its_interval(evaluation):
    table = evaluation.comparison
    assert tuple(table.index) == evaluation.panel.policies
    for metric in METRICS:
        assert (table[f"{metric}_low"] <= table[f"{metric}_high"]).all()
        inside = table[metric].between(table[f"{metric}_low"] - 1e-12, table[f"{metric}_high"] + 1e-12)
        assert inside.all(), metric


def test_delta_gains_exactly_nothing_over_itself(evaluation):
    assert evaluation.comparison.loc["delta_implied", "gain_vs_delta"] == 0
    assert evaluation.comparison.loc["delta_implied", "gain_vs_delta_high"] == 0


def test_identical_policies_differ_by_exactly_zero_with_p_one(desk, tables):
    episodes = tables["episodes"]
    twin = episodes[episodes["policy"] == "regime_switched"].assign(policy="regime_switched_no_regimes")
    episodes = pd.concat([episodes[episodes["policy"] != "regime_switched_no_regimes"], twin])
    panel = EpisodePanel.from_table(episodes, 0, tables["signals"]["session"])
    sampled = sample_metrics(panel, stationary_indices(panel.size, 63, 300, seed=1), desk.risk)
    tests = paired_tests(sampled, [("regime_switched", "regime_switched_no_regimes")], 0.95)
    assert tuple(tests["metric"]) == TESTED
    for column in ("difference", "low", "high"):
        assert (tests[column] == 0).all()
    assert (tests["p"] == 1).all()
    assert (tests["p_adjusted"] == 1).all()


def test_pairing_makes_a_common_shock_cancel(desk, tables):
    """A policy that is another one less a constant fee differs by that fee, with certainty."""
    episodes = tables["episodes"]
    dear = episodes[episodes["policy"] == "delta_implied"].assign(policy="dear")
    dear = dear.assign(cost=dear["cost"] + 0.02, pnl=dear["pnl"] - 0.02)
    panel = EpisodePanel.from_table(pd.concat([episodes, dear]), 0, tables["signals"]["session"])
    sampled = sample_metrics(panel, stationary_indices(panel.size, 63, 300, seed=1), desk.risk)
    tests = paired_tests(sampled, [("dear", "delta_implied")], 0.95).set_index("metric")
    for metric in ("risk_bps", "cvar95_bps", "cost_bps"):
        assert tests.loc[metric, "difference"] == pytest.approx(2.0, abs=1e-9)
        assert tests.loc[metric, "high"] - tests.loc[metric, "low"] == pytest.approx(0, abs=1e-9)
        assert tests.loc[metric, "p"] == pytest.approx(1 / 301)
    assert tests.loc["pnl_sd_bps", "difference"] == pytest.approx(0, abs=1e-9)


def test_only_ablations_that_were_run_are_tested(evaluation):
    run = {name for name in ABLATIONS.values() if name.startswith("regime_switched_no_")}
    assert {test.baseline for test in rows_of(evaluation.ablations)} == run
    pair = ("regime_optimal_band", "regime_optimal_band_no_regimes")
    assert pairs_of_ablations(["delta_implied", *pair]) == [pair]
    assert pairs_of_ablations(["delta_implied", "regime_switched"]) == []
    assert pairs_of_ablations(["regime_switched_no_bands"]) == []


def test_no_pairs_give_an_empty_table_with_the_same_columns(evaluation, desk):
    panel = evaluation.panel
    sampled = sample_metrics(panel, stationary_indices(panel.size, 63, 20, seed=1), desk.risk)
    empty = paired_tests(sampled, [], 0.95)
    assert list(empty.columns) == list(evaluation.ablations.columns)
    assert rows_of(empty) == ()


def test_regimes_split_the_episodes_and_small_groups_are_silent(evaluation):
    table = evaluation.by_regime
    one = table[table["policy"] == "none"].set_index("name")
    assert one["episodes"].to_dict() == {"calm": 150, "normal": 100, "turbulent": 50}
    assert (one["effective"] < one["episodes"] / 10).all()
    assert one["cvar95_bps"].isna().to_dict() == {"calm": False, "normal": False, "turbulent": True}
    ends = [f"{metric}_low" for metric in BY_REGIME]
    assert one.loc["turbulent", ends].isna().all()
    assert one.loc["calm", ends].notna().all()
    assert not any("99" in column for column in table)


def test_regime_means_average_to_the_pooled_mean(evaluation):
    table = evaluation.by_regime
    weighted = (table["pnl_mean_bps"] * table["episodes"]).groupby(table["policy"]).sum() / 300
    pooled = evaluation.comparison["pnl_mean_bps"]
    assert weighted[pooled.index].to_numpy() == pytest.approx(pooled.to_numpy(), rel=1e-12)


def test_a_regime_without_episodes_has_no_rows(evaluation, desk):
    panel = evaluation.panel.where(evaluation.panel.regime != 1)
    table = regime_table(panel, stationary_indices(panel.size, 63, 50, seed=1), desk)
    assert set(table["name"]) == {"calm", "turbulent"}


def test_attribution_adds_up(evaluation):
    parts = attribution_table(evaluation.panel)
    total = parts["premium"] + parts["trading"] + parts["carry"] - parts["cost"] - parts["payoff"]
    assert np.asarray(parts["pnl"]) == pytest.approx(np.asarray(total), abs=1e-9)
