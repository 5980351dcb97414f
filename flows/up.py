"""Prefect's server, a worker and MLflow's pages together: started, watched, and ended as one."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pandas as pd
import yaml

from flows.deployments import FILE, deployments_for, version_of
from flows.environment import LOGGED, PRIVATE
from flows.schedule import daily_schedule
from pipeline.domain.desk import Desk
from pipeline.domain.desk_file import AnyDesk, load_any
from pipeline.domain.errors import SettingsError, StoreError
from pipeline.domain.home import Home
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.pages import experiments_page

HOST = "127.0.0.1"
POOL = "hedge"
PREFECT_PORT, MLFLOW_PORT = 4200, 5000
START_SECONDS = 180.0
STOP_SECONDS = 40.0
RUNS_AT_ONCE = 4
"""Room beside the long ones, one of each, for the questions of a live desk."""
SECRET = ("HEDGE_TOKEN", "HEDGE_FIX_", "HEDGE_CCXT_", "HEDGE_ROUTED_")
"""How variables begin that a live desk alone has to know."""
LEFT_BEHIND = {
    "state": {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}},
    "deployment_id": {"is_null_": False},
}
"""Runs that a worker has begun with, by Prefect's filter."""
CRASHED = {"type": "CRASHED", "name": "Crashed", "message": "hedge up ended while it ran: start it again"}


