"""A small run that is tracked, and empty places for runs."""

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, replace
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
    result: Published

    @property
    def store(self) -> DatasetStore:
        return DatasetStore(self.home.data / "datasets")

    @property
    def client(self) -> MlflowClient:
        return connect(self.home.mlruns)

    def publish(self, *, force: bool = False) -> Published:
        return publish(self.desk, self.home, self.keys, {"backtest": 1.5}, {"colour": "blue"}, force)


@pytest.fixture(scope="session")
def published(finished, small_desk, tmp_path_factory):
    """The datasets of the finished run, tracked once more with tags and seconds of the test's own."""
    home = Home(finished.datasets_copied(tmp_path_factory.mktemp("tracked")))
    desk, keys = load_desk(str(small_desk)), keys_of(finished)
    run = TrackedRun(desk, home, keys, Published(Path(), "", "", new=False))
    return replace(run, result=run.publish())


@pytest.fixture(scope="module")
def tracked(finished, small_desk, tmp_path_factory):
    """The finished run itself, in a home of the module's own."""
    home = Home(finished.copied(tmp_path_factory.mktemp("small-run")))
    desk, client = load_desk(str(small_desk)), connect(home.mlruns)
    experiment = client.get_experiment_by_name(desk.name).experiment_id
    (run,) = client.search_runs([experiment], "tags.kind = 'pipeline'")
    folder = home.data / "reports" / finished.summary["run"]
    return TrackedRun(desk, home, keys_of(finished), Published(folder, run.info.run_id, experiment, new=True))


def keys_of(finished):
    """Return the keys of the datasets that a run is published from."""
    return {
        name: finished.summary["dataset_keys"][name] for name in ("market", "features", "signals", "backtest")
    }


@pytest.fixture
def mlruns(tmp_path):
    """A place for runs where nothing is yet; where MLflow looks for them is put back afterwards."""
    with _place_kept():
        yield tmp_path / "mlruns"


@pytest.fixture(scope="session")
def no_runs(tmp_path_factory):
    """A place with the empty database of MLflow, which takes seconds to make."""
    place = tmp_path_factory.mktemp("no-runs")
    with _place_kept():
        connect(place)
    return place


@pytest.fixture
def experiment(no_runs, mlruns):
    """A client and an experiment in an empty place."""
    client = connect(Path(shutil.copytree(no_runs, mlruns)))
    return client, experiment_id(client, mlruns, "trial")


@contextmanager
def _place_kept():
    before = mlflow.get_tracking_uri()
    yield
    mlflow.set_tracking_uri(before)
    mlflow.set_registry_uri(before)
