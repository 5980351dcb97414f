"""Losses that are made where their network is.

No GPU is needed: on PyTorch's device `meta` tensors have shapes but no numbers, and what mixes one of another
device in fails. A tensor that is made on the default device is found by that.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.deep.device import check_device
from pipeline.deep.frictions import Frictions
from pipeline.deep.market_task import MarketTask
from pipeline.deep.network_trainer import NetworkTrainer
from pipeline.deep.path_task import PathTask
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.risk import Cvar, Entropic, MeanSd, Oce, exponential
from pipeline.deep.seen import SEEN
from pipeline.deep.sequence_network import Shape
from pipeline.domain.errors import SettingsError
from pipeline.execution.regime_liquidity import RegimeLiquidity
from pipeline.simulate.heston import Heston
from pipeline.simulate.payoffs import European
from pipeline.simulate.switching import MarkovSwitching
from pipeline.simulate.traded import Spot, VarianceSwap
from tests.small_task import TASK

PLAN = TrainingPlan(steps=2, paths=64, hidden=(8,), seed=3)
MARKET = MarkovSwitching(volatility=(0.1, 0.3), moves=((0.98, 0.02), (0.05, 0.95)), step=1 / 365)
LIQUID = Frictions(
    impact=0.01, memory=0.5, delay=1,
    liquidity=RegimeLiquidity(half_spread=(1e-4, 5e-4), depth=(1.0, 0.5)),
)  # fmt: skip


def market(**changes):
    told = {"process": MARKET, "owed": European("call", 100.0), "steps": 6, "interval": 1 / 365}
    return MarketTask(**{**told, "cost": (0.002,), "sees": tuple(SEEN), **changes})


REMEMBERING = PathTask(option=TASK, ratio=(0.5, 1.5), moves=((0.95, 0.05), (0.1, 0.9)), units=5)
TASKS = {
    "path": REMEMBERING,
    "path, cvar": replace(REMEMBERING, option=replace(TASK, risk=Cvar(0.9), unwind=False)),
    "band": market(shape=Shape(recurrent=4)),
    "near a prior": market(
        shape=Shape(near=True), prior=replace(TASK, steps=6), sees=("left", "return"), risk=MeanSd(1.5)
    ),
    "paced": market(shape=Shape(paced=True), frictions=LIQUID),
    "position": market(shape=Shape("position"), frictions=LIQUID, risk=Oce(exponential(1.0)), power=1.5),
    "from held": market(shape=Shape("from_held", recurrent=4), risk=Entropic(2.0)),
    "two": market(process=Heston(vol_of_vol=0.3), hedges=(Spot(), VarianceSwap(500.0)), cost=(0.002, 0.01)),
}


@pytest.fixture(autouse=True)
def _no_number_is_read(monkeypatch):
    """Let whether all numbers are finite be true where there are none."""
    kept = torch.Tensor.__bool__
    monkeypatch.setattr(torch.Tensor, "__bool__", lambda own: own.is_meta or kept(own))


@pytest.mark.parametrize("name", TASKS)
def test_all_of_a_loss_is_made_where_the_network_is(name):
    task = TASKS[name]
    network = task.learner(PLAN).to("meta")
    loss = task.loss(network, task.middle, paths=PLAN.paths, seed=1, first=0)
    loss.backward()
    assert loss.device.type == "meta"
    assert {each.grad.device.type for each in network.parameters() if each.grad is not None} == {"meta"}


@pytest.mark.parametrize("name", ["path", "two"])
def test_one_tensor_on_the_default_device_is_found(name, monkeypatch):
    kept = torch.Tensor.to
    monkeypatch.setattr(
        torch.Tensor, "to", lambda own, *to, **how: own if to == ("meta",) else kept(own, *to, **how)
    )
    network = TASKS[name].learner(PLAN)
    network._apply(lambda each: kept(each, "meta"))
    with pytest.raises(RuntimeError, match="device"):
        TASKS[name].loss(network, TASKS[name].middle, paths=PLAN.paths, seed=1, first=0)


def test_the_loop_of_a_gpu_earns_what_the_compiled_one_does():
    spot = TASK.paths(200, TASK.middle, seed=2, first=0)[..., None]
    edges = torch.from_numpy(np.random.default_rng(0).uniform(0.0, 1.0, (200, TASK.steps, 2))).sort(-1).values
    for task in (TASK, replace(TASK, unwind=False, power=1.5)):
        compiled, stepped = (each(edges, spot, TASK.middle) for each in (task._compiled, task._stepped))
        torch.testing.assert_close(stepped, compiled, rtol=1e-12, atol=1e-12)


def test_what_a_gpu_has_nothing_to_do_in_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(SettingsError, match="a GPU has nothing to do in this training"):
        NetworkTrainer(TASK, replace(PLAN, device="cuda"))
    check_device("cuda", on_gpu=True)


def test_a_gpu_that_is_not_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for task in (REMEMBERING, TASKS["band"]):
        with pytest.raises(SettingsError, match="PyTorch finds no GPU here: give the device auto or cpu"):
            NetworkTrainer(task, replace(PLAN, device="cuda"))
