"""An agent for a desk, by the command."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from flows.stages import settings_of
from pipeline.cli.command import app
from pipeline.domain.desk import load_desk
from pipeline.domain.errors import SettingsError
from pipeline.domain.home import Home
from pipeline.policies.catalogue import desk_policies
from pipeline.policies.saved_network import with_learned
from pipeline.tracking.database import connect


def test_the_command_trains_what_a_run_then_compares(small_desk, monkeypatch):
    monkeypatch.setattr("pipeline.agents.trainer.VALIDATION_PATHS", 512)
    arguments = ["train", str(small_desk), "--policy", "ppo_band", "--steps", "1", "--paths", "64"]
    done = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    found = json.loads(done.stdout)
    assert np.isfinite([found["untrained"], found["trained"]]).all()
    desk = with_learned(load_desk(str(small_desk)), ("rl",))
    assert desk.policies.networks == {"ppo_band": found["network"]}
    assert desk_policies(desk)["ppo_band"].network is not None
    client = connect(Home.find().mlruns)
    (run,) = client.search_runs([each.experiment_id for each in client.search_experiments()])
    assert run.data.tags["network"] == found["network"]
    assert (run.data.params["steps"], run.data.params["markets"]) == ("1", "64")
    assert run.data.metrics["validation_risk"] == pytest.approx(found["trained"])


def test_a_desk_of_another_kind_has_no_agents():
    with pytest.raises(SettingsError, match="--with goes with a daily desk"):
        settings_of("btc-intraday", None, "market", latest=False, learned=("rl",))
