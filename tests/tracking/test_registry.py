import json
import os
import subprocess
import sys

import mlflow
import numpy as np
import pandas as pd
import pytest

from pipeline.forecasts.catalogue import restore
from pipeline.policies.regime_switched import RegimeSwitched
from pipeline.policies.written import restored, written
from pipeline.regimes.catalogue import DETECTORS
from pipeline.tracking.database import database_uri
from pipeline.tracking.registry import CHAMPION, log_models, place, register
from pipeline.tracking.served.policy import ANSWER, COLUMNS, market_state

NAMES = (
    "regime_detector", "volatility_forecaster", "liquidity_forecaster", "event_forecaster", "regime_switched",
)  # fmt: skip
LOADER = """
import sys
from pathlib import Path

import mlflow
import pandas as pd

mlflow.set_tracking_uri(sys.argv[1])
for name in sys.argv[3:]:
    rows = pd.read_parquet(Path(sys.argv[2]) / f"{name}.in.parquet")
    model = mlflow.pyfunc.load_model(f"models:/small.{name}@champion")
    model.predict(rows).to_parquet(Path(sys.argv[2]) / f"{name}.out.parquet")
print(Path(sys.modules["pipeline"].__file__).parts[-3])
"""


@pytest.fixture(scope="module")
def rows(tracked):
    """Inputs of every model: features of some years, and market states around the money."""
    features = tracked.store.open(tracked.keys["features"])["features"].iloc[3000:4000].reset_index(drop=True)
    features = features.drop(columns=["session", "known_time"])
    rng = np.random.default_rng(3)
    states = pd.DataFrame({name: rng.uniform(0.1, 0.3, 50) for name in COLUMNS})
    states = states.assign(
        forward=rng.uniform(90, 110, 50), strike=100.0, forward_slope=1.0, cost=1e-4, time_to_expiry=21 / 365
    )
    calm = rng.uniform(0, 1, 50)
    states = states.assign(regime_prob_0=calm, regime_prob_1=1 - calm)
    return {name: states if name == "regime_switched" else features for name in NAMES}


@pytest.fixture(scope="module")
def served(tracked, rows, tmp_path_factory):
    """What the champions predict in a process of their own that does not have the project on its path."""
    folder = tmp_path_factory.mktemp("served")
    for name, frame in rows.items():
        signature = tracked.client.get_model_version_by_alias(f"small.{name}", CHAMPION)
        assert signature.aliases == [CHAMPION]
        frame.astype(float).to_parquet(folder / f"{name}.in.parquet")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, "-c", LOADER, database_uri(tracked.home.mlruns), str(folder), *NAMES]
    child = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert child.returncode == 0, child.stderr
    assert child.stdout.strip() == "code", "the models run on the code that they carry"
    return {name: pd.read_parquet(folder / f"{name}.out.parquet") for name in NAMES}


@pytest.mark.slow
def test_the_detector_filters_as_it_did(tracked, rows, served):
    content = tracked.store.open(tracked.keys["signals"]).file("models/regime.npz")
    with np.load(content, allow_pickle=False) as arrays:
        detector = DETECTORS[tracked.desk.regimes.detector].from_arrays(dict(arrays))
    expected = detector.filter(rows["regime_detector"])
    np.testing.assert_allclose(served["regime_detector"].to_numpy(), expected, rtol=1e-12, atol=1e-15)
    assert list(served["regime_detector"]) == ["regime_prob_0", "regime_prob_1"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "task"), [("volatility_forecaster", "variance_21d"), ("liquidity_forecaster", "illiquidity_1d")]
)
def test_the_forecasters_forecast_as_they_did(tracked, rows, served, name, task):
    state = json.loads(tracked.store.open(tracked.keys["signals"]).read_bytes(f"models/{task}.json"))
    expected = restore(state).predict(rows[name])
    assert np.isfinite(expected).mean() > 0.9
    np.testing.assert_allclose(served[name]["forecast"], expected, rtol=1e-12)
    if name == "volatility_forecaster":
        np.testing.assert_allclose(served[name]["annual_vol"], np.sqrt(expected * 252 / 21), rtol=1e-12)


@pytest.mark.slow
def test_the_events_have_the_probabilities_they_had(tracked, rows, served):
    for event in ("spike", "gap"):
        state = json.loads(tracked.store.open(tracked.keys["signals"]).read_bytes(f"models/{event}_1d.json"))
        expected = restore(state).predict(rows["event_forecaster"])
        np.testing.assert_allclose(served["event_forecaster"][f"{event}_prob"], expected, rtol=1e-12)


@pytest.mark.slow
def test_every_version_says_what_it_does_and_where_it_comes_from(tracked):
    for name in NAMES:
        model = tracked.client.get_registered_model(f"small.{name}")
        versions = tracked.client.search_model_versions(f"name = 'small.{name}'")
        (version,) = (each for each in versions if each.run_id == tracked.result.run_id)
        assert model.description.endswith(".")
        assert version.tags["report"] == tracked.result.folder.name


@pytest.mark.slow
def test_the_flagship_answers_with_its_band(tracked, rows, served):
    parameters = json.loads(
        tracked.store.open(tracked.keys["backtest"]).read_bytes("models/regime_switched.json")
    )
    band = restored(parameters).band(market_state(tracked.desk, rows["regime_switched"]))
    answer = served["regime_switched"]
    assert tuple(answer) == ANSWER
    for name in ANSWER:
        np.testing.assert_allclose(answer[name], getattr(band, name)[:, 0, 0], rtol=1e-12)
    assert (answer["to_lower"] == answer["lower"]).all()
    assert (answer["speed"] == 1.0).all()


@pytest.mark.slow
def test_the_flagship_of_a_desk_with_fixed_fees_and_impact_says_where_to_trade(tracked, rows):
    """Registered under another name: the champions of the desk stay what they are."""
    costs = tracked.desk.costs.model_copy(update={"fixed_fee_bps": 1.0})
    execution = tracked.desk.execution.model_copy(update={"impact": 1.0, "notional_share": 0.05})
    desk = tracked.desk.model_copy(update={"name": "dear", "costs": costs, "execution": execution})
    opened = {name: tracked.store.open(tracked.keys[name]) for name in ("signals", "backtest")}
    with mlflow.start_run():
        models = log_models(desk, opened["signals"], opened["backtest"])
        place(tracked.client, tracked.home.mlruns, register(tracked.client, desk, models, {}), CHAMPION)
    states = rows["regime_switched"].assign(impact=np.linspace(1e-4, 1e-2, 50))
    answer = mlflow.pyfunc.load_model(f"models:/dear.regime_switched@{CHAMPION}").predict(states)
    parameters = json.loads(opened["backtest"].read_bytes("models/regime_switched.json"))
    band = restored(parameters).band(market_state(desk, states))
    for name in ANSWER:
        np.testing.assert_allclose(answer[name], getattr(band, name)[:, 0, 0], rtol=1e-12)
    assert (answer["lower"] < answer["to_lower"]).all()
    assert (answer["to_lower"] <= answer["to_upper"]).all()
    assert (answer["to_upper"] < answer["upper"]).all()
    assert ((answer["speed"] > 0.0) & (answer["speed"] < 1.0)).all()


def test_parameters_come_back_as_the_same_policy():
    policy = RegimeSwitched(call=(0.1, -0.2, 0.3), slope_share=0.5, band_scale=0.75, aversion_tilt=2.0)
    assert restored(json.loads(json.dumps(written(policy)))) == policy
