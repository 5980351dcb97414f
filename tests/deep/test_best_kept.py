"""The best checkpoint is kept: at worst the untrained network, and over an interruption."""

from dataclasses import replace

import pytest

from pipeline.deep.best_kept import BestKept
from pipeline.deep.training import train
from pipeline.policies.checkpoint import Checkpoint


class InterruptError(Exception):
    pass


def test_of_all_checkpoints_the_best_is_what_was_learned(task, plan):
    found = train(BestKept(task, plan))
    best = min(risk for _, risk in found.history)
    again = BestKept(task, plan)
    again.average = [weight.detach() for weight in found.learned.parameters()]
    assert again.validated() == best


def test_a_training_that_only_does_harm_leaves_the_untrained_network(task, plan, tmp_path):
    far = replace(plan, learning_rate=3.0)  # a rate that makes an ordinary training diverge
    found = train(BestKept(task, far), tmp_path / "net.npz")
    assert Checkpoint.read(tmp_path / "net.npz").facts["reached"] == found.history[0][1]
    assert min(found.history, key=lambda each: each[1])[0] == 0
    assert found.learned.policy() == BestKept(task, far).network.policy()


def test_an_interrupted_training_ends_in_the_same_best_weights(task, plan, tmp_path):
    whole = train(BestKept(task, plan), tmp_path / "whole.npz")

    def interrupt(step, risk):
        if step == 8:
            raise InterruptError

    with pytest.raises(InterruptError):
        train(BestKept(task, plan), tmp_path / "cut.npz", interrupt)
    gone_on = train(BestKept(task, plan), tmp_path / "cut.npz")
    assert gone_on.learned.policy() == whole.learned.policy()
    assert gone_on.history == whole.history
    assert (tmp_path / "cut.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()
    done = train(BestKept(task, plan), tmp_path / "cut.npz")  # nothing is left to train
    assert done.learned.policy() == whole.learned.policy() == Checkpoint.read(tmp_path / "cut.npz").policy()
