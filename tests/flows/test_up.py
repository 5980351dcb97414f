"""`hedge up` with real processes: all three answer, runs go through the worker, and nothing is left."""

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pandas as pd
import psutil
import pytest
import yaml

from flows.deployments import deployments_for, version_of
from flows.up import Up, chosen_port, schedule_of
from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import SettingsError
from pipeline.domain.home import Home
from tests.processes import clean_environment, hedge_in_this_process

START_SECONDS = 240
NEW_YORK = {"cron": "30 16 * * 1-5", "timezone": "America/New_York"}
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


def get(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def post(url, body):
    """Ask as Prefect's own client does: again, while the server says that its database is locked (503)."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    for _ in range(20):
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
            time.sleep(0.5)
    raise AssertionError(f"{url} has been busy for 10 s")


def eventually(ask, seconds):
    """Return the first answer of `ask` that is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if answer := ask():
                return answer
        time.sleep(0.5)
    raise AssertionError(f"{ask} had no answer in {seconds} s")


class Running:
    """A `hedge up` that has started, where it is, and everything that belongs to it."""

    def __init__(self, home, desk, *options):
        kept = clean_environment() | {"PREFECT_WORKER_QUERY_SECONDS": "2"}
        kept["PATH"] = f"{Path(sys.executable).parent}:{kept['PATH']}"
        line = [sys.executable, "-m", "pipeline.cli", "up", str(desk), "--home", str(home), *options]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(line, env=kept, cwd=home, start_new_session=True, **pipes)
        self.home, self.said = home, []
        while "Ctrl-C" not in (said := self.process.stdout.readline()):
            assert said, self.process.communicate()[1]
            self.said.append(said)
        places = dict(line.split(None, 1) for line in self.said if line[0] in "PM")
        self.prefect, self.mlflow = places["Prefect"].strip(), places["MLflow"].partition("/#")[0]
        self.family = psutil.Process(self.process.pid).children(recursive=True)

    def end(self, number):
        """Send a signal to the one process that the user sees; return what it wrote last and what is left."""
        self.family += psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(number)
        _, error = self.process.communicate(timeout=90)
        _, left = psutil.wait_procs(set(self.family), timeout=30)
        return error, left

    def start(self, flow, **parameters):
        """Have the worker run a deployment; return the flow run."""
        found = get(f"{self.prefect}/api/deployments/name/{flow}/small")
        body = {"parameters": {**found["parameters"], **parameters}, "state": {"type": "SCHEDULED"}}
        return post(f"{self.prefect}/api/deployments/{found['id']}/create_flow_run", body)

    def state(self, run):
        """Return the state of a flow run."""
        return get(f"{self.prefect}/api/flow_runs/{run['id']}")["state"]

    def run(self, flow, **parameters):
        """Run a deployment through the worker; return the flow run when it has ended."""
        run = self.start(flow, **parameters)

        def ended():
            now = get(f"{self.prefect}/api/flow_runs/{run['id']}")
            return now if now["state_type"] in ENDED else None

        return eventually(ended, seconds=300)

    def artifacts(self, run):
        """Return the artifacts of a flow run by key."""
        found = post(f"{self.prefect}/api/artifacts/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}})
        return {artifact["key"]: artifact["data"] for artifact in found}


@pytest.fixture(scope="module")
def home(finished, tmp_path_factory):
    """A home that has the datasets of the desk, so that a retrain takes seconds, and no run of it."""
    return finished.datasets_copied(tmp_path_factory.mktemp("up"))


@pytest.fixture(scope="module")
def running(home, small_desk):
    started = Running(home, small_desk)
    yield started
    if started.process.poll() is None:
        started.end(signal.SIGINT)


@pytest.mark.slow
def test_all_three_answer_and_the_deployments_have_their_schedules(running):
    assert get(f"{running.prefect}/api/health") is True
    for pages in (running.prefect, running.mlflow):
        with urllib.request.urlopen(pages, timeout=30) as answer:
            assert b"<title>" in answer.read()
    assert get(f"{running.prefect}/ui-settings")["api_url"] == f"{running.prefect}/api"
    (worker,) = post(f"{running.prefect}/api/work_pools/hedge/workers/filter", {})
    assert worker["status"] == "ONLINE"
    found = post(f"{running.prefect}/api/deployments/filter", {})
    crons = {
        each["entrypoint"].rpartition(".")[2]: [x["schedule"]["cron"] for x in each["schedules"]]
        for each in found
    }
    assert crons == {
        "daily_decision": ["30 16 * * 1-5"],
        "weekly_retrain": ["0 8 * * 6"],
        "retrain": [],
        "approval": [],
    }
    options = {each["entrypoint"].rpartition(".")[2]: each["concurrency_options"] for each in found}
    strategies = {name: each["collision_strategy"] for name, each in options.items() if each}
    assert strategies == {"daily_decision": "ENQUEUE", "weekly_retrain": "ENQUEUE", "retrain": "CANCEL_NEW"}
    tags = {"hedging", "decision", "retrain", "alarm", "approval"}
    assert {tag for each in found for tag in each["tags"]} == tags
    (automation,) = post(f"{running.prefect}/api/automations/filter", {})
    (started,) = (each for each in found if each["entrypoint"].endswith(".retrain"))
    assert automation["trigger"]["match"] == {"prefect.resource.id": "hedge.desk.small"}
    assert automation["trigger"]["expect"] == ["hedge.alarm.critical"]
    assert [each["deployment_id"] for each in automation["actions"]] == [started["id"]]


@pytest.mark.slow
def test_nothing_listens_beyond_loopback(running):
    family = psutil.Process(running.process.pid).children(recursive=True)
    places = {
        each.laddr.ip
        for member in family
        for each in member.net_connections("inet")
        if each.status == psutil.CONN_LISTEN
    }
    assert places == {"127.0.0.1"}


@pytest.mark.slow
def test_the_schedule_makes_runs_on_weekdays_after_the_close(running):
    """With SQLAlchemy 2.1 the scheduler failed in silence: no run ever appeared."""
    daily = get(f"{running.prefect}/api/deployments/name/daily_decision/small")
    query = {"deployments": {"id": {"any_": [daily["id"]]}}, "sort": "EXPECTED_START_TIME_ASC"}
    runs = eventually(lambda: post(f"{running.prefect}/api/flow_runs/filter", query), seconds=90)
    starts = pd.to_datetime([run["expected_start_time"] for run in runs]).tz_convert("America/New_York")
    assert {(start.hour, start.minute) for start in starts} == {(16, 30)}
    assert all(start.day_of_week < 5 for start in starts)


@pytest.mark.slow
def test_a_failing_stage_names_itself_and_what_to_do(running, tmp_path, small_desk):
    broken = tmp_path / "broken.toml"
    broken.write_text(small_desk.read_text().replace("test_end = 2017-12-31", "test_end = 2030-12-31"))
    failed = running.run("weekly_retrain", desk=str(broken), latest=False)
    message = failed["state"]["message"]
    assert failed["state_type"] == "FAILED"
    assert message.startswith(
        "train failed for desk broken.toml: windows.test_end is 2030-12-31, but the data"
    )
    assert message.endswith("move it inside")
    assert message in running.artifacts(failed)["what-failed"]
    (stage,) = post(
        f"{running.prefect}/api/flow_runs/filter",
        {"flows": {"name": {"any_": ["train"]}}, "flow_runs": {"name": {"any_": ["broken"]}}},
    )
    assert (stage["state_type"], stage["state"]["message"]) == ("FAILED", message)


@pytest.mark.slow
def test_a_retrain_and_a_decision_go_through_the_worker(running):
    retrained = running.run("weekly_retrain", latest=False)
    assert (retrained["state_type"], retrained["name"]) == ("COMPLETED", "small-desk"), retrained["state"]
    shown = running.artifacts(retrained)
    assert set(shown) == {"comparison", "verdicts", "report", "mlflow-run"}
    assert running.mlflow in shown["report"]
    run_id = re.search(r"/runs/([0-9a-f]{32})", shown["mlflow-run"])[1]
    page = f"{running.mlflow}/get-artifact?path=report/report.html&run_uuid={run_id}"
    with urllib.request.urlopen(page, timeout=60) as answer:
        assert b"regime_switched" in answer.read()

    decided = running.run("daily_decision", allow_stale=True, position=0.3)
    assert decided["state_type"] == "COMPLETED", decided["state"]
    shown = running.artifacts(decided)
    assert {row["policy"] for row in json.loads(shown["orders"])} == {"regime_switched", "delta_implied"}
    assert "stale data" in shown["decision"]
    (file,) = (running.home / "data" / "decisions" / "small").iterdir()
    assert json.loads(file.read_text())["orders"][0]["position"] == 0.3


@pytest.mark.slow
def test_a_second_one_in_the_same_home_and_a_port_in_use_are_one_line(running, home, small_desk):
    for options, message in (
        ([], "hedge up runs already in"),
        (["--mlflow-port", running.mlflow.rpartition(":")[2]], r"--mlflow-port \d+ is taken on 127.0.0.1"),
    ):
        done = hedge_in_this_process("up", small_desk, "--home", home, *options)
        assert (done.returncode, done.stdout) == (1, "")
        assert re.fullmatch(f"hedge: .*{message}.*\n", done.stderr)


@pytest.mark.slow
def test_ctrl_c_ends_all_and_it_starts_again_in_the_same_home_until_it_is_killed(running, home, small_desk):
    assert len(running.family) >= 6
    made = post(f"{running.prefect}/api/deployments/filter", {})
    interrupted = running.start("retrain", force=True)
    eventually(lambda: running.state(interrupted)["type"] == "RUNNING", seconds=120)
    error, left = running.end(signal.SIGINT)
    assert (running.process.returncode, error, left) == (0, "", [])
    again = Running(home, small_desk)
    state = again.state(interrupted)
    assert (state["type"], state["message"]) == ("CRASHED", "hedge up ended while it ran: start it again")
    retrain = get(f"{again.prefect}/api/deployments/name/retrain/small")
    assert retrain["global_concurrency_limit"]["active_slots"] == 0, "the next one may start"
    there = post(f"{again.prefect}/api/deployments/filter", {})
    assert len(there) == 4
    assert [each["updated"] for each in there] == [each["updated"] for each in made], "nothing had changed"
    _, left = again.end(signal.SIGKILL)
    assert left == [], "what it started ends when it is killed"


@pytest.mark.slow
def test_when_one_ends_all_end_and_its_log_is_named(home, small_desk):
    running = Running(home, small_desk)
    (worker,) = (
        each for each in running.family if "worker" in each.cmdline() and "flows.keeper" not in each.cmdline()
    )
    worker.kill()
    _, error = running.process.communicate(timeout=90)
    _, left = psutil.wait_procs(set(running.family), timeout=30)
    assert (running.process.returncode, left) == (1, [])
    assert error.startswith("hedge: worker ended with exit code")
    assert str(home / "data" / "logs" / "worker.log") in error


def test_deploying_depends_on_the_desk_and_its_schedule():
    daily = version_of(yaml.safe_dump(deployments_for("/desks/own.toml", "own", NEW_YORK)))
    later = NEW_YORK | {"cron": "0 17 * * 1-5"}
    assert daily == version_of(yaml.safe_dump(deployments_for("/desks/own.toml", "own", NEW_YORK)))
    assert daily != version_of(yaml.safe_dump(deployments_for("/desks/own.toml", "own", later)))


def test_a_named_port_that_is_taken_is_told_and_without_a_name_a_free_one_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"--prefect-port {port} is taken on 127.0.0.1"):
            chosen_port("--prefect-port", port, 4200)
        assert chosen_port("--prefect-port", None, port) != port
    assert chosen_port("--prefect-port", port, 4200) == port


def test_the_shipped_desk_keeps_its_parameters_and_another_one_is_never_decided_stale(tmp_path):
    shipped = {
        each["entrypoint"]: each
        for each in deployments_for("spx-daily", "spx-daily", NEW_YORK)["deployments"]
    }
    assert shipped["flows.decision.daily_decision"]["parameters"] == {
        "desk": "spx-daily",
        "allow_stale": True,
    }
    own = {
        each["entrypoint"]: each
        for each in deployments_for("/desks/own.toml", "own", NEW_YORK)["deployments"]
    }
    assert own["flows.decision.daily_decision"]["parameters"] == {"desk": "/desks/own.toml"}
    assert {each["name"] for each in own.values()} == {"own"}
    (trigger,) = own["flows.hedge_pipeline.retrain"]["triggers"]
    assert trigger["match"] == {"prefect.resource.id": "hedge.desk.own"}


def test_a_desk_within_the_day_has_no_hour_of_decision():
    made = deployments_for("bac-intraday", "bac-intraday", schedule_of(load_any("bac-intraday")))[
        "deployments"
    ]
    assert [each["entrypoint"].rpartition(".")[2] for each in made] == [
        "weekly_retrain",
        "retrain",
        "approval",
    ]
    assert made[0]["schedules"][0]["timezone"] == "America/New_York"
    assert made[0]["parameters"]["challenge"] is True, "what learns weekly has to win first"
    assert "become challengers" in made[0]["description"]
    with pytest.raises(SettingsError, match="daily desks and desks within the day"):
        schedule_of(load_any("spx-chain"))


def test_every_run_sees_the_home_and_where_mlflow_is(tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://elsewhere/api")
    environment = Up(Home(tmp_path), "spx-daily", "spx-daily", None, None).environment()
    assert environment["HEDGE_HOME"] == str(tmp_path)
    assert environment["PREFECT_API_URL"].startswith("http://127.0.0.1:")
    assert environment["HEDGE_MLFLOW_URL"].startswith("http://127.0.0.1:")
    assert environment["DO_NOT_TRACK"] == "true"


def test_what_is_started_is_not_told_who_a_live_desk_is(tmp_path, monkeypatch):
    for name in (
        "HEDGE_TOKEN",
        "HEDGE_FIX_PASSWORD",
        "HEDGE_CCXT_SECRET",
        "HEDGE_ROUTED_FIX_FILE",
        "HEDGE_OTHER",
    ):
        monkeypatch.setenv(name, "nobody-sees-this")
    told = Up(Home(tmp_path), "/desks/own.toml", "own", None, None).environment()
    assert {name for name, value in told.items() if value == "nobody-sees-this"} == {"HEDGE_OTHER"}
