import json
import shutil
import subprocess
import sys

import pytest

from benchmarks.run import HERE, benchmarks

MODULES = {
    "good": """
from benchmarks.measurement import Measurement
def measure():
    yield Measurement("good.seconds", "s", 1.0)
    yield Measurement("good.more", "s", 5.0)
""",
    "breaks": """
from benchmarks.measurement import Measurement
def measure():
    yield Measurement("breaks.before", "s", 1.0)
    raise ValueError("out of luck")
""",
    "ends": """
import os
def measure():
    os._exit(7)
""",
    "absent": """
from benchmarks.measurement import MissingDataError
def measure():
    raise MissingDataError("../shared/data/x is not there")
    yield
""",
}
NAMES = ("good.seconds", "breaks.before", "breaks.after", "ends.seconds", "absent.seconds")


@pytest.fixture
def project(tmp_path):
    """A project with the real harness and benchmarks of its own."""
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    real = benchmarks()
    for path in HERE.glob("*.py"):
        if path.stem not in real:
            shutil.copy(path, folder)
    for name, text in MODULES.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    entry = '["{name}"]\nwhat = "w"\nsource = "s"\nunit = "s"\nat_most = 2\n'
    text = "\n".join(entry.format(name=name) for name in NAMES)
    (folder / "targets.toml").write_text(text, encoding="utf-8")

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.run", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )
        path = tmp_path / "data" / "benchmarks.json"
        return done, json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    return run


def test_a_fault_in_one_benchmark_costs_no_result_of_another(project):
    done, found = project()
    assert done.returncode == 1
    assert found["good.seconds"]["met"] is True
    assert found["good.more"] == found["good.more"] | {"ours": 5.0, "target": None, "met": None}
    assert found["breaks.before"]["met"] is True
    assert found["breaks.after"]["reason"] == "ValueError: out of luck"
    assert found["ends.seconds"]["reason"] == "ended with status 7"
    assert found["absent.seconds"]["reason"] == "../shared/data/x is not there"
    assert "2 of 5 targets met" in done.stdout
    assert "benchmark breaks failed" in done.stderr
    assert found["good.seconds"]["run"]["machine"]["threads"]["linear_algebra"] == 1


def test_what_is_named_is_run_and_judged_alone(project):
    done, found = project("good")
    assert done.returncode == 0
    assert "1 of 1 targets met" in done.stdout
    assert found["breaks.after"]["reason"] == "no result"


def test_missing_data_fails_unless_allowed(project):
    assert project("absent")[0].returncode == 1
    done, found = project("absent", "--allow-missing")
    assert done.returncode == 0
    assert found["absent.seconds"]["met"] is False


def test_an_unknown_name_is_named_with_those_that_are(project):
    done, found = project("godd")
    assert done.returncode == 2
    assert "no benchmark godd: there are absent, breaks, ends, good" in done.stderr
    assert found == {}
