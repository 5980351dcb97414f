"""What the benchmark on real days keeps of each figure: its interval, and what stands beside it."""

import numpy as np
import pytest

from benchmarks.real_days import COSTS, FLAGSHIP, FROZEN, PLAIN, SETS, Sample, measurements
from benchmarks.targets import load_targets
from pipeline.evaluate.metrics import BASELINE, METRICS, SampledMetrics

POLICIES = (BASELINE, "minimum_variance", FLAGSHIP, PLAIN, FROZEN)


@pytest.fixture
def sample():
    rng = np.random.default_rng(2)
    point = {metric: rng.uniform(1.0, 2.0, len(POLICIES)) for metric in METRICS}
    draws = {metric: value + rng.normal(0.0, 0.1, (200, len(POLICIES))) for metric, value in point.items()}
    return Sample.of(SampledMetrics(POLICIES, point, draws))


def test_every_target_is_measured_with_mean_and_beta_of_every_policy_in_its_detail(sample):
    names = {f"real_days.{name}.{bps:g}bp" for name in SETS for bps in COSTS}
    asked = {name for name, target in load_targets().items() if target.benchmark == "real_days"}
    assert asked == {each.name for name in names for each in measurements(name, sample, None)}
    for found in measurements("real_days.spy.1bp", sample, sample):
        for part in ("", "without_crash."):
            for policy in POLICIES:
                for metric in ("pnl_mean_bps", "market_beta"):
                    expected = sample.figures.loc[policy, metric]
                    assert found.detail[f"{part}{metric}.{policy}"] == expected


def test_a_figure_is_the_end_of_its_interval_and_its_change_is_of_the_figures_beside_it(sample):
    found = {each.name: each for each in measurements("x", sample, None)}
    sd = found["x.sd_vs_delta"]
    ours, delta = (sd.detail[f"pnl_sd_bps.{policy}"] for policy in (FLAGSHIP, BASELINE))
    assert sd.detail["change"] == pytest.approx(100 * (ours / delta - 1))
    assert sd.ours == sd.detail["high"] > sd.detail["change"] > sd.detail["low"]
    cost = found["x.cost_vs_delta"]
    assert cost.ours == pytest.approx(
        cost.detail[f"cost_bps.{FLAGSHIP}"] - cost.detail[f"cost_bps.{BASELINE}"]
    )
    assert not any(key.startswith("without_crash") for key in cost.detail)
