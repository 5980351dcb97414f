"""A band that has read its path, while it learns: the books, the plain numbers, what it finds out."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.backtest.ledger import book
from pipeline.deep.frictions import NONE, Frictions
from pipeline.deep.network_trainer import NetworkTrainer
from pipeline.deep.path_task import PathTask
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.task import Condition
from pipeline.deep.training import train
from pipeline.domain.errors import SettingsError
from pipeline.policies.checkpoint import Checkpoint
from pipeline.policies.recurrent_band import RecurrentBand, moves
from pipeline.policies.recurrent_network import RecurrentNetwork
from pipeline.policies.zakamouline import Zakamouline


@pytest.fixture
def remembering(task):
    return PathTask(option=task, ratio=(0.5, 1.5), moves=((0.95, 0.05), (0.1, 0.9)), units=5)


@pytest.fixture
def small():
    return TrainingPlan(steps=4, paths=512, save_every=2, hidden=(8,), seed=3)


def trained_somehow(task, plan):
    """A network with corrections of some size."""
    torch.manual_seed(4)
    network = task.learner(plan)
    with torch.no_grad():
        for weight in network.layers[-1].parameters():
            weight.normal_(0.0, 0.3)
    return network


def test_prices_move_at_the_ratio_of_what_is_told(remembering):
    condition = Condition(0.001, 1.0, 0.3)
    paths = remembering.paths(500, condition, seed=1, first=0)
    assert set(np.sqrt(np.unique(paths.variance)).round(12)) == {0.15, 0.45}
    columns, *_ = remembering.columns(paths, condition)
    state, _ = remembering.option.state_on(paths.spot, condition)
    np.testing.assert_allclose(columns[..., :2].numpy(), moves(state), rtol=0, atol=1e-12)


@pytest.mark.parametrize("frictions", [NONE, Frictions(impact=0.03, memory=0.6, delay=1, volatility=0.1)])
@pytest.mark.parametrize("answer", ["band", "position"])
def test_pnl_is_that_of_the_books(remembering, small, answer, frictions):
    option = replace(remembering.option, answer=answer, frictions=frictions)
    remembering = replace(remembering, option=option)
    network, condition = trained_somehow(remembering, small), remembering.middle
    paths = remembering.paths(500, condition, seed=2, first=0)
    state, market = remembering.option.state_on(paths.spot, condition)
    policy = Checkpoint("", {}, network.arrays()).policy()
    assert policy.name == f"recurrent_{answer}"
    expected = book(market, policy.band(state), frictions.delay).pnl
    found = remembering.pnl(network, paths, condition).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert np.abs(expected - book(market, Zakamouline().band(state), frictions.delay).pnl).mean() > 0.02


def test_plain_numbers_answer_as_the_network_does(remembering, small):
    network, condition = trained_somehow(remembering, small), Condition(0.01, 2.0, 0.3)
    columns, *_ = remembering.columns(remembering.paths(50, condition, seed=3, first=0), condition)
    plain = RecurrentNetwork.of_arrays(network.arrays())
    seen = columns.numpy()
    dealt = np.broadcast_to(np.arange(seen.shape[1]) == 0, seen.shape[:2])
    answers = plain.layers(np.concatenate([plain.recalled(seen[..., :2], dealt), seen], axis=-1))
    with torch.no_grad():
        zero, one = torch.zeros(*seen.shape[:2], 1), torch.ones(*seen.shape[:2], 1)
        lower, upper, _ = (
            None if each is None else each.numpy()[..., 0]
            for each in network.band(columns, zero.double(), one.double())
        )
    center, half = 1.5 * np.tanh(answers[..., 0]), 4.0 ** np.tanh(answers[..., 1])
    np.testing.assert_allclose(lower, center - half, rtol=0, atol=1e-6)
    np.testing.assert_allclose(upper, center + half, rtol=0, atol=1e-6)


def test_untrained_it_is_zakamouline(remembering, small):
    condition = remembering.middle
    state, _ = remembering.option.state_on(remembering.paths(20, condition, seed=3, first=0).spot, condition)
    ours = RecurrentBand(RecurrentNetwork.of_arrays(remembering.learner(small).arrays())).band(state)
    np.testing.assert_allclose(ours.lower, Zakamouline().band(state).lower, rtol=1e-12)
    np.testing.assert_allclose(ours.upper, Zakamouline().band(state).upper, rtol=1e-12)


def test_it_repeats_resumes_and_is_kept_as_a_policy(remembering, small, tmp_path):
    whole = train(NetworkTrainer(remembering, small), tmp_path / "whole.npz")

    def interrupt(step, risk):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        train(NetworkTrainer(remembering, small), tmp_path / "cut.npz", interrupt)
    train(NetworkTrainer(remembering, small), tmp_path / "cut.npz")
    assert (tmp_path / "cut.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()
    policy = Checkpoint.read(tmp_path / "whole.npz").policy()
    assert policy == RecurrentBand(RecurrentNetwork.of_arrays(whole.learned.arrays()))


@pytest.mark.slow
def test_it_finds_out_in_which_regime_it_is(remembering):
    """After calm days it holds another band than after stormy ones, at the same price and time."""
    plan = TrainingPlan(steps=60, paths=4096, hidden=(16,), seed=3)
    found = train(NetworkTrainer(replace(remembering, ratio=(0.4, 1.6)), plan))
    assert found.history[-1][1] < found.history[0][1]
    policy, times = RecurrentBand(RecurrentNetwork.of_arrays(found.learned.arrays())), 5
    daily = 0.2 * np.sqrt(remembering.option.interval)
    signs = np.array([1.0, -1.0, -1.0, 1.0])[: times - 1]
    level = np.cumsum(np.array([[0.2], [2.0]]) * daily * signs, axis=1)
    steps = remembering.option.steps
    spot = 100.0 * np.exp(np.pad(level, ((0, 0), (1, steps + 1 - times))))
    state, _ = remembering.option.state_on(spot, remembering.middle)
    band = policy.band(state)
    middle = 0.5 * (band.lower + band.upper)[:, times - 1, 0]
    np.testing.assert_allclose(spot[:, times - 1], 100.0)
    assert (
        abs(middle[0] - middle[1]) > 1e-3 or abs(np.diff((band.upper - band.lower)[:, times - 1, 0])) > 1e-3
    )


def test_regimes_that_cannot_be(remembering):
    with pytest.raises(SettingsError, match="transition"):
        replace(remembering, moves=((0.5, 0.4), (0.1, 0.9)))
