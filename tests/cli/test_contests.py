"""Challengers are judged when somebody wants to promote them: on data, or by what a live desk wrote down."""

import json
from types import SimpleNamespace

import pytest

from pipeline.cli.contests import contest_of
from pipeline.domain.desk import load_desk
from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import StoreError
from pipeline.domain.home import Home
from pipeline.policies.catalogue import FLAGSHIP
from pipeline.policies.checkpoint import SEEN, Checkpoint, network_arrays
from pipeline.policies.network import Layer, Network
from pipeline.policies.network_band import INPUTS
from pipeline.policies.saved_network import keep_network, terms_digest
from pipeline.tracking import champions, model_source
from pipeline.tracking.database import connect
from pipeline.tracking.learning import tracked_training
from pipeline.tracking.promotion import CHALLENGER, CHAMPION

WIDTH = len(INPUTS)
NETWORK = Network(
    (Layer(((0.5,) * WIDTH, (0.1,) * WIDTH), (0.0, 0.2)),), (0.0,) * WIDTH, (1.0,) * WIDTH, (-1.0,) * WIDTH,
    (1.0,) * WIDTH,
)  # fmt: skip


@pytest.mark.parametrize(("live", "network"), [("regime_switched", ""), ("network_band", ", a.npz")])
def test_a_desk_within_the_day_is_judged_by_the_lines_of_what_it_lives_with(
    live, network, tmp_path, monkeypatch
):
    desk = load_any("bac-intraday")
    policies = desk.policies.model_copy(update={"live": live, "networks": {"network_band": "a.npz"}})
    desk = desk.model_copy(update={"policies": policies})
    models = {
        version: SimpleNamespace(cards=[SimpleNamespace(name="x.policy", version=version)], hedger=FLAGSHIP)
        for version in "12"
    }
    monkeypatch.setattr(champions, "load_champions", lambda *_, **__: models["1"])
    monkeypatch.setattr(model_source, "challengers_of", lambda *_: models["2"])
    line = {"champion": f"x.policy 1{network}", "challenger": f"x.policy 2{network}", "alarms": []}
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
    network = Checkpoint(terms_digest(settings), {SEEN: "2017-06-30"}, network_arrays(NETWORK))
    network.write(home / "new.npz")
    file = keep_network(Home.find(home), "small", "network_band", (home / "new.npz").read_bytes())
    with tracked_training(Home.find(home), "small", "network_band", {}) as curve:
        version = curve.keep(settings, "network_band", file)
    client = connect(home / "mlruns")
    client.set_registered_model_alias("small.network_band", CHALLENGER, version)
    alone = contest_of(settings, str(small_desk), home, "network_band")
    assert 0 < alone.options < found.options, "on sessions after those that the network was told of"
    client.set_registered_model_alias("small.network_band", CHAMPION, version)
    itself = contest_of(settings, str(small_desk), home, "network_band")
    assert itself.options == alone.options
    assert itself.saved == 0.0 != alone.saved, "a champion of its own kind is who it is held against"
    said = hedge_here("promote", small_desk, "--reason", "why", "--home", home)
    assert said.returncode == 1
    assert f"not promoted: {found.failed[0]}" in said.stderr
