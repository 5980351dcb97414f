"""Two runs side by side: found by name, compared key by key, shown without hiding what one lacks."""

import copy
import io
import json

import pytest
from rich.console import Console

from pipeline.domain.differences import Difference
from pipeline.domain.errors import DataError
from pipeline.evaluate.compare_runs import compare_runs, find_run, read_summary
from pipeline.evaluate.comparison_page import (
    comparison_as_json,
    comparison_of_runs_for_terminal,
    comparison_page,
    write_comparison,
)


def summary(run, fee=0.2, sd=50.0):
    metrics = {"pnl_mean_bps": 1.0, "pnl_sd_bps": sd, "cvar95_bps": 100.0, "risk_bps": 5.0}
    metrics |= {"cost_bps": 2.0, "trades": 22.0}
    return {
        "run": run,
        "desk": {"name": "x", "costs": {"fee_bps": fee, "unwind": True}, "policies": {"run": ["none"]}},
        "dataset_keys": {"market": "market-1", "backtest": f"backtest-{fee}"},
        "market": {"last_session": "2018-12-31", "sessions": 5031},
        "data": {"files": [{"table": "bars", "quarantined": 0}]},
        "code_version": "abc",
        "code": {"pipeline/cli.py": "1", "numpy": "2.4"},
        "policies": {"delta_implied": metrics, "none": dict(metrics)},
    }


@pytest.fixture
def reports(tmp_path):
    for run, fee in (("20260101-a", 0.2), ("20260102-b", 0.5), ("20260102-c", 0.5)):
        folder = tmp_path / run
        folder.mkdir()
        made = summary(run, fee)
        (folder / "code.json").write_text(json.dumps(made.pop("code")))
        (folder / "summary.json").write_text(json.dumps(made))
        (folder / "frontier.png").write_bytes(b"\x89PNG")
    (tmp_path / "latest").symlink_to("20260102-c")
    return tmp_path


def test_a_run_is_found_by_name_beginning_path_or_latest(reports):
    for name in ("20260101-a", "20260101", str(reports / "20260101-a")):
        assert find_run(reports, name).name == "20260101-a"
    assert find_run(reports, "latest").name == "20260102-c"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("20260102", "2 runs begin like this: 20260102-b, 20260102-c"),
        ("2026-a", "no such run in .*did you mean 20260101-a"),
        ("lates", "did you mean latest"),
        ("", "no such run"),
    ],
)
def test_a_run_that_is_not_there_is_one_clear_line(reports, name, message):
    with pytest.raises(DataError, match=message):
        find_run(reports, name)


def test_a_damaged_summary_is_one_clear_line(reports):
    (reports / "20260101-a" / "summary.json").write_text('{"run": 1')
    with pytest.raises(DataError, match=r"summary\.json is not the summary of a run"):
        read_summary(reports / "20260101-a")


def test_a_run_that_lost_the_record_of_its_code_is_one_clear_line(reports):
    (reports / "20260101-a" / "code.json").unlink()
    with pytest.raises(DataError, match="is not the summary of a run: run the desk again"):
        read_summary(reports / "20260101-a")


def test_what_differs_and_by_how_much():
    first, second = summary("a"), summary("b", fee=0.5, sd=44.0)
    second["dataset_keys"]["market"] = "market-2"
    second["market"]["sessions"] = 5032
    second["data"]["files"][0]["quarantined"] = 3
    second["code_version"] = "def"
    second["code"] = {"pipeline/cli.py": "2", "numpy": "2.4", "pipeline/new.py": "1"}
    second["policies"].pop("none")
    found = compare_runs(first, second)
    assert found.settings == (Difference("costs.fee_bps", "0.2", "0.5"),)
    assert found.data == (
        Difference("market", "market-1", "market-2"),
        Difference("bars.sessions", "5031", "5032"),
        Difference("bars file.quarantined", "0", "3"),
    )
    assert found.code == (
        Difference("all of it", "abc", "def"),
        Difference("pipeline/cli.py", "1", "2"),
        Difference("pipeline/new.py", None, "1"),
    )
    assert found.policies["delta_implied"]["pnl_sd_bps"] == (50.0, 44.0)
    assert found.policies["none"]["pnl_sd_bps"] == (50.0, None)


def test_what_is_derived_with_other_settings_is_no_other_data():
    found = compare_runs(summary("a"), summary("b", fee=0.5))
    assert found.settings
    assert not found.data


def test_a_run_against_itself_differs_in_nothing():
    found = compare_runs(summary("a"), copy.deepcopy(summary("a")))
    assert found.settings == found.data == found.code == ()


def test_terminal_and_page_show_both_runs(reports):
    folders = [reports / name for name in ("20260101-a", "20260102-b")]
    found = compare_runs(*map(read_summary, folders))
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(comparison_of_runs_for_terminal(found))
    shown = console.export_text()
    assert "settings: costs.fee_bps: 0.2 → 0.5" in shown
    assert "data: the same" in shown
    page = comparison_page(found, *folders)
    assert page.count("data:image/png;base64,") == 2
    assert "http" not in page
    for name in ("20260101-a", "20260102-b", "delta_implied"):
        assert name in page


def test_page_and_json_are_written_for_other_tools(reports, tmp_path):
    folders = [reports / name for name in ("20260101-a", "20260102-b")]
    found = compare_runs(*map(read_summary, folders))
    page = write_comparison(found, *folders, tmp_path / "comparisons")
    assert page.read_text().startswith("<!doctype html>")
    assert [path.name for path in page.parent.iterdir()] == [page.name]
    data = json.loads(comparison_as_json(found))
    assert data["settings"] == [{"key": "costs.fee_bps", "first": "0.2", "second": "0.5"}]
