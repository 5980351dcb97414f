"""A band network that learns from stored days: what it is paid for, its prior, and how it goes on."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.backtest.ledger import book
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.stored_task import StoredTask
from pipeline.deep.stored_trainer import StoredTrainer
from pipeline.deep.training import train
from pipeline.domain.errors import SettingsError
from pipeline.execution.terms import Terms
from pipeline.policies.checkpoint import Checkpoint
from pipeline.policies.engineered_state import COLUMNS
from pipeline.policies.zakamouline import Zakamouline
from tests.stored_market import small_task

TASK = small_task()
PLAN = TrainingPlan(steps=4, paths=64, hidden=(6,), learning_rate=0.02, save_every=2, seed=3)


def moved(network, step=0.3):
    """A network that corrects its prior."""
    with torch.no_grad():
        network.layers[-1].weight.normal_(0.0, step, generator=torch.Generator().manual_seed(1))
    return network


@pytest.mark.parametrize("share", [1.0, 0.02])
def test_what_a_band_is_paid_in_training_is_the_ledger(share):
    """On the days as they were and redrawn, orders that are walked, missed or filled in part among them."""
    network, lived = moved(TASK.learner(PLAN)), TASK.days.learned
    drawn = lived.drawn(200, np.random.default_rng(2), TASK.turns)
    for state, market in ((lived.state, lived.market), drawn):
        met = market.book
        thin = replace(met, bid_size=share * met.bid_size, ask_size=share * met.ask_size)
        market = replace(market, terms=Terms(fee=5e-5, crossing=1.7), book=thin)
        ledger = book(market, network.policy().band(state))
        found = TASK.earned(network, state, market)[0].detach().numpy()
        np.testing.assert_allclose(found, ledger.pnl, atol=1e-6)
        assert ledger.missed.sum() > 0.0
        assert np.abs(ledger.cost).min() > 0.0


def test_untrained_it_is_the_prior_and_the_prior_is_paid_for():
    network = TASK.learner(PLAN)
    assert network.policy().sees == tuple(COLUMNS)
    assert TASK.judged(network.policy()) == pytest.approx(TASK.judged(Zakamouline()), rel=1e-9)
    more = replace(TASK, prior_lives=5.0)
    assert more.pull == pytest.approx(10.0 * TASK.pull)
    known = {"paths": 64, "seed": 1, "first": 0}
    condition = TASK.middle
    same = [task.loss(network, condition, **known).item() for task in (TASK, more)]
    assert same[0] == same[1], "what does not leave the prior pays nothing"
    far = moved(network)
    light, heavy = (task.loss(far, condition, **known).item() for task in (TASK, more))
    state, _ = TASK.days.learned.drawn(64, np.random.default_rng((1, 0)), TASK.turns)
    left = np.square(np.tanh(answers(far, state))).sum(axis=-1).mean()
    assert heavy - light == pytest.approx((more.pull - TASK.pull) * left, rel=1e-4)


def answers(network, state):
    policy = network.policy()
    from pipeline.policies.network_band import prior, seen_of

    center, half_width, *_ = prior(state, policy.name)
    return policy.network(seen_of(state, center, half_width, policy.sees, policy.name))


def test_training_gains_goes_on_where_it_was_cut_and_keeps_its_best(tmp_path):
    task = replace(TASK, prior_lives=0.0)
    whole = train(StoredTrainer(task, PLAN), tmp_path / "whole.npz")

    def interrupt(step, risk):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(StoredTrainer(task, PLAN), tmp_path / "cut.npz", interrupt)
    trainer = StoredTrainer(task, PLAN)
    again = train(trainer, tmp_path / "cut.npz")
    assert again.learned.policy() == whole.learned.policy()
    assert again.history == whole.history
    kept = Checkpoint.read(tmp_path / "cut.npz")
    assert kept.policy() == whole.learned.policy()
    assert kept.policy().sees == tuple(COLUMNS)
    assert kept.facts["charged"]["desk_cost"] == TASK.days.learned.state.desk_cost
    best = min(risk for _, risk in whole.history)
    assert task.judged(kept.policy()) == best == trainer.reached


def test_the_batch_teaches_something():
    """On what it learns from, by the same books, the risk falls."""
    task = replace(TASK, prior_lives=0.0)
    trainer = StoredTrainer(task, replace(PLAN, steps=12, learning_rate=0.03))
    before, known = trainer.with_weights(trainer.average), {"paths": 512, "seed": 9, "first": 0}
    first = task.loss(before, task.middle, **known).item()
    train(trainer)
    assert task.loss(trainer.with_weights(trainer.average), task.middle, **known).item() < first


def test_settings_that_cannot_be():
    with pytest.raises(SettingsError, match="prior_lives is 0 or more"):
        StoredTask(days=TASK.days, risk=TASK.risk, aversion=1.0, prior_lives=-1.0)
    with pytest.raises(SettingsError, match="on the processor"):
        StoredTrainer(TASK, replace(PLAN, device="cuda"))
