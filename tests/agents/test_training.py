"""Training: it learns, repeats, resumes, and stops where it diverges."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.agents.plan import PpoPlan, SacPlan
from pipeline.agents.trainer import AgentTrainer, risk_and_kappa
from pipeline.deep.options_task import OptionsTask
from pipeline.deep.risk import Cvar, Entropic, MeanSd
from pipeline.deep.training import train
from pipeline.domain.errors import FitError, PolicyError, SettingsError, StoreError
from pipeline.domain.instruments import Liability
from pipeline.policies.agent_band import PpoBand, SacBand
from pipeline.policies.checkpoint import Checkpoint

SMALL = {"hidden": (8, 8), "critic": (8,), "seed": 3, "save_every": 2}
PPO = PpoPlan(steps=4, markets=64, batch=160, epochs=2, **SMALL)
SAC = SacPlan(steps=4, markets=16, batch=32, memory=200, waits=1, **SMALL)


class InterruptError(Exception):
    pass


@pytest.fixture(params=[PPO, SAC], ids=["ppo", "sac"])
def plan(request):
    return request.param


@pytest.fixture(params=["one option", "many"])
def taught(request, task):
    if request.param == "one option":
        return task
    both = tuple(Liability.of(right, "short") for right in ("call", "put"))
    return OptionsTask(like=task, liabilities=both, lives=(5, 20), deltas=(0.2, 0.5))


@pytest.fixture(autouse=True)
def _few_paths(monkeypatch):
    monkeypatch.setattr("pipeline.agents.trainer.VALIDATION_PATHS", 2048)


def test_an_interrupted_training_resumes_to_the_same_bits(taught, plan, tmp_path):
    whole = train(AgentTrainer(taught, plan), tmp_path / "whole.npz")

    def interrupt(step, risk):
        if step == 2:
            raise InterruptError

    state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    with pytest.raises(InterruptError):
        train(AgentTrainer(taught, plan), tmp_path / "cut.npz", interrupt)
    assert torch.equal(torch.get_rng_state(), state[0])
    assert (np.random.get_state()[1] == state[1]).all()  # noqa: NPY002
    assert Checkpoint.read(tmp_path / "cut.npz").facts["step"] == 2
    assert train(AgentTrainer(taught, plan), tmp_path / "cut.npz") == whole
    assert (tmp_path / "cut.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()
    assert type(whole.learned) is plan.kind
    assert Checkpoint.read(tmp_path / "cut.npz").policy().network == whole.learned.network
    assert train(AgentTrainer(taught, plan), tmp_path / "cut.npz") == whole  # it is over: nothing is trained
    assert [step for step, _ in whole.history] == [0, 2, 4]


def test_an_agent_goes_on_from_what_another_market_taught_it(task, plan):
    """It is the agent that was left; which range of its inputs counts is of its own market."""
    before = AgentTrainer(task, plan)
    train(before)
    left = before.state()
    same, wider = (AgentTrainer(replace(task, volatility=each), plan) for each in ((0.2, 0.2), (0.1, 0.4)))
    for trainer in (same, wider):
        trainer.go_on_from(left)
    assert same.learned() == before.learned()
    assert wider.learned().network.layers == before.learned().network.layers
    np.testing.assert_array_equal(wider.scaling[:2], before.scaling[:2])
    assert (wider.scaling[2] < before.scaling[2]).any()
    found = train(wider)
    assert found.history[0][0] == 0
    assert found.learned != before.learned()


def test_another_seed_is_another_agent(task):
    short = replace(PPO, steps=1)
    assert (
        train(AgentTrainer(task, short)).learned != train(AgentTrainer(task, replace(short, seed=4))).learned
    )


def test_an_exported_agent_answers_as_it_did(task, plan):
    trainer = AgentTrainer(task, replace(plan, averaged=0.01))
    for _ in range(3):
        trainer.take_step()
    seen, _ = trainer.markets.reset()
    for _ in range(3):
        seen, *_ = trainer.markets.step(np.zeros(trainer.markets.action_space.shape))
    answer, _ = trainer.agent.predict(seen, deterministic=True)
    answer = np.tanh(answer) if plan.squashed else answer
    ours = np.tanh(trainer.learned().network(seen[:, :7].astype(np.float64)))
    assert np.abs(ours).max() > 1e-3
    np.testing.assert_allclose(ours, answer, rtol=0, atol=1e-6)


def test_untrained_it_is_zakamouline_s_band(task, plan):
    network = AgentTrainer(task, plan).learned().network
    assert (network(np.random.default_rng(1).normal(size=(5, 7))) == 0.0).all()


def test_kappa_is_that_of_the_measure():
    pnl = np.random.default_rng(2).normal(0.0, 0.5, 100_000)
    for risk, exact in ((Entropic(0.8), 0.4), (Cvar(0.9), 1.754983 / (2 * 0.5))):
        value, kappa = risk_and_kappa(risk, pnl[None])
        assert value == pytest.approx(float(risk(torch.from_numpy(pnl))))
        assert kappa == pytest.approx(exact, rel=0.02)


def test_kappa_of_many_options_weighs_what_varies_most():
    """What an option earns on the mean is no risk, and one that varies twice as much counts four times."""
    calm = np.random.default_rng(2).normal(0.0, 0.5, 10_000)
    risk, wild = MeanSd(1.5), 7.0 - 2.0 * calm
    value, kappa = risk_and_kappa(risk, np.stack([calm, wild]))
    apart = [risk_and_kappa(risk, each[None]) for each in (calm, wild)]
    assert value == pytest.approx(0.5 * (apart[0][0] + apart[1][0]))
    assert kappa == pytest.approx(0.2 * apart[0][1] + 0.8 * apart[1][1])


def test_the_reward_follows_the_validation(task):
    trainer = AgentTrainer(task, PPO)
    trainer.validated()
    reward = trainer.markets.reward
    assert reward.multiple == pytest.approx(1.0, abs=0.5)  # entropic, nearly normal
    assert -1.0 < reward.aim < -0.2  # what trading costs


def test_a_training_that_diverges_keeps_the_last_good_checkpoint(task, plan, tmp_path):
    class Breaks(AgentTrainer):
        def learn(self, rate):
            if self.step == 2:
                with torch.no_grad():
                    self.weights()[-1].fill_(float("nan"))
            super().learn(rate)

    file = tmp_path / "net.npz"
    match = r"diverged after 2 steps: the actor's answer is no number; at step 2 .*kept in .*learning rate"
    with pytest.raises(FitError, match=match):
        train(Breaks(task, plan), file)
    assert Checkpoint.read(file).facts["step"] == 2
    Checkpoint.read(file).policy()


def test_a_rate_that_is_far_too_high_is_divergence(task, plan):
    with pytest.raises(FitError, match="diverged after"):
        train(AgentTrainer(task, replace(plan, steps=40, learning_rate=1e30)))


@pytest.mark.parametrize("fault", [ValueError("a fault of ours"), PolicyError("another")])
def test_a_fault_of_ours_is_not_called_divergence(task, plan, monkeypatch, fault):
    trainer = AgentTrainer(task, plan)

    def breaks(actions):
        raise fault

    monkeypatch.setattr(trainer.markets, "step", breaks)
    with pytest.raises(type(fault), match=str(fault)):
        train(trainer)


def test_checkpoints_of_another_desk_or_plan(task, tmp_path):
    short = replace(PPO, steps=1)
    train(AgentTrainer(task, short), tmp_path / "net.npz")
    with pytest.raises(StoreError, match="another desk"):
        train(AgentTrainer(replace(task, strike=101.0), short), tmp_path / "net.npz")
    for other in (replace(short, learning_rate=0.1), replace(SAC, steps=1)):
        with pytest.raises(StoreError, match="another plan"):
            train(AgentTrainer(task, other), tmp_path / "net.npz")


def test_plans_that_cannot_be():
    with pytest.raises(SettingsError, match="training plan: steps is 0, it must be at least 1"):
        PpoPlan(steps=0)
    with pytest.raises(SettingsError, match="training plan: batch is 0, it must be at least 1"):
        PpoPlan(batch=0)


def test_names():
    assert (PpoBand.name, SacBand.name) == ("ppo_band", "sac_band")
