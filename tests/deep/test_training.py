"""Training: it learns, repeats, resumes, and stops where it diverges."""

import re
from dataclasses import replace

import numpy as np
import pytest

from pipeline.deep.network_trainer import NetworkTrainer
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.risk import Cvar, Entropic
from pipeline.deep.training import train
from pipeline.domain.errors import FitError, SettingsError, StoreError
from pipeline.policies.checkpoint import Checkpoint


def learned(task, plan, path=None, report=None):
    found = train(NetworkTrainer(task, plan), path, report)
    return found.learned.policy(), found.history


class InterruptError(Exception):
    pass


def test_it_learns_and_repeats(task, plan):
    longer = replace(plan, steps=40, paths=4096, save_every=20)
    once = learned(task, longer)
    (start, untrained), *_, (end, trained) = once[1]
    assert (start, end) == (0, 40)
    assert trained < untrained - 0.02
    assert learned(task, longer) == once


def test_an_interrupted_training_resumes_to_the_same_bits(task, plan, tmp_path):
    whole = learned(task, plan, tmp_path / "whole.npz")

    def interrupt(step, risk):
        if step == 8:
            raise InterruptError

    with pytest.raises(InterruptError):
        learned(task, plan, tmp_path / "cut.npz", interrupt)
    assert Checkpoint.read(tmp_path / "cut.npz").facts["step"] == 8
    assert learned(task, plan, tmp_path / "cut.npz") == whole
    assert (tmp_path / "cut.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()
    assert Checkpoint.read(tmp_path / "cut.npz").policy() == whole[0]
    assert learned(task, plan, tmp_path / "cut.npz") == whole  # it is over: nothing is trained


def test_another_seed_is_another_network(task, plan):
    short = replace(plan, steps=2)
    assert learned(task, short) != learned(task, replace(short, seed=4))


def test_any_risk_measure_and_a_frontier_can_be_trained(task, plan):
    wide = replace(task, cost=(0.001, 0.01), volatility=(0.1, 0.4), risk=Cvar(0.9))
    trained = train(NetworkTrainer(wide, replace(plan, groups=4)))
    assert np.isfinite([risk for _, risk in trained.history]).all()
    assert trained.learned.high[3] > trained.learned.low[3]


def test_a_training_that_diverges_keeps_the_last_good_checkpoint(task, plan, tmp_path):
    class Breaks(NetworkTrainer):
        def learn(self, rate):
            super().learn(float("nan") if self.step == 6 else rate)

    file = tmp_path / "net.npz"
    match = r"diverged after 6 steps: a weight is no number; at step 4 .*kept in .*learning rate of 0.01"
    with pytest.raises(FitError, match=match):
        train(Breaks(task, plan), file)
    kept = Checkpoint.read(file)
    assert kept.facts["step"] == 4
    kept.policy()


def test_a_risk_that_is_no_number_is_found(task, plan, monkeypatch):
    trainer = NetworkTrainer(task, plan)
    monkeypatch.setattr(Entropic, "__call__", lambda self, pnl: pnl.sum() * float("nan"))
    with pytest.raises(FitError, match=r"after 0 steps: the risk is nan; .*no checkpoint yet"):
        train(trainer)


def test_a_rate_that_is_far_too_high_is_found(task, plan):
    with pytest.raises(FitError, match=r"diverged after \d+ steps: the risk is .* untrained it was"):
        learned(task, replace(plan, learning_rate=1e6))


def test_checkpoints_of_another_desk_or_plan(task, plan, tmp_path):
    short = replace(plan, steps=1)
    learned(task, short, tmp_path / "net.npz")
    with pytest.raises(StoreError, match=r"net\.npz: .*another desk.*remove this one to begin anew"):
        learned(replace(task, strike=101.0), short, tmp_path / "net.npz")
    with pytest.raises(StoreError, match=r"net\.npz: .*another plan.*remove this one to begin anew"):
        learned(task, replace(short, learning_rate=0.1), tmp_path / "net.npz")


def test_a_damaged_checkpoint_is_one_to_remove(task, plan, tmp_path):
    path = tmp_path / "net.npz"
    path.write_bytes(b"half a file")
    with pytest.raises(
        StoreError, match=r"net\.npz: damaged.*train .* again, from the start: remove this file"
    ):
        learned(task, plan, path)


def test_plans_that_cannot_be():
    with pytest.raises(SettingsError, match="3 paths in 4 groups: give a multiple of 4 paths"):
        TrainingPlan(paths=3, groups=4)
    for setting, value, rule in (
        ("learning_rate", 0.0, "a positive number"),
        ("learning_rate", float("nan"), "a positive number"),
        ("steps", 0, "at least 1"),
        ("hidden", (4, 0), "at least 1 unit a layer"),
        ("averaged", 1.5, "in (0, 1]"),
        ("seed", -1, "0 or more"),
    ):
        said = f"training plan: {setting} is {value}, it must be {rule}"
        with pytest.raises(SettingsError, match=re.escape(said)):
            TrainingPlan(**{setting: value})
