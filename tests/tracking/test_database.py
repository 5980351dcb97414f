import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

import pipeline
from pipeline.domain.errors import StoreError
from pipeline.tracking.database import connect, experiment_id
from pipeline.tracking.ui import serve


def test_artifacts_lie_beside_the_database(mlruns):
    client = connect(mlruns)
    experiment = client.get_experiment(experiment_id(client, mlruns, "desk"))
    assert experiment.artifact_location == (mlruns / "artifacts").as_uri()
    assert experiment_id(client, mlruns, "desk") == experiment.experiment_id
    assert (mlruns / "mlflow.db").is_file()


def test_processes_that_start_at_once_share_one_database(mlruns):
    script = (
        "from pathlib import Path\nfrom pipeline.tracking.database import connect, experiment_id\n"
        f"where = Path({str(mlruns)!r})\nprint(experiment_id(connect(where), where, 'desk'))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(pipeline.__file__).parents[1])}
    command = [sys.executable, "-c", script]
    both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate(timeout=120)[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert answers[0] == answers[1] != []


def test_a_file_that_is_no_database_is_one_clear_line(mlruns):
    mlruns.mkdir()
    (mlruns / "mlflow.db").write_text("not a database " * 100)
    with pytest.raises(StoreError, match=r"mlflow\.db cannot be opened .*; move it away") as caught:
        connect(mlruns)
    assert "\n" not in str(caught.value)


@pytest.fixture
def impatient():
    """Let SQLite wait 0.1 s for a lock, where MLflow lets it wait for 20."""

    def sooner(_connection, _cursor, statement, told, *_):
        return statement.replace("busy_timeout = 20000", "busy_timeout = 100"), told

    event.listen(Engine, "before_cursor_execute", sooner, retval=True)
    yield
    event.remove(Engine, "before_cursor_execute", sooner)


@pytest.mark.usefixtures("impatient")
def test_one_that_another_program_writes_to_is_not_to_be_moved_away(mlruns):
    connect(mlruns)
    with closing(sqlite3.connect(mlruns / "mlflow.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match=r"locked\); another program is writing to it") as caught:
            connect(mlruns)
    assert "\n" not in str(caught.value)


def test_pages_without_runs_say_how_to_start(mlruns):
    with pytest.raises(StoreError, match="holds no runs yet: start with `hedge run spx-daily`"):
        serve(mlruns, 5000)
