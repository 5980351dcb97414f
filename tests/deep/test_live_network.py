"""What goes live decides as PyTorch's own network does."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.deep.frictions import NONE, Frictions
from pipeline.deep.path_task import PathTask
from pipeline.deep.sequence_network import SequenceNetwork, Shape
from pipeline.domain.instruments import Liability
from pipeline.policies.checkpoint import POLICY, Checkpoint
from pipeline.policies.live_network import LiveNetwork
from pipeline.policies.network_slope import MOST_SLOPE, NetworkSlope, slope_inputs
from pipeline.pricing import black

pytestmark = pytest.mark.slow  # it is compiled


def drawn(network):
    """The network with answers of some size."""
    with torch.no_grad():
        for weight in network.layers[-1].parameters():
            weight.normal_(0.0, 0.5)
    return network


@pytest.mark.parametrize("remembers", [False, True])
@pytest.mark.parametrize("frictions", [NONE, Frictions(impact=0.02, memory=0.5)])
@pytest.mark.parametrize("answer", ["band", "position"])
def test_it_decides_as_the_network_that_learned(task, plan, answer, frictions, remembers):
    torch.manual_seed(4)
    task = replace(task, answer=answer, frictions=frictions)
    learns = PathTask(option=task, ratio=(0.5, 1.5), moves=((0.9, 0.1), (0.1, 0.9))) if remembers else task
    network, condition = drawn(learns.learner(plan)), task.middle
    paths = learns.paths(30, condition, seed=1, first=0)
    spot = paths.spot if remembers else paths
    with torch.no_grad():
        if remembers:
            told = network.band(*learns.columns(paths, condition))
            theirs = torch.cat([each for each in told if each is not None], dim=-1)
        else:
            theirs = torch.stack(
                network.edges(*map(torch.from_numpy, task.prior_on(spot, condition))), dim=-1
            )
    policy = Checkpoint("", {}, network.arrays()).policy()
    live = LiveNetwork(policy, task.liability, condition.cost, condition.aversion, task.interval)
    left, vol, impact = np.arange(task.steps, 0, -1), condition.volatility, frictions.impact
    found = []
    for path in spot[:, :-1].tolist():
        live.deal()
        for price, time in zip(path, (task.interval * left).tolist(), strict=True):
            edges = live(price, task.strike, time, vol, price, impact=impact)
            found.append((edges.lower, edges.upper, edges.speed))
    theirs = task.cut(theirs).numpy().reshape(len(found), -1)
    np.testing.assert_allclose(np.array(found)[:, : theirs.shape[1]], theirs, rtol=0, atol=1e-6)
    assert theirs.shape[1] == 2 + (answer == "band" and bool(impact))


def test_a_slope_is_that_of_the_network_that_learned():
    torch.manual_seed(4)
    rng, owed = np.random.default_rng(2), Liability.of("straddle", "short")
    network = drawn(SequenceNetwork(3, 1, (8, 8), Shape("position", most=MOST_SLOPE)))
    strike, time, vol = 90 + 20 * rng.random(200), 0.01 + rng.random(200), 0.1 + 0.4 * rng.random(200)
    terms = (100.0, strike, time, vol)
    seen = slope_inputs(black.delta("call", *terms), time, vol)
    network.fit_scaling(torch.from_numpy(seen))
    with torch.no_grad():
        slope = network.positions(torch.from_numpy(seen)[:, None])[:, 0, 0].numpy()
    deltas = black.delta("call", *terms) + black.delta("put", *terms)
    expected = deltas + 2.0 * black.vega(*terms) / (100.0 * np.sqrt(time)) * slope
    policy = Checkpoint("", {POLICY: NetworkSlope.name}, network.arrays()).policy()
    live = LiveNetwork(policy, owed, 1e-3, 1.0, 1 / 252)
    found = [live(100.0, *each, 100.0).lower for each in zip(*map(np.ndarray.tolist, terms[1:]), strict=True)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    assert np.abs(slope).max() > 0.1
