"""The whole flow of a small desk on one contract, and again unchanged."""

import json
from pathlib import Path

import pytest

from flows.hedge_pipeline import hedge_pipeline
from pipeline.tracking.database import connect
from tests.american_contract import DESK, coarse_grid, write_files

pytestmark = pytest.mark.slow


def test_a_desk_on_one_contract_ends_in_report_and_run(prefect, tmp_path, monkeypatch):
    quotes = tmp_path / "quotes"
    quotes.mkdir()
    desk = tmp_path / "desk.toml"
    text = DESK.replace('"minimum_variance"', '"minimum_variance", "network_band"')
    desk.write_text(f"{text}\n[policies.train]\nnetwork_band = {{ steps = 2, paths = 64 }}\n")
    with coarse_grid():
        monkeypatch.setenv("HEDGE_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("HEDGE_DATA", str(write_files(quotes)))
        first = hedge_pipeline(str(desk), str(tmp_path / "home"))
        summary = json.loads((Path(first["folder"]) / "summary.json").read_text())
        assert summary["kind"] == "contract"
        assert [row["session"] for row in summary["exercise"]] == ["2015-11-04"]
        delta, bare = (summary["path"][name]["pnl_sd_bps"] for name in ("delta_implied", "none"))
        assert delta < 0.2 * bare
        assert summary["explained"]["delta_implied"]["residual_of_options"] < 0.2
        assert "Trained networks by window" in (Path(first["folder"]) / "report.html").read_text("utf-8")
        client = connect(tmp_path / "home" / "mlruns")
        assert client.get_model_version_by_alias("made-american.network_band", "champion").version == 1
        assert summary["path"]["network_band"]["pnl_sd_bps"] != summary["path"]["zakamouline"]["pnl_sd_bps"]
        again = hedge_pipeline(str(desk), str(tmp_path / "home"))
    assert not again["new"]
    assert again["run_id"] == first["run_id"]
