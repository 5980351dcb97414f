import json
import os
import re
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
from pipeline.backtest.desk_check import checked_desk
from pipeline.ingest.calendar import sessions_between

PROJECT = Path(pipeline.__file__).parents[1]
MAIN = "from pipeline.cli import main; main()"


@pytest.fixture(scope="session")
def hedge(tmp_path_factory):
    """Return a function that runs or starts `hedge …` as a process of its own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PREFECT_", "MLFLOW_"))}
    environment = {**kept, "PYTHONPATH": str(PROJECT), "COLUMNS": "100"}
    folder = tmp_path_factory.mktemp("cwd")

    def command(*arguments, start=False, code=MAIN):
        line = [sys.executable, "-c", code, *map(str, arguments)]
        settings = {"env": environment, "cwd": folder, "text": True, "start_new_session": True}
        settings |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(line, **settings) if start else subprocess.run(line, **settings)

    return command


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def first_run(hedge, home, small_desk):
    """The small desk's first run in a fresh home."""
    done = hedge("run", small_desk, "--home", home)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def variant(small_desk, tmp_path):
    """Return a function that writes a copy of the small desk with other lines."""

    def write(old, new):
        text = small_desk.read_text()
        assert old in text
        path = tmp_path / "variant.toml"
        path.write_text(text.replace(old, new).replace('name = "small"', 'name = "variant"'))
        return path

    return write


def server_of(process):
    """Return the private servers that a process has started."""
    children = psutil.Process(process.pid).children(recursive=True)
    return [child for child in children if "flows.private_server" in child.cmdline()]


def test_help_names_every_command_and_imports_nothing_heavy(hedge):
    heavy = "sorted({'pandas', 'mlflow', 'prefect'} & set(sys.modules))"
    shown = hedge("--help", code=f"import sys\ntry:\n    {MAIN}\nfinally:\n    print({heavy})")
    assert shown.returncode == 0
    for command in ("run", "decide", "up", "desk", "ingest", "features", "train", "backtest", "desks", "ui"):
        assert f"│ {command} " in shown.stdout
    assert shown.stdout.splitlines()[-1] == "[]"


def test_version(hedge):
    assert hedge("--version").stdout.startswith("regime-hedge 0.")


def test_desks_lists_what_is_shipped(hedge):
    names = [line.split()[0] for line in hedge("desks").stdout.splitlines()]
    assert names == ["aapl-american", "bac-intraday", "btc-intraday", "spx-chain", "spx-daily"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "spx-dayly"), "spx-dayly: no such file.*did you mean spx-daily"),
        (("train", "missing.toml"), "missing.toml: no such file"),
        (("run", "spx-daily", "--home", "/proc/nowhere"), "--home /proc/nowhere: "),
        (("ui", "--home", "/tmp/no-runs-here"), "holds no runs yet"),
    ],
)
def test_a_wrong_argument_is_one_line_and_code_1(hedge, arguments, message):
    done = hedge(*arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    assert re.fullmatch(f"hedge: .*{message}.*\n", done.stderr)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "refit_months = 12",
            "refit_month = 12",
            "refit_month; did you mean refit_months?",
        ),
        ("budget = 8", "budget = 8\n\n[costs]\nfee_bps = 10000", "it must be below 1000 bps"),
    ],
)
def test_a_wrong_desk_is_told_before_anything_starts(hedge, variant, tmp_path, old, new, message):
    done = hedge("run", variant(old, new), "--home", tmp_path / "home")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert "variant.toml" in done.stderr
    assert not (tmp_path / "home").exists()


def test_an_unknown_option_is_a_usage_error(hedge):
    assert hedge("run", "spx-daily", "--frce").returncode == 2


@pytest.mark.slow
def test_a_run_shows_the_table_the_verdicts_and_where_everything_is(first_run, home):
    shown = first_run.stdout
    for policy in ("delta_implied", "regime_switched_no_bands"):
        assert policy in shown
    assert "Did regimes pay?" in shown
    places = dict(
        line.split(None, 1) for line in shown.splitlines() if line.startswith(("report ", "summary "))
    )
    for what in ("report", "summary"):
        assert Path(places[what]).is_file()
        assert Path(places[what]).is_relative_to(home / "data" / "reports")
    assert f"hedge ui --home {home}" in shown
    assert "Traceback" not in first_run.stderr
    stages = [line.split("-")[0] for line in first_run.stderr.splitlines() if " made in " in line]
    assert stages == ["market", "features", "signals", "backtest"]


@pytest.mark.slow
def test_summary_has_timings_and_memory(first_run, home):
    summary = json.loads((home / "data" / "reports" / "latest" / "summary.json").read_text())
    assert list(summary["timings_s"])[:4] == ["ingest", "features", "train", "backtest"]
    assert all(0 <= seconds < 300 for seconds in summary["timings_s"].values())
    assert 100 < summary["peak_memory_mb"] < 1536


