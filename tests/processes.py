"""The command in a process of its own or in the test's, and the one finished run that many begin with."""

import contextlib
import gc
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pipeline
from pipeline.cli import main
from pipeline.ingest.file_lock import file_lock

PROJECT = Path(pipeline.__file__).parents[1]
MAIN = "from pipeline.cli import main; main()"
TOKEN = "a-token-that-is-written-nowhere"


def clean_environment():
    """Return the environment without any setting of Prefect or MLflow, and with the project on its path."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PREFECT_", "MLFLOW_"))}
    return {**kept, "PYTHONPATH": str(PROJECT)}


@dataclass(frozen=True)
class Done:
    """What a command left."""

    returncode: int
    stdout: str
    stderr: str


def hedge_in_this_process(*arguments):
    """Run `hedge …` with what it says caught, and the process left as it was."""
    out, error, interrupt = io.StringIO(), io.StringIO(), signal.getsignal(signal.SIGINT)
    with (
        mock.patch.object(sys, "argv", ["hedge", *map(str, arguments)]),
        mock.patch.dict(os.environ),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(error),
    ):
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
    gc.unfreeze()
    signal.signal(signal.SIGINT, interrupt)
    return Done(code, out.getvalue(), error.getvalue())


@dataclass(frozen=True)
class Finished:
    """A run that has ended well: its home, which no test may change, and what it said."""

    home: Path
    stdout: str
    stderr: str

    @property
    def summary(self):
        """What the run found."""
        return json.loads((self.home / "data" / "reports" / "latest" / "summary.json").read_text())

    def copied(self, home):
        """Return `home` as a copy of the run's own, except for the artifacts of MLflow, which stay there."""
        return Path(shutil.copytree(self.home, home, symlinks=True, dirs_exist_ok=True))

    def datasets_copied(self, home):
        """Return `home` with the datasets of the run and nothing else of it."""
        shutil.copytree(self.home / "data" / "datasets", home / "data" / "datasets")
        return home


def finished_once(desk, place):
    """Return the run of a desk whose home lies in `place`; the first process that asks makes it."""
    said = place / "said.json"
    with file_lock(place / "lock"):
        if not said.exists():
            line = [sys.executable, "-c", MAIN, "run", str(desk), "--home", str(place / "home")]
            environment = clean_environment() | {"COLUMNS": "100", "HEDGE_TOKEN": TOKEN}
            done = subprocess.run(line, env=environment, cwd=place, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            said.write_text(json.dumps([done.stdout, done.stderr]))
    return Finished(place / "home", *json.loads(said.read_text()))


def prefect_database_once(place):
    """Return an empty database of Prefect, made in `place` by the first process that asks."""
    with file_lock(place / "lock"):
        if not (place / "made").exists():
            environment = clean_environment() | {"PREFECT_HOME": str(place)}
            line = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"]
            done = subprocess.run(line, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            (place / "made").touch()
    return place / "prefect.db"
