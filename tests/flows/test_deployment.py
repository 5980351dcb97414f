"""The deployment of prefect.yaml on a real server, with a real worker."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pandas as pd
import psutil
import pytest

import pipeline

pytestmark = pytest.mark.slow
START_SECONDS = 120


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def post(url, path, body):
    content = json.dumps(body).encode()
    request = urllib.request.Request(f"{url}/{path}", content, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def eventually(ask, seconds):
    """Return the first answer of `ask` that is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if answer := ask():
                return answer
        time.sleep(0.5)
    raise AssertionError(f"{ask} had no answer in {seconds} s")


def stop(process, signals):
    """Interrupt a process until it ends, at most `signals` times; nothing of it may be left."""
    family = [process, *psutil.Process(process.pid).children(recursive=True)]
    for _ in range(signals):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
            break
    _, left = psutil.wait_procs([member for member in family if member is not process], timeout=20)
    return process.poll() is not None and not left


@pytest.fixture(scope="module")
def prefect_environment(tmp_path_factory):
    port = free_port()
    place = tmp_path_factory.mktemp("server")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PREFECT_", "MLFLOW_"))}
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}",
        "PYTHONPATH": str(Path(pipeline.__file__).parents[1]),
        "PWD": str(Path(pipeline.__file__).parents[1]),
        "HEDGE_HOME": str(place / "home"),
        "PREFECT_HOME": str(place / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "DO_NOT_TRACK": "true",
    }


@pytest.fixture(scope="module")
def prefect_command(prefect_environment):
    """Return a function that runs or starts `prefect …` in the checkout, on the test's own server."""

    def command(*arguments, start=False):
        line = ["prefect", "--no-prompt", *arguments]
        settings = {"env": prefect_environment, "cwd": prefect_environment["PWD"], "text": True}
        log = Path(prefect_environment["PREFECT_HOME"]).with_name(f"{arguments[0]}-{arguments[1]}.log")
        with log.open("a") as output:
            if start:
                return subprocess.Popen(line, stdout=output, stderr=output, **settings)
            done = subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **settings)
        assert done.returncode == 0, done.stdout
        return done.stdout

    return command


@pytest.fixture(scope="module")
def server(prefect_environment, prefect_command):
    url = prefect_environment["PREFECT_API_URL"]
    process = prefect_command("server", "start", "--no-ui", start=True)
    eventually(lambda: urllib.request.urlopen(f"{url}/health", timeout=5).read() == b"true", START_SECONDS)
    yield url
    assert stop(process, signals=2), "the server left something behind"


@pytest.fixture(scope="module")
def deployment(server, prefect_command):
    prefect_command("work-pool", "create", "hedge", "--type", "process")
    prefect_command("deploy", "--all")
    (found,) = post(server, "deployments/filter", {})
    return found


def test_the_checkout_is_where_runs_start(deployment, prefect_environment):
    (step,) = deployment["pull_steps"]
    assert step == {
        "prefect.deployments.steps.set_working_directory": {"directory": prefect_environment["PWD"]}
    }


def test_the_schedule_makes_runs_on_weekdays_after_the_close(server, deployment):
    """With SQLAlchemy 2.1 the scheduler failed in silence: no run ever appeared."""
    query = {"deployments": {"id": {"any_": [deployment["id"]]}}, "sort": "EXPECTED_START_TIME_ASC"}
    runs = eventually(lambda: post(server, "flow_runs/filter", query), seconds=90)
    starts = pd.to_datetime([run["expected_start_time"] for run in runs]).tz_convert("America/New_York")
    assert {(start.hour, start.minute) for start in starts} == {(16, 30)}
    assert all(start.day_of_week < 5 for start in starts)
    assert {run["state_type"] for run in runs} == {"SCHEDULED"}


def test_a_worker_takes_a_run_to_its_end_and_leaves_nothing(
    server, deployment, prefect_command, prefect_environment, small_desk
):
    worker = prefect_command("worker", "start", "--pool", "hedge", start=True)
    try:
        path = f"deployments/{deployment['id']}/create_flow_run"
        run = post(server, path, {"parameters": {"desk": str(small_desk)}, "state": {"type": "SCHEDULED"}})

        def ended():
            url = f"{server}/flow_runs/{run['id']}"
            with urllib.request.urlopen(url, timeout=30) as answer:
                now = json.load(answer)
            return now if now["state_type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") else None

        done = eventually(ended, seconds=240)
    finally:
        assert stop(worker, signals=3), "the worker left something behind"
    assert (done["state_type"], done["name"]) == ("COMPLETED", "small-desk")
    artifacts = post(server, "artifacts/filter", {})
    assert {artifact["key"] for artifact in artifacts} == {"comparison", "verdicts", "report"}
    (report,) = Path(prefect_environment["HEDGE_HOME"]).glob("data/reports/latest/report.html")
    assert report.stat().st_size > 1000
