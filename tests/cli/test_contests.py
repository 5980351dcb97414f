"""Challengers are judged when somebody wants to promote them: on data, or by what a live desk wrote down."""

import json
from types import SimpleNamespace

import pytest

from pipeline.cli.contests import contest_of
from pipeline.domain.desk import load_desk
from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import StoreError
from pipeline.tracking import champions, model_source
from pipeline.tracking.database import connect
from pipeline.tracking.promotion import CHALLENGER


@pytest.mark.parametrize(("live", "network"), [("regime_switched", ""), ("network_band", ", a.npz")])
def test_a_desk_within_the_day_is_judged_by_the_lines_of_what_it_lives_with(
    live, network, tmp_path, monkeypatch
):
    desk = load_any("bac-intraday")
    policies = desk.policies.model_copy(update={"live": live, "networks": {"network_band": "a.npz"}})
    desk = desk.model_copy(update={"policies": policies})
    models = {
        version: SimpleNamespace(cards=[SimpleNamespace(name="x.policy", version=version)])
        for version in "12"
    }
    monkeypatch.setattr(champions, "load_champions", lambda *_: models["1"])
    monkeypatch.setattr(model_source, "challengers_of", lambda *_: models["2"])
    line = {"champion": f"x.policy 1{network}", "challenger": f"x.policy 2{network}", "alarms": 0}
    lines = [line | {"at": at, "champion_pnl": -1.0, "challenger_pnl": 0.01 * at} for at in range(7)]
    file = tmp_path / "data" / "live" / desk.name / "shadow.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text("".join(json.dumps(each) + "\n" for each in lines))
    assert contest_of(desk, "bac-intraday", tmp_path).options == 7


@pytest.mark.slow
def test_a_daily_desk_is_judged_on_the_sessions_of_its_data(home, small_desk, hedge_here):
    settings = load_desk(str(small_desk))
    with pytest.raises(StoreError, match="desk small has no challenger"):
        contest_of(settings, str(small_desk), home)
    connect(home / "mlruns").set_registered_model_alias("small.regime_switched", CHALLENGER, "1")
    found = contest_of(settings, str(small_desk), home)
    assert found.options > 0
    said = hedge_here("promote", small_desk, "--reason", "why", "--home", home)
    assert said.returncode == 1
    assert f"not promoted: {found.failed[0]}" in said.stderr
