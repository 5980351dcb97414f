"""A desk's task, and training it by the command."""

import json

import pytest
from typer.testing import CliRunner

from pipeline.cli.command import app
from pipeline.deep.desk_task import frictions_of, risk_of, task_of
from pipeline.deep.frictions import NONE
from pipeline.deep.risk import Cvar, Entropic, MeanSd
from pipeline.domain.desk import Desk, RiskSettings, load_desk
from pipeline.domain.errors import SettingsError, StoreError
from pipeline.domain.execution_settings import ExecutionSettings
from pipeline.policies.catalogue import desk_policies
from pipeline.policies.network_band import NetworkBand
from pipeline.policies.saved_network import with_learned
from pipeline.policies.served_networks import network_table

RUN = {"run": ["network_band"]}


def test_it_is_the_desks_own():
    option = {"kind": "straddle", "moneyness": 1.05, "sessions": 9}
    desk = Desk(name="x", policies=RUN, option=option, costs={"unwind": False})
    task = task_of(desk, (0.1, 0.4))
    assert (task.strike, task.steps, task.unwind) == (105.0, 9, False)
    assert len(task.liability.legs) == 2
    assert task.middle == pytest.approx((1e-4, 1.0, 0.2))
    assert task.frictions == NONE
    slowed = desk.model_copy(update={"execution": ExecutionSettings(impact=1.0, notional_share=0.01)})
    assert task_of(slowed, (0.1, 0.4)).frictions == frictions_of(slowed) != NONE


def test_every_measure_of_a_desk_can_be_trained():
    found = [risk_of(RiskSettings(measure=each)) for each in ("entropic", "cvar", "mean_sd")]
    assert found == [Entropic(1.0), Cvar(0.95), MeanSd(1.5)]


def test_without_a_cost_there_is_nothing_to_learn():
    with pytest.raises(SettingsError, match="a band needs a cost"):
        task_of(Desk(name="x", policies=RUN, costs={"fee_bps": 0.0, "half_spread_bps": 0.0}), (0.1, 0.4))


def test_the_command_trains_what_the_desk_can_name(small_desk, tmp_path):
    arguments = [
        "train",
        str(small_desk),
        "--policy",
        "network_band",
        "--steps",
        "2",
        "--paths",
        "512",
        "--volatility",
        "0.1",
        "0.5",
        "--json",
    ]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    network = found["network"]
    assert found["device"] == "cpu"
    text = small_desk.read_text().replace(
        "budget = 8", f'budget = 8\nnetworks = {{network_band = "{network}"}}'
    )
    file = tmp_path / "deep.toml"
    file.write_text(text.replace('"whalley_wilmott"', '"network_band"'))
    deep = load_desk(str(file))
    row = network_table(deep, [deep.windows.test_start]).iloc[0]
    assert [row["volatility_low"], row["volatility_high"], row["goes_on"]] == [0.1, 0.5, False]
    policy = desk_policies(deep)["network_band"]
    assert isinstance(policy, NetworkBand)
    assert policy.network is not None


def test_a_training_that_gains_nothing_crowns_nobody_and_says_so(small_desk):
    train = ["train", str(small_desk), "--policy", "network_band", "--steps", "4", "--paths", "512", "--seed"]
    vain = ["--learning-rate", "50"]
    told = json.loads(CliRunner().invoke(app, [*train, "1", *vain, "--json"], catch_exceptions=False).stdout)
    assert told["trained"] > told["untrained"]
    assert [told[name] for name in ("gained", "alias", "champion")] == [False, None, None]
    settings = load_desk(str(small_desk))
    with pytest.raises(SettingsError, match=f"gained anything: train longer, .*: {told['network']}"):
        with_learned(settings, ("deep",))
    good = json.loads(CliRunner().invoke(app, [*train, "1", "--json"], catch_exceptions=False).stdout)
    assert [good[name] for name in ("gained", "alias", "champion")] == [True, "champion", "2"]
    said = CliRunner().invoke(app, [*train, "2", *vain], catch_exceptions=False).stdout
    assert "training gained nothing" in said
    assert "version 3, without an alias: version 2 stays its champion" in said
    assert "--with deep leaves it out" in said
    assert with_learned(settings, ("deep",)).policies.networks == {"network_band": good["network"]}


def test_what_cannot_be_trained(small_desk):
    with pytest.raises(SettingsError, match="whalley_wilmott does not learn"):
        CliRunner().invoke(
            app, ["train", str(small_desk), "--policy", "whalley_wilmott"], catch_exceptions=False
        )


def test_a_gpu_is_asked_for_where_there_is_none(small_desk, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    train = ["train", str(small_desk), "--device", "cuda", "--policy"]
    faults = {"recurrent_band": "PyTorch finds no GPU here", "network_band": "on the processor"}
    for policy, why in faults.items():
        with pytest.raises(SettingsError, match=f"{why}.*auto or cpu"):
            CliRunner().invoke(app, [*train, policy], catch_exceptions=False)


def test_an_unfinished_training_of_another_desk(small_desk, tmp_path):
    """A file left behind is not taken for this desk's."""
    from pipeline.domain.home import Home
    from pipeline.policies.checkpoint import Checkpoint
    from pipeline.policies.saved_network import networks

    Checkpoint("other", {}, {}).write(networks(Home.find()) / "small-network_band.npz")
    with pytest.raises(StoreError, match="another desk"):
        CliRunner().invoke(
            app,
            ["train", str(small_desk), "--policy", "network_band", "--steps", "1"],
            catch_exceptions=False,
        )


def test_a_training_that_could_not_be_registered_goes_on_to_the_registry_alone(small_desk, monkeypatch):
    """What took long to learn is not lost: nothing is trained the second time."""
    from pipeline.deep.network_trainer import NetworkTrainer
    from pipeline.domain.home import Home
    from pipeline.policies.saved_network import networks
    from pipeline.tracking.learning import Curve

    keep, learn, steps = Curve.keep, NetworkTrainer.learn, []
    train = ["train", str(small_desk), "--policy", "network_band", "--steps", "2", "--paths", "64"]

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(NetworkTrainer, "learn", lambda *given: (steps.append(1), learn(*given))[1])
    monkeypatch.setattr(Curve, "keep", killed)
    assert CliRunner().invoke(app, train).exit_code != 0
    monkeypatch.setattr(Curve, "keep", keep)
    again = CliRunner().invoke(app, [*train, "--json"], catch_exceptions=False)
    assert len(steps) == 2
    assert "going on from" in again.stderr
    found = json.loads(again.stdout)
    assert [each.name for each in networks(Home.find()).iterdir()] == [found["network"]]
    assert found["version"] == "1"


def test_a_desk_that_is_tested_on_years_whose_regimes_are_told_hears_of_it(small_desk, tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.cli.train._train_hedger", lambda *_: None)
    early = tmp_path / "early.toml"
    years = {"2010-01-04": "2000-01-04", "2014-01-01": "2005-01-01", "2017": "2010"}
    text = small_desk.read_text()
    for own, other in years.items():
        text = text.replace(own, other)
    early.write_text(text)

    def said(desk, policy):
        train = ["train", str(desk), "--policy", policy]
        return CliRunner().invoke(app, train, catch_exceptions=False).stderr

    assert "until 2013-12-31, and this desk is tested from 2010-01-01" in said(early, "recurrent_band")
    assert said(small_desk, "recurrent_band") == said(early, "network_band") == ""
