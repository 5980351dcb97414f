"""A cluster of real processes: the numbers of one process, whoever dies on the way, and clear refusals."""

import threading
import time
from pathlib import Path

import pytest

from benchmarks.dask_processes import dask_processes, hashes_of
from flows.dask_cluster import DaskCluster, check_same, installed
from flows.runners import runner
from flows.stages import features
from pipeline.domain.errors import SettingsError, StageError
from pipeline.domain.runner_name import RUNNER, STORE, RunnerName
from pipeline.ingest.local_processes import LocalProcesses
from pipeline.ingest.partitions import in_turn
from tests.market_ticks import DESK, write_market

DAYS = 4


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    (folder / "ticks").mkdir()
    write_market(folder / "ticks", DAYS)
    path = folder / "desk.toml"
    path.write_text(DESK.replace("[data]", '[data]\nfolder = "ticks"'))
    return str(path)


@pytest.fixture(scope="module")
def alone(prefect, desk, tmp_path_factory):
    """Home and features of a run that computes one day after another."""
    home = tmp_path_factory.mktemp("alone")
    return home, features(desk, str(home))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A scheduler and two workers, which the tests kill one after another."""
    with dask_processes(2, tmp_path_factory.mktemp("cluster")) as started:
        yield started


@pytest.mark.slow
def test_a_run_that_loses_a_worker_ends_with_the_bits_of_one_process(
    alone, cluster, desk, tmp_path, monkeypatch
):
    home, key = alone
    store = tmp_path / "store"
    monkeypatch.setenv(STORE, store.as_uri())
    monkeypatch.setenv(RUNNER, f"dask://{cluster.address}")
    killed, ended = threading.Event(), threading.Event()

    def kill_midway():
        while not ended.is_set():
            if list(store.glob("decision_day-*/_made/XYZ/*/*.json")):
                cluster.kill_one()
                killed.set()
                return
            time.sleep(0.02)

    killer = threading.Thread(target=kill_midway)
    killer.start()
    try:
        found = features(desk, str(tmp_path / "home"))
    finally:
        ended.set()
        killer.join()
    assert killed.is_set()
    assert found == key
    expected = hashes_of(home / "data" / "partitions")
    assert len(expected) == DAYS * (2 * 3 + 3)  # of files: table, days, held; of days: grid, fills, features
    assert hashes_of(store) == expected
    made = Path("data", "datasets", key)
    assert hashes_of(tmp_path / "home" / made) == hashes_of(home / made)


@pytest.mark.slow
def test_local_processes_give_the_bits_of_one(alone, desk, tmp_path, monkeypatch):
    home, key = alone
    monkeypatch.setenv(RUNNER, "local:2")
    assert features(desk, str(tmp_path)) == key
    assert hashes_of(tmp_path / "data" / "partitions") == hashes_of(home / "data" / "partitions")


@pytest.mark.slow
def test_what_is_wrong_with_a_cluster_is_one_line(prefect, cluster, desk, tmp_path, monkeypatch):
    monkeypatch.setenv(RUNNER, f"dask://{cluster.address}")
    while cluster.workers:
        cluster.kill_one()
    with pytest.raises(StageError, match=r"the scheduler has no worker: start `dask worker"):
        features(desk, str(tmp_path / "home"))
    cluster.scheduler.kill()
    monkeypatch.setattr("flows.dask_cluster.PATIENCE", 1.0)
    with pytest.raises(StageError, match=r"no Dask scheduler answers within 1 s"):
        features(desk, str(tmp_path / "home"))


def test_a_worker_with_other_packages_is_named():
    here = installed()
    check_same("worker 1", here, here)
    with pytest.raises(SettingsError, match=r"worker 1 has pandas 0\.1, this machine .*: install the same"):
        check_same("worker 1", here | {"pandas": "0.1"}, here)


def test_the_environment_names_the_runner(monkeypatch):
    assert runner() is in_turn
    monkeypatch.setenv(RUNNER, "local:3")
    assert runner() == LocalProcesses(3)
    monkeypatch.setenv(RUNNER, "dask://scheduler:8786")
    assert runner() == DaskCluster("scheduler:8786")


@pytest.mark.parametrize("wrong", ["local:0", "local", "dask://", "dask://host", "spark://x:1"])
def test_a_wrong_name_says_what_is_right(wrong):
    with pytest.raises(SettingsError, match=r"give local:N or dask://HOST:PORT"):
        RunnerName.of(wrong)


def test_the_extra_is_named_where_it_is_not_installed(monkeypatch):
    monkeypatch.setattr("pipeline.domain.runner_name.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"pip install 'regime-hedge\[dask\]'"):
        RunnerName.of("dask://host:8786")
