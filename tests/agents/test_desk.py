"""An agent for a desk, by the command."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from flows.stages import settings_of
from pipeline.cli.command import app
from pipeline.deep.desk_task import frictions_of
from pipeline.deep.frictions import NONE
from pipeline.domain.desk import load_desk
from pipeline.domain.errors import SettingsError
from pipeline.domain.execution_settings import ExecutionSettings
from pipeline.domain.home import Home
from pipeline.execution.impact import square_root_impact
from pipeline.learning.known_market import KnownMarket
from pipeline.learning.learners import LEARNERS
from pipeline.learning.order import Order
from pipeline.policies.agent_band import PpoBand
from pipeline.policies.catalogue import desk_policies
from pipeline.policies.saved_network import keep_network, networks, saved_network, terms_digest, with_learned
from pipeline.tracking.database import connect


def test_the_command_trains_what_a_run_then_compares(small_desk, monkeypatch):
    monkeypatch.setattr("pipeline.agents.trainer.VALIDATION_PATHS", 512)
    arguments = ["train", str(small_desk), "--policy", "ppo_band", "--steps", "2", "--paths", "256"]
    done = CliRunner().invoke(app, [*arguments, "--seed", "2", "--json"], catch_exceptions=False)
    found = json.loads(done.stdout)
    assert np.isfinite([found["untrained"], found["trained"]]).all()
    desk = with_learned(load_desk(str(small_desk)), ("rl",))
    assert desk.policies.networks == {"ppo_band": found["network"]}
    assert desk_policies(desk)["ppo_band"].network is not None
    client = connect(Home.find().mlruns)
    (run,) = client.search_runs([each.experiment_id for each in client.search_experiments()])
    assert run.data.tags["network"] == found["network"]
    assert (run.data.params["steps"], run.data.params["markets"]) == ("2", "256")
    assert run.data.metrics["validation_risk"] == pytest.approx(found["trained"])


def test_a_desk_for_which_no_agent_was_trained_is_told_how():
    with pytest.raises(SettingsError, match="hedge train btc-intraday --policy ppo_band"):
        settings_of("btc-intraday", None, "market", latest=False, learned=("rl",))


def test_an_agent_learns_in_the_desk_s_own_impact_and_latency(small_desk):
    """What its markets charge a trade is what the episodes of the desk would, at the same volatility."""
    plain = load_desk(str(small_desk))
    settings = {"impact": 0.9, "notional_share": 0.01, "impact_half_life": 2.0}
    desk = plain.model_copy(
        update={
            "execution": ExecutionSettings(**settings),
            "hedge": plain.hedge.model_copy(update={"delay_sessions": 2}),
        }
    )
    order = Order(steps=1, markets=16, known=KnownMarket(volatility=(0.1, 0.4)), seed=3)
    trainer = LEARNERS["ppo_band"].of(desk.for_learning(), order)
    assert trainer.markets.answer == "paced"
    assert trainer.task.frictions == frictions_of(desk)
    deal = trainer.markets.dealer.deal(0, seed=3)
    assert (deal.delay, deal.market.terms.memory) == (2, pytest.approx(0.5**0.5))
    vol = np.exp(deal.seen[:, 0, 1]) / np.sqrt(trainer.task.steps * trainer.task.interval)
    expected = square_root_impact(desk.execution, vol / np.sqrt(252), 1.0)
    np.testing.assert_allclose(deal.market.impact[:, 0, 0], expected, rtol=1e-9)
    left = trainer.learned()
    trainer.begin()
    trainer.checkpoint().write(networks(Home.find()) / "new.npz")
    file = keep_network(Home.find(), desk.name, "ppo_band", (networks(Home.find()) / "new.npz").read_bytes())
    policies = desk.policies.model_copy(update={"networks": {"ppo_band": file.name}})
    named = desk.model_copy(update={"policies": policies})
    assert saved_network(named, "ppo_band") == left != PpoBand(), "its file says what it sees"
    assert frictions_of(plain) == NONE
    assert plain.for_learning() != desk.for_learning()
    late = plain.model_copy(update={"hedge": desk.hedge})
    assert len({terms_digest(each) for each in (plain, desk, late)}) == 3
