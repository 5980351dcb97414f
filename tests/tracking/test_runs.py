import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import pipeline
from pipeline.tracking.runs import PROCESS, end_orphans, finished_run, log_numbers, tracked_run


def status(client, run_id):
    return client.get_run(run_id).info.status


@pytest.mark.parametrize(
    ("error", "ended"),
    [(None, "FINISHED"), (ValueError, "FAILED"), (KeyboardInterrupt, "KILLED"), (SystemExit, "KILLED")],
)
def test_a_run_ends_as_it_ended(experiment, error, ended):
    client, where = experiment
    ids = []

    def body():
        with tracked_run(where, "parent", {}) as parent:
            ids.append(parent)
            with tracked_run(where, "child", {}, nested=True) as child:
                ids.append(child)
                if error:
                    raise error

    if error:
        with pytest.raises(error):
            body()
    else:
        body()
    assert [status(client, run_id) for run_id in ids] == [ended, ended]
    assert client.get_run(ids[1]).data.tags["mlflow.parentRunId"] == ids[0]


def test_a_killed_process_leaves_no_run_running(experiment, mlruns):
    client, where = experiment
    script = (
        "import os, signal\nfrom pathlib import Path\n"
        "from pipeline.tracking.database import connect\nfrom pipeline.tracking.runs import tracked_run\n"
        f"connect(Path({str(mlruns)!r}))\n"
        f"with tracked_run({where!r}, 'doomed', {{}}) as run_id:\n"
        "    print(run_id, flush=True)\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(pipeline.__file__).parents[1])}
    child = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert child.returncode == -signal.SIGKILL
    doomed = child.stdout.strip()
    assert status(client, doomed) == "RUNNING"
    with tracked_run(where, "mine", {}) as mine:
        end_orphans(client, where)
        assert (status(client, doomed), status(client, mine)) == ("KILLED", "RUNNING")


@pytest.mark.parametrize(
    ("process", "expected"),
    [
        ("elsewhere:1:1", "RUNNING"),
        (f"{socket.gethostname()}:{os.getpid()}:1", "KILLED"),
        (f"{socket.gethostname()}:999999999:1", "KILLED"),
        ("", "KILLED"),
    ],
    ids=["another machine", "this process, begun later", "a process that is gone", "unknown"],
)
def test_orphans_are_told_by_machine_process_and_its_start(experiment, process, expected):
    client, where = experiment
    run_id = client.create_run(where, tags={PROCESS: process}).info.run_id
    end_orphans(client, where)
    assert status(client, run_id) == expected


def test_only_finished_runs_of_the_identity_are_found(experiment):
    client, where = experiment
    assert finished_run(client, where, "abc") is None
    with pytest.raises(ValueError, match="no"), tracked_run(where, "failed", {"identity": "abc"}):
        raise ValueError("no")
    assert finished_run(client, where, "abc") is None
    with tracked_run(where, "done", {"identity": "abc"}) as done:
        pass
    assert finished_run(client, where, "abc").info.run_id == done
    assert finished_run(client, where, "xyz") is None


def test_numbers_that_are_nan_are_left_out(experiment):
    client, where = experiment
    with tracked_run(where, "run", {}) as run_id:
        log_numbers(client, run_id, {"a": 1.25, "b": float("nan")})
    assert client.get_run(run_id).data.metrics == {"a": 1.25}
