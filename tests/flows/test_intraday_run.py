"""The whole flow of a small desk within the day, and again unchanged."""

import json
from pathlib import Path

import pytest

from flows.decision import daily_decision
from flows.hedge_pipeline import hedge_pipeline
from pipeline.cli.live import live, shadow
from pipeline.domain.errors import DataError, SettingsError, StageError
from pipeline.tracking.champions import load_champions
from tests.market_ticks import DESK, write_market

pytestmark = pytest.mark.slow


def test_a_desk_within_the_day_ends_in_report_and_run_and_goes_live(prefect, tmp_path, monkeypatch, capsys):
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
    made, file = daily_decision(str(desk), str(tmp_path / "home"), position=100.0, allow_stale=True)
    assert [order.policy for order in made.orders] == ["regime_switched", "delta_implied"]
    assert {order.position for order in made.orders} == {100.0}
    assert made.session == "2020-03-05 16:59:30 UTC"
    assert made.options[0].sessions_left == 1
    assert made.warnings[0].startswith("stale data: the newest decision")
    assert "taken to end there, after 1" in made.warnings[-1]
    assert {card["name"].partition(".")[2] for card in made.models} >= {"regime_detector", "regime_switched"}
    assert json.loads(file.read_text())["desk"] == "small-intraday"
    watched = load_champions(tmp_path / "home" / "mlruns", "small-intraday", str(desk)).monitors
    assert {"data", "concept", "pnl"} <= set(vars(watched))
    assert "likelihood" in watched.concept
    with pytest.raises(StageError, match="stale data"):
        daily_decision(str(desk), str(tmp_path / "home"))
    again = hedge_pipeline(str(desk), str(tmp_path / "home"))
    assert not again["new"]
    assert again["run_id"] == first["run_id"]
    replay = {"feed": "replay:2020-03-05", "home": tmp_path / "home"}
    shadow(str(desk), **replay)
    assert ", 0 positions differ from the backtest" in capsys.readouterr().out
    told = [live_again(desk, replay, capsys) for _ in range(2)]
    assert told[0]["orders_sent"] == told[0]["orders"] > 20
    assert told[1] == {**told[0], "orders_sent": 0}
    assert told[0]["state"] == "active"
    with pytest.raises(DataError, match="replay:2020-03-09: no such day: there are 2020-03-02"):
        live(str(desk), feed="replay:2020-03-09", home=tmp_path / "home")
    with pytest.raises(SettingsError, match="name the streams"):
        live(str(desk), feed="wss://somewhere", home=tmp_path / "home")


def live_again(desk, replay, capsys):
    live(str(desk), **replay, as_json=True)
    return json.loads(capsys.readouterr().out)