@pytest.mark.slow
def test_an_unchanged_run_gives_the_same_summary_and_only_that_on_stdout(first_run, hedge, home, small_desk):
    again = hedge("run", small_desk, "--home", home, "--json")
    assert again.returncode == 0
    assert again.stdout == (home / "data" / "reports" / "latest" / "summary.json").read_text()
    assert "nothing has changed" in again.stderr
    assert len(list((home / "data" / "reports").glob("2*"))) == 1


@pytest.mark.slow
def test_a_stage_prints_its_key(first_run, hedge, home, small_desk):
    done = hedge("features", small_desk, "--home", home, "--json")
    answer = json.loads(done.stdout)
    assert answer["key"].startswith("features-")
    assert (Path(answer["path"]) / "features.parquet").is_file()
    assert "unchanged" in done.stderr


@pytest.mark.slow
def test_a_fault_in_a_stage_is_one_line_and_leaves_no_half_output(first_run, hedge, home, variant):
    before = sorted((home / "data" / "reports").iterdir())
    done = hedge("run", variant("test_end = 2017-12-31", "test_end = 2030-12-31"), "--home", home, "--json")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert re.match(r"hedge: .*variant\.toml: windows\.test_end is 2030-12-31, but the data runs", last)
    assert sorted((home / "data" / "reports").iterdir()) == before
    assert not list((home / "data" / "datasets").glob(".*.tmp"))


@pytest.fixture
def with_positions(variant):
    """Return a function that writes a desk with a file of positions, and what the desk says more of them."""

    def write(*lines, more=""):
        desk = variant("[evaluation]", f'[book.positions]\nfile = "held.csv"\n{more}\n[evaluation]')
        text = "\n".join(["kind,strike,expiry,quantity,opened,price", *lines, ""])
        desk.with_name("held.csv").write_text(text)
        return desk

    return write


@pytest.mark.slow
def test_a_file_of_positions_is_the_book_of_the_report(first_run, hedge, home, with_positions):
    desk = with_positions(
        "call,2400,2017-06-16,-100,2017-06-01,31.5",
        "put,2350,2017-06-16,-50,2017-06-05,",
        "call,0,2017-06-16,-50,2017-06-05,",
        more="quarantine_limit = 0.4",
    )
    done = hedge("run", desk, "--home", home, "--json")
    assert done.returncode == 0, done.stderr
    assert "held.csv: 3 options read, 1 in quarantine (1 strike not above zero)" in done.stderr
    assert "warning: held.csv: row 4 'call,0,2017-06-16,-50,2017-06-05,' fails a check" in done.stderr
    assert "book: 2 options in" in done.stderr
    summary = json.loads(done.stdout)
    assert summary["dataset_keys"]["signals"] in first_run.stderr
    assert summary["book"]["delta_implied"]["trades"] > 8
    assert [(row["row"], row["reason"]) for row in summary["held_back"]] == [(4, "strike not above zero")]
    page = (home / "data" / "reports" / summary["run"] / "report.html").read_text()
    for shown in ("The positions of held.csv", "The options held", "Rows held back", "strike not above zero"):
        assert shown in page
    table = page[page.index('id="positions"') : page.index('id="held-back"')]
    assert all(cell in table for cell in ("−100", "2017-06-16", "31.5", "at its mark"))
    refused = hedge("decide", desk, "--home", home, "--allow-stale")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert re.match(r"hedge: .*held\.csv: row 4 .* an order that leaves", refused.stderr.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("call,2400,2019-06-21,-1,2017-06-01,", r"held\.csv: expiry in row 2 is 2019-06-21, after the last"),
        (
            "call,2400,2017-06-16,-1,2016-06-01,",
            r"held\.csv: opened in row 2 is 2016-06-01, before the first",
        ),
        (
            "call,240,2017-06-16,-1,2017-06-01,",
            r"held\.csv: strike in row 2 is 240, where the close was 2430",
        ),
        ("call,2400,2017-09-15,-1,2017-06-01,", r"the forecasts reach 21: add 74 to forecasts\.horizons"),
        ("call,2400,2017-06-17,-1,2017-06-01,", r"held\.csv: 1 of 1 rows fail .*no session of XNYS"),
    ],
)
def test_a_position_that_cannot_be_hedged_is_one_line(first_run, hedge, home, with_positions, line, message):
    reports = sorted((home / "data" / "reports").iterdir())
    done = hedge("run", with_positions(line), "--home", home)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    assert re.match(
        rf"hedge: positions failed for desk .*variant\.toml: .*{message}", done.stderr.splitlines()[-1]
    )
    assert "signals-" not in done.stderr
    assert sorted((home / "data" / "reports").iterdir()) == reports