@dataclass(frozen=True)
class Part:
    """One of the processes, what it is called, and where it logs."""

    name: str
    log: Path
    process: "subprocess.Popen[bytes]"

    def stop(self) -> None:
        """Tell its keeper that it is not wanted any more, and wait until it is gone."""
        if self.process.stdin:
            self.process.stdin.close()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def last_line(self) -> str:
        """Return the last line of its log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else "it logged nothing"


class StoppedError(Exception):
    """Somebody wants an end: Ctrl-C, or a signal."""


class Up:
    """The three parts in a home, for one desk; `run` returns when they have ended.

    Parameters
    ----------
    home : where everything is written; logs go to `data/logs`.
    desk, desk_name : desk of the deployments, a shipped name or an absolute path, and its name.
    prefect_port, mlflow_port : None takes 4200 and 5000 if they are free, else others.
    """

    def __init__(
        self, home: Home, desk: str, desk_name: str, prefect_port: int | None, mlflow_port: int | None
    ) -> None:
        self.home, self.desk, self.desk_name = home, desk, desk_name
        self.ports = (
            chosen_port("--prefect-port", prefect_port, PREFECT_PORT),
            chosen_port("--mlflow-port", mlflow_port, MLFLOW_PORT),
        )
        self.prefect, self.mlflow = (f"http://{HOST}:{port}" for port in self.ports)
        self.logs = home.data / "logs"
        self.parts: list[Part] = []
        self._wanted = threading.Event()

    def run(self, say: Callable[[str], None]) -> None:
        """Start the parts, say where they are, and wait; end all when one ends or somebody wants it.

        Raises
        ------
        SettingsError
            Another `hedge up` runs in this home.
        StoreError
            A part did not start, or ended; the message names it and its log.
        """
        with ExitStack() as last:
            last.enter_context(_alone(self.home))
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                    signal.signal(number, self._on_signal)
            last.callback(self._stop)
            try:
                self._start(say)
                while not self._wanted.wait(0.5):
                    self._check()
            except StoppedError:
                pass
            say("stopping")

    def _start(self, say: Callable[[str], None]) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        say(f"starting Prefect, MLflow and a worker, a minute or so; logs are in {self.logs}")
        python = sys.executable
        server = [python, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(self.ports[0])]
        pages = [python, "-m", "pipeline.tracking.ui", str(self.home.mlruns), str(self.ports[1])]
        self._begin("Prefect server", "prefect-server", server)
        self._begin("MLflow", "mlflow", pages)
        self._await("Prefect server", f"{self.prefect}/api/health")
        self._make_pool()
        self._deploy()
        self._close_left_behind(say)
        worker = [python, "-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process"]
        self._begin("worker", "worker", worker)
        self._await_worker()
        self._await("MLflow", f"{self.mlflow}/health")
        say(f"Prefect    {self.prefect}")
        say(f"  its API  {self.prefect}/api")
        say(f"MLflow     {experiments_page(self.mlflow)}")
        say(f"logs       {self.logs}")
        say(f"deployed   {', '.join(self._flows())}; to run one now:")
        say(f"           PREFECT_API_URL={self.prefect}/api prefect deployment run {self._flows()[0]}")
        say("           with that PREFECT_API_URL hedge live asks people, and its alarms start retrain")
        say("Ctrl-C ends all of it")

    def environment(self) -> dict[str, str]:
        """Return the environment of the parts, and of every run that the worker starts."""
        own = {
            "HEDGE_HOME": str(self.home.root),
            "HEDGE_MLFLOW_URL": self.mlflow,
            "PREFECT_HOME": str(self.home.data / ".prefect"),
            "PREFECT_API_URL": f"{self.prefect}/api",
            "PREFECT_SERVER_API_HOST": HOST,
            "PREFECT_SERVER_API_PORT": str(self.ports[0]),
            "PREFECT_SERVER_UI_API_URL": f"{self.prefect}/api",
            "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(self.home.data / ".prefect" / "ui"),
            "PYTHONUNBUFFERED": "1",
        }
        known = {name: told for name, told in os.environ.items() if not name.startswith(SECRET)}
        return {"PREFECT_WORKER_QUERY_SECONDS": "5", **known, **PRIVATE, **LOGGED, **own}

    def _begin(self, name: str, log: str, command: list[str]) -> None:
        path = self.logs / f"{log}.log"
        with path.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "flows.keeper", *command],
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=self.environment(),
                start_new_session=True,
            )
        self.parts.append(Part(name, path, process))

    def _await(self, name: str, url: str) -> None:
        def answers() -> bool:
            with urllib.request.urlopen(url, timeout=5) as answer:  # nosec B310 # our own
                return bool(answer.status == 200)

        self._until(answers, f"{name} did not answer on {url}", name)

    def _await_worker(self) -> None:
        def online() -> bool:
            workers = self._post(f"work_pools/{POOL}/workers/filter", {})
            return any(worker["status"] == "ONLINE" for worker in workers)

        self._until(online, "the worker did not come up", "worker")

    def _until(self, ask: Callable[[], bool], fault: str, name: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            self._check()
            try:
                if ask():
                    return
            except (urllib.error.URLError, OSError, ValueError):
                pass
            if self._wanted.wait(0.3):
                raise StoppedError
        part = next(each for each in self.parts if each.name == name)
        raise StoreError(f"{fault} in {START_SECONDS:.0f} s: its log is {part.log} ({part.last_line()})")

    def _check(self) -> None:
        """Raise if a part has ended by itself."""
        for part in self.parts:
            code = part.process.poll()
            if code is not None:
                raise StoreError(
                    f"{part.name} ended with exit code {code}, so all was ended: its log is {part.log} "
                    f"({part.last_line()})"
                )

    def _make_pool(self) -> None:
        pool = {"name": POOL, "type": "process", "concurrency_limit": RUNS_AT_ONCE}

        def made() -> bool:
            try:
                self._post("work_pools/", pool)
            except urllib.error.HTTPError as error:
                if error.code != 409:  # it is there
                    raise
            return True

        self._until(made, f"the work pool {POOL} could not be made", "Prefect server")

    def _deploy(self) -> None:
        """Make the deployments, unless those of the last time are the same and still there."""
        wanted, folder = self._deployments(), self.home.data / ".prefect"
        content = yaml.safe_dump(wanted)
        version, deployed = version_of(content), folder / "deployed"
        same = deployed.is_file() and deployed.read_text(encoding="utf-8") == version
        if same and self._are_there(len(wanted["deployments"])):
            return
        deployed.unlink(missing_ok=True)
        file = folder / FILE
        file.write_text(content, encoding="utf-8")
        deploy = ["prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file)]
        log = self.logs / "deploy.log"
        with log.open("wb") as output:
            done = subprocess.run(
                [sys.executable, "-m", *deploy], env=self.environment(), stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True, check=False,
            )  # fmt: skip
        if self._wanted.is_set():
            raise StoppedError
        if done.returncode:
            raise StoreError(f"the deployments of {self.desk_name} could not be made: the log is {log}")
        deployed.write_text(version, encoding="utf-8")

    def _close_left_behind(self, say: Callable[[str], None]) -> None:
        """Close the runs that the last worker was at: Prefect would count them as running for ever.

        No other run of a deployment would start that has to wait for them, or is cancelled because of them.
        """

        def closed() -> bool:
            for run in self._post("flow_runs/filter", {"flow_runs": LEFT_BEHIND}):
                self._post(f"flow_runs/{run['id']}/set_state", {"state": CRASHED})
                say(
                    f"closed the run {run['name']} ({run['state_name']}) that an earlier hedge up left behind"
                )
            return True

        self._until(closed, "the runs that were left behind could not be closed", "Prefect server")

    def _are_there(self, number: int) -> bool:
        names = {"name": {"any_": [self.desk_name]}}
        found: list[Any] = []

        def asked() -> bool:
            found[:] = self._post("deployments/filter", {"deployments": names})
            return True

        self._until(asked, "the deployments could not be read", "Prefect server")
        return len(found) == number

    def _deployments(self) -> dict[str, Any]:
        settings = load_any(self.desk)
        approval = isinstance(settings, Desk | IntradayDesk) and settings.promotion.approval
        return deployments_for(self.desk, self.desk_name, schedule_of(settings), approval)

    def _flows(self) -> list[str]:
        """Return the deployments by the names under which they are run."""
        places = (each["entrypoint"] for each in self._deployments()["deployments"])
        return [f"{place.rpartition('.')[2]}/{self.desk_name}" for place in places]

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        content = json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.prefect}/api/{path}", content, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # nosec B310 # our own
            return json.load(answer)

    def _stop(self) -> None:
        for part in reversed(self.parts):  # the worker first: its last word is for the server
            part.stop()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._wanted.set()


def schedule_of(desk: AnyDesk) -> dict[str, str]:
    """Return `cron` and `timezone` of the daily decision; of a desk within the day its zone alone.

    Raises
    ------
    SettingsError
        A desk of this kind is neither scheduled nor live.
    """
    if isinstance(desk, Desk):
        return daily_schedule(desk.data.calendar, pd.Timestamp.now())
    if isinstance(desk, IntradayDesk):
        return {"timezone": desk.grid.zone}
    raise SettingsError(f"{desk.name}: hedge up is for daily desks and desks within the day")


def chosen_port(option: str, named: int | None, usual: int) -> int:
    """Return a free port: the one that was named, or the usual one, or any.

    Raises
    ------
    SettingsError
        The one that was named is taken.
    """
    if named is not None:
        if not _is_free(named):
            raise SettingsError(
                f"{option} {named} is taken on {HOST}: name another one, or none for a free one"
            )
        return named
    if _is_free(usual):
        return usual
    with socket.create_server((HOST, 0)) as probe:
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


class _alone:  # noqa: N801
    """Hold a home for one `hedge up`; the operating system lets go of it when the process ends."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def __enter__(self) -> None:
        folder = self.home.data / ".prefect"
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / ".up.lock").open("w")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise SettingsError(
                f"hedge up runs already in {self.home.root}: end it, or give another --home"
            ) from None

    def __exit__(self, *_: object) -> None:
        self._file.close()
