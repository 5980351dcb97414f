"""What own fills taught, logged, registered as a challenger, promoted, and in force in a desk's settings."""

import json

import mlflow
import numpy as np
import pandas as pd
import pytest

from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import StoreError
from pipeline.domain.intraday_desk import LatencySettings
from pipeline.execution.learned_costs import LearnedCosts
from pipeline.execution.own_costs import costs_of_fills, latency_of
from pipeline.ingest.store import DatasetStore
from pipeline.monitor.own_cost_score import COSTS, ORDERS, Score
from pipeline.monitor.own_costs import Learned, told
from pipeline.tracking import own_costs
from pipeline.tracking.own_costs import OWN_COSTS, log_own_costs, with_own_costs
from pipeline.tracking.promotion import CHALLENGER, CHAMPION, aliased, promote_challengers, roll_back
from pipeline.tracking.registry import place, register
from pipeline.tracking.runs import tracked_run

DESK = load_any("bac-intraday")
TYPICAL = np.array([2e-4, 1e-4, 1e-5])


def made(**learned):
    estimate = Learned(
        latency_of(np.full(9, 0.2), DESK.hedge.latency, 50.0),
        costs_of_fills(np.full(3, 4e-4), np.tile(TYPICAL, (3, 1)), TYPICAL, 0.5, 50.0),
    )
    scores = {"latency": Score(40, 0.5, 0.1, ""), "crossing": Score(3, None, None, "too few")}
    facts = told(estimate) | {
        "refused": {"x": 2},
        "scores": {name: x._asdict() for name, x in scores.items()},
    }
    return LearnedCosts(told=facts, **learned)


def output(learned):
    return {COSTS: learned.to_json().encode(), ORDERS: pd.DataFrame({"paid": [1e-4]})}


@pytest.fixture
def logged(experiment, mlruns, tmp_path):
    """Return what logs and registers what was learned, and the client, the place and the run."""
    client, name = experiment
    store = DatasetStore(tmp_path / "datasets")

    def log(learned, alias=CHALLENGER):
        dataset = store.piece("own_costs", output, learned=learned)
        with tracked_run(name, "trial", {}) as run_id:
            models = log_own_costs(client, run_id, dataset)
        place(client, mlruns, register(client, DESK, models, {"desk": DESK.name}), alias)
        return run_id

    return log, client, mlruns


def test_what_is_believed_is_a_challenger_and_in_force_once_it_is_promoted(logged):
    log, client, mlruns = logged
    latency = LatencySettings(median_seconds=0.2, spread=0.4)
    run_id = log(made(latency=latency, crossing=1.3))
    registered = f"{DESK.name}.execution_costs"
    assert aliased(client, DESK.name, CHALLENGER) == {registered: "1"}
    assert with_own_costs(DESK, mlruns) == DESK
    promote_challengers(mlruns, DESK.name, "ann", "it won")
    found = with_own_costs(DESK, mlruns)
    assert (found.costs.crossing, found.hedge.latency) == (1.3, latency)
    metrics = client.get_run(run_id).data.metrics
    assert metrics["own_costs/latency/low"] == 0.1
    assert metrics["own_costs/refused"] == 2.0
    assert "own_costs/crossing/low" not in metrics
    assert json.loads(mlflow.artifacts.load_text(f"runs:/{run_id}/own_costs.json"))["crossing"] == 1.3
    model = mlflow.pyfunc.load_model(f"models:/{registered}@{CHAMPION}")
    paid = model.predict(
        pd.DataFrame({"half_spread": [2e-4], "vol": [1e-4], "share": [1.0], "steps": [0.01]})
    )
    coefficients = [made().told[name]["value"] for name in ("half_spread", "impact", "delay")]
    assert paid["paid"].iloc[0] == pytest.approx(np.dot(TYPICAL, coefficients))
    roll_back(mlruns, DESK.name, "ann", "it lost")
    assert with_own_costs(DESK, mlruns) == DESK


def test_what_is_not_believed_is_written_down_and_registered_nowhere(logged):
    log, client, mlruns = logged
    run_id = log(made())
    assert aliased(client, DESK.name, CHALLENGER) == {}
    assert client.get_run(run_id).data.metrics["own_costs/orders"] == 3.0
    assert with_own_costs(load_any("spx-daily"), mlruns) == load_any("spx-daily")


def test_a_part_that_is_not_believed_stays_what_the_file_says(logged):
    log, _, mlruns = logged
    log(made(crossing=0.8), alias=CHAMPION)
    found = with_own_costs(DESK, mlruns)
    assert (found.costs.crossing, found.hedge) == (0.8, DESK.hedge)


def test_one_that_is_damaged_is_one_line_that_says_the_way_back(logged, monkeypatch):
    log, _, mlruns = logged
    log(made(crossing=0.8), alias=CHAMPION)

    def damaged(version):
        return LearnedCosts.from_json('{"latency": null}')

    monkeypatch.setattr(own_costs, "costs_in", damaged)
    with pytest.raises(StoreError, match=r"execution_costs 1 cannot be read .* hedge rollback bac-intraday"):
        with_own_costs(DESK, mlruns)
    assert OWN_COSTS == "own_costs"
