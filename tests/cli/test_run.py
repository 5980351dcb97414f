import json
import os
import re
import signal
from pathlib import Path

import psutil
import pytest

from tests.processes import MAIN

pytestmark = pytest.mark.slow


def server_of(process):
    """Return the private servers that a process has started."""
    children = psutil.Process(process.pid).children(recursive=True)
    return [child for child in children if "flows.private_server" in child.cmdline()]


def test_a_run_shows_the_table_the_verdicts_and_where_everything_is(finished):
    shown = finished.stdout
    for policy in ("delta_implied", "regime_switched_no_bands"):
        assert policy in shown
    assert "Did regimes pay?" in shown
    places = dict(
        line.split(None, 1) for line in shown.splitlines() if line.startswith(("report ", "summary "))
    )
    for what in ("report", "summary"):
        assert Path(places[what]).is_file()
        assert Path(places[what]).is_relative_to(finished.home / "data" / "reports")
    assert f"hedge ui --home {finished.home}" in shown
    assert "Traceback" not in finished.stderr
    stages = [line.split("-")[0] for line in finished.stderr.splitlines() if " made in " in line]
    assert stages == ["market", "features", "signals", "backtest"]


def test_summary_has_timings_and_memory(finished):
    summary = finished.summary
    assert list(summary["timings_s"])[:4] == ["ingest", "features", "train", "backtest"]
    assert all(0 <= seconds < 300 for seconds in summary["timings_s"].values())
    assert 100 < summary["peak_memory_mb"] < 1536


def test_an_unchanged_run_gives_the_same_summary_and_only_that_on_stdout(hedge, home, small_desk, prefect):
    again = hedge("run", small_desk, "--home", home, "--json", server=prefect)
    assert again.returncode == 0
    assert again.stdout == (home / "data" / "reports" / "latest" / "summary.json").read_text()
    assert "nothing has changed" in again.stderr
    assert len(list((home / "data" / "reports").glob("2*"))) == 1


@pytest.mark.usefixtures("served")
def test_a_stage_prints_its_key(hedge_here, home, small_desk):
    done = hedge_here("features", small_desk, "--home", home, "--json")
    answer = json.loads(done.stdout)
    assert answer["key"].startswith("features-")
    assert (Path(answer["path"]) / "features.parquet").is_file()
    assert "unchanged" in done.stderr


def test_a_fault_in_a_stage_is_one_line_and_leaves_no_half_output(hedge, home, variant, prefect):
    before = sorted((home / "data" / "reports").iterdir())
    desk = variant("test_end = 2017-12-31", "test_end = 2030-12-31")
    done = hedge("run", desk, "--home", home, "--json", server=prefect)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert re.match(r"hedge: .*variant\.toml: windows\.test_end is 2030-12-31, but the data runs", last)
    assert sorted((home / "data" / "reports").iterdir()) == before
    assert not list((home / "data" / "datasets").glob(".*.tmp"))


def test_our_own_fault_is_a_traceback_and_code_70(hedge, home, variant, prefect):
    code = (
        "import flows.environment\nflows.environment.silence_console()\n"
        "import pipeline.backtest.signals as signals\nsignals.learn_regimes = lambda *arguments: 1 / 0\n"
    )
    desk = variant("restarts = 1", "restarts = 2")
    done = hedge("train", desk, "--home", home, code=code + MAIN, server=prefect)
    assert done.returncode == 70
    assert done.stderr.rstrip().endswith("ZeroDivisionError: division by zero")


def test_an_interrupted_run_leaves_no_process_and_no_half_output(hedge, home, small_desk):
    reports = sorted((home / "data" / "reports").iterdir())
    process = hedge("run", small_desk, "--home", home, "--force", start=True)
    while "market-" not in (line := process.stderr.readline()):
        assert line, "it ended before it began"
    servers = server_of(process)
    assert len(servers) == 1
    os.killpg(process.pid, signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130
    assert rest.splitlines()[-1] == "hedge: interrupted"
    assert "Traceback" not in rest
    _, left = psutil.wait_procs(servers, timeout=20)
    assert not left
    assert sorted((home / "data" / "reports").iterdir()) == reports
