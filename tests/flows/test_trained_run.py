"""A whole run of a daily desk with frictions that trains its hedgers."""

import json
from pathlib import Path

import numpy as np
import pytest

from flows.decision import daily_decision
from flows.hedge_pipeline import hedge_pipeline
from pipeline.ingest.store import DatasetStore
from pipeline.policies.checkpoint import Checkpoint
from pipeline.tracking.database import connect
from pipeline.tracking.promotion import CHAMPION, aliased

pytestmark = pytest.mark.slow

TRAINED = ("network_band", "ppo_band")
FRICTIONS = """
[policies.train]
network_band = { steps = 12, paths = 512 }
ppo_band = { steps = 2, paths = 256 }

[execution]
impact = 1.0
notional_share = 0.01
impact_half_life = 1.0

[hedge]
delay_sessions = 1
"""


def test_what_a_run_trains_under_frictions_hedges_its_test_and_decides(
    prefect, finished, small_desk, tmp_path, monkeypatch
):
    home = finished.datasets_copied(tmp_path / "home")
    monkeypatch.setenv("HEDGE_HOME", str(home))
    monkeypatch.setattr("pipeline.agents.trainer.VALIDATION_PATHS", 512)
    run = ", ".join(f'"{each}"' for each in ("zakamouline", *TRAINED))
    desk = tmp_path / "pushed.toml"
    desk.write_text(small_desk.read_text().replace('"whalley_wilmott"', run) + FRICTIONS)
    made = hedge_pipeline(str(desk), str(home))
    summary = json.loads((Path(made["folder"]) / "summary.json").read_text())
    backtest = DatasetStore(home / "data" / "datasets").open(summary["dataset_keys"]["backtest"])
    served = backtest["networks"].set_index("policy")
    assert set(served.index) == set(TRAINED)
    gained = set()
    for policy, row in served.iterrows():
        found = Checkpoint.read(home / "data" / "networks" / row["network"])
        assert found.policy().paced, "under impact it learns a pace"
        assert found.gained == (row["risk_after"] < row["risk_untrained"])
        gained |= {f"small.{policy}"} if found.gained else set()
        own, prior = (summary["policies"][each] for each in (policy, "zakamouline"))
        assert np.isfinite([own["pnl_sd_bps"], own["cost_bps"]]).all()
        assert own["cost_bps"] != prior["cost_bps"]
    assert gained, "of these trainings some gain"
    champions = set(aliased(connect(home / "mlruns"), "small", CHAMPION))
    assert {name for name in champions if name.rpartition(".")[2] in TRAINED} == gained
    page = (Path(made["folder"]) / "report.html").read_text(encoding="utf-8")
    assert all(sheet in page for sheet in ("Trained networks by window", "What training is worth"))
    decided, _ = daily_decision(str(desk), str(home), allow_stale=True)
    asked = {f"small.{order.policy}" for order in decided.orders}
    assert {each for each in asked if each.rpartition(".")[2] in TRAINED} == gained
