"""The datasets of one small run, tracked once for all tests of this room."""

from dataclasses import dataclass
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from pipeline.domain.desk import Desk, load_desk
from pipeline.domain.home import Home
from pipeline.ingest.store import DatasetStore
from pipeline.tracking.database import connect, experiment_id
from pipeline.tracking.publish import Published, publish


@dataclass(frozen=True)
class TrackedRun:
    """A published run and what it was made from."""

    desk: Desk
    home: Home
    keys: dict[str, str]
    published: Published

    @property
    def store(self) -> DatasetStore:
        return DatasetStore(self.home.data / "datasets")

    @property
    def client(self) -> MlflowClient:
        return connect(self.home.mlruns)

    def publish(self, *, force: bool = False) -> Published:
        return publish(self.desk, self.home, self.keys, {"backtest": 1.5}, {"colour": "blue"}, force)


@pytest.fixture(scope="session")
def tracked(finished, small_desk, tmp_path_factory):
    desk, home = (
        load_desk(str(small_desk)),
        Home(finished.datasets_copied(tmp_path_factory.mktemp("tracked"))),
    )
    keys = {
        name: finished.summary["dataset_keys"][name] for name in ("market", "features", "signals", "backtest")
    }
    run = TrackedRun(desk, home, keys, Published(Path(), "", "", new=False))
    return TrackedRun(desk, home, keys, run.publish())


@pytest.fixture
def mlruns(tmp_path):
    """An empty place for runs; the tracking URI is put back afterwards."""
    before = mlflow.get_tracking_uri()
    yield tmp_path / "mlruns"
    mlflow.set_tracking_uri(before)
    mlflow.set_registry_uri(before)


@pytest.fixture
def experiment(mlruns):
    """A client and an experiment in an empty place."""
    client = connect(mlruns)
    return client, experiment_id(client, mlruns, "trial")