@pytest.mark.slow
def test_a_decision_is_a_table_or_json_and_on_old_data_a_code_of_its_own(first_run, hedge, home, small_desk):
    stale = hedge("decide", small_desk, "--home", home, "--position", "0.2")
    assert stale.returncode == 3
    for part in ("regime_switched", "delta_implied", "small.event_forecaster version 1", "stale data"):
        assert part in stale.stdout
    assert re.match("hedge: stale data: .*--allow-stale accepts it", stale.stderr.splitlines()[-1])
    accepted = hedge(
        "decide", small_desk, "--home", home, "--allow-stale", "--json", "--strike", "2500", "--expiry",
        "2019-01-18", "--opened", "2018-12-14", "--kind", "put", "--quantity", "-3",
    )  # fmt: skip
    assert accepted.returncode == 0, accepted.stderr
    (option,) = json.loads(accepted.stdout)["options"]
    assert (option["kind"], option["strike"], option["quantity"]) == ("put", 2500.0, -3.0)
    assert (option["expiry"], option["sessions_left"]) == ("2019-01-18", 13)
    assert len(list((home / "data" / "decisions" / "small").glob("2018-12-31-decided-*.json"))) == 2
    fault = hedge("decide", small_desk, "--home", home, "--kind", "calls")
    assert (fault.returncode, fault.stderr) == (1, "hedge: --kind is calls: give call, put or straddle\n")


@pytest.mark.slow
def test_our_own_fault_is_a_traceback_and_code_70(first_run, hedge, home, variant):
    code = (
        "import flows.environment\nflows.environment.silence_console()\n"
        "import pipeline.backtest.signals as signals\nsignals.learn_regimes = lambda *arguments: 1 / 0\n"
    )
    desk = variant("restarts = 1", "restarts = 2")
    done = hedge("train", desk, "--home", home, code=code + MAIN)
    assert done.returncode == 70
    assert done.stderr.rstrip().endswith("ZeroDivisionError: division by zero")


@pytest.mark.slow
def test_an_interrupted_run_leaves_no_process_and_no_half_output(first_run, hedge, home, small_desk):
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


@pytest.mark.slow
def test_the_pages_are_served_on_loopback_until_ctrl_c(first_run, hedge, home):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
        taken = hedge("ui", "--home", home, "--port", port)
    assert taken.returncode == 1
    assert taken.stderr.count("\n") == 1

    process = hedge("ui", "--home", home, "--port", port, start=True)
    family = []
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                    assert answer.status == 200
                    break
            except OSError:
                time.sleep(0.3)
        else:
            raise AssertionError("the pages did not come up")
        family = psutil.Process(process.pid).children(recursive=True)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=30)
    _, left = psutil.wait_procs(family, timeout=20)
    assert not left


@pytest.fixture
def own_data(tmp_path):
    """A folder with bars and a volatility index of nine years, one bar of them crossed."""
    days = sessions_between(pd.Timestamp("2010-01-04"), pd.Timestamp("2018-12-31"))
    bars = pd.DataFrame(
        {"date": days, "open": 100.0, "high": 101.0, "low": 99.0, "close": 100.0, "volume": 5}
    )
    bars.loc[7, "high"] = 98.0
    bars.to_csv(tmp_path / "prices.csv", index=False)
    pd.DataFrame({"DATE": days, "CLOSE": 16.0}).to_csv(tmp_path / "vol.csv", index=False)
    return tmp_path


def test_a_desk_is_written_for_own_data_and_not_over_another(hedge, own_data):
    path = own_data / "mine.toml"
    arguments = ("desk", "new", path, "--bars", own_data / "prices.csv", "--vol", own_data / "vol.csv")
    done = hedge(*arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{path} is written: look through it, then hedge run {path}\n"
    assert "1 in quarantine (1 crossed high and low)" in done.stderr
    assert checked_desk(str(path)).data.bars.file == own_data / "prices.csv"
    again = hedge(*arguments)
    assert (again.returncode, again.stdout) == (1, "")
    assert re.fullmatch(r"hedge: .*mine\.toml: is there already: .*--force.*\n", again.stderr)
    assert hedge(*arguments, "--force").returncode == 0


def test_a_desk_for_data_that_is_missing_is_one_line(hedge, own_data):
    path = own_data / "mine.toml"
    done = hedge("desk", "new", path, "--bars", own_data / "prices.csv", "--vol", own_data / "no.csv")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"hedge: .*no\.csv: no such file.*\n", done.stderr)
    assert not path.exists()


@pytest.mark.slow
def test_own_data_is_known_by_its_content_and_its_quarantine_is_told_every_time(hedge, home, own_data):
    path = own_data / "mine.toml"
    hedge("desk", "new", path, "--bars", own_data / "prices.csv", "--vol", own_data / "vol.csv")
    first, again = (hedge("ingest", path, "--home", home) for _ in range(2))
    for done in (first, again):
        assert done.returncode == 0, done.stderr
        assert "1 in quarantine (1 crossed high and low)" in done.stderr
    assert first.stdout == again.stdout
    assert "unchanged" in again.stderr
    prices = own_data / "prices.csv"
    prices.write_text(prices.read_text().replace("99.0", "98.5", 1))
    changed = hedge("ingest", path, "--home", home)
    assert changed.stdout != first.stdout
    prices.write_text(prices.read_text()[:40])
    stopped = hedge("ingest", path, "--home", home)
    assert stopped.returncode == 1
    assert re.match(r"hedge: .*mine\.toml: prices\.csv: ", stopped.stderr.splitlines()[-1])
    assert "Traceback" not in stopped.stderr
