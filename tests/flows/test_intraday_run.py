"""The whole flow of a small desk within the day, and again unchanged."""

import json
from pathlib import Path

import pytest

from flows.hedge_pipeline import hedge_pipeline
from tests.market_ticks import DESK, write_market

pytestmark = pytest.mark.slow


def test_a_desk_within_the_day_ends_in_report_and_run(prefect, tmp_path, monkeypatch):
    ticks = tmp_path / "ticks"
    ticks.mkdir()
    monkeypatch.setenv("HEDGE_DATA", str(write_market(ticks)))
    desk = tmp_path / "desk.toml"
    desk.write_text(DESK)
    first = hedge_pipeline(str(desk), str(tmp_path / "home"))
    summary = json.loads((Path(first["folder"]) / "summary.json").read_text())
    assert summary["kind"] == "intraday"
    assert summary["unfilled"]["delta_implied"]["filled"] > 0
    assert (Path(first["folder"]) / "report.html").is_file()
    again = hedge_pipeline(str(desk), str(tmp_path / "home"))
    assert not again["new"]
    assert again["run_id"] == first["run_id"]
