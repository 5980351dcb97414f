"""The learning curve of a training in MLflow."""

import pytest
from mlflow import MlflowClient

from pipeline.domain.home import Home
from pipeline.tracking.database import connect
from pipeline.tracking.learning import RISK, tracked_training


@pytest.fixture
def here(tmp_path):
    return Home.find(tmp_path)


def only_run(client: MlflowClient):
    (run,) = client.search_runs([each.experiment_id for each in client.search_experiments()])
    return run


def test_a_training_has_its_settings_its_curve_and_its_file(here, tmp_path):
    file = tmp_path / "mine-ppo_band-0.npz"
    file.write_bytes(b"weights")
    with tracked_training(here, "mine", "ppo_band", {"lives": 4}) as curve:
        curve(2, 1.5)
        curve.complete([(0, 2.0), (2, 1.5), (4, 1.25)])
        curve.keep(file)
    client = connect(here.mlruns)
    run = only_run(client)
    points = {(each.step, each.value) for each in client.get_metric_history(run.info.run_id, RISK)}
    assert points == {(0, 2.0), (2, 1.5), (4, 1.25)}
    assert len(client.get_metric_history(run.info.run_id, RISK)) == 3
    assert run.info.status == "FINISHED"
    assert run.data.params == {"lives": "4"}
    kept = ("desk", "kind", "policy", "network")
    assert [run.data.tags[name] for name in kept] == ["mine", "training", "ppo_band", file.name]
    assert [each.path for each in client.list_artifacts(run.info.run_id, "network")] == [
        f"network/{file.name}"
    ]


def test_an_interrupted_training_is_killed(here):
    with pytest.raises(KeyboardInterrupt), tracked_training(here, "mine", "ppo_band", {}):
        raise KeyboardInterrupt
    assert only_run(connect(here.mlruns)).info.status == "KILLED"
