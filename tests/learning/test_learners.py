"""How the training of each hedger is begun for a desk."""

from dataclasses import replace

import pytest

from pipeline.domain.desk import Desk
from pipeline.domain.errors import SettingsError
from pipeline.learning.known_market import KnownMarket
from pipeline.learning.learners import LEARNERS, chosen_device
from pipeline.learning.order import Order


@pytest.mark.parametrize("policy", LEARNERS)
def test_a_training_that_diverged_can_be_told_a_lower_rate(policy):
    order = Order(steps=1, markets=64, known=KnownMarket(volatility=(0.1, 0.3)), seed=0, rate=1e-4)
    desk, of = Desk(name="mine", policies={"run": []}), LEARNERS[policy].of
    assert of(desk, order).plan.learning_rate == 1e-4
    assert of(desk, replace(order, rate=None)).plan.learning_rate > 1e-4


def test_a_gpu_is_taken_where_there_is_one_to_gain_from(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert {policy: chosen_device(policy, "auto") for policy in LEARNERS} == {
        "network_band": "cpu", "recurrent_band": "cuda", "ppo_band": "cpu", "sac_band": "cpu",
        "network_position": "cpu", "recurrent_position": "cuda",
    }  # fmt: skip
    assert chosen_device("recurrent_band", "cpu") == "cpu"
    assert chosen_device("recurrent_band", "cuda") == "cuda"
    with pytest.raises(SettingsError, match=r"ppo_band is trained on the processor, .*: give auto or cpu"):
        chosen_device("ppo_band", "cuda")


def test_without_a_gpu_the_processor_does_it(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert chosen_device("recurrent_band", "auto") == "cpu"
    with pytest.raises(SettingsError, match="PyTorch finds no GPU here: give the device auto or cpu"):
        chosen_device("recurrent_band", "cuda")


def test_without_pytorch_what_was_trained_is_still_asked_for(monkeypatch):
    monkeypatch.setattr("pipeline.learning.learners.find_spec", lambda _: None)
    assert chosen_device("recurrent_band", "auto") == "cpu"
