"""Learning from quotes: its loss against plain loops, what it starts from, what it learns and cannot."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.backtest.contract_moves import ContractMoves
from pipeline.backtest.quote_sight import SeenMoves
from pipeline.deep.best_kept import BestKept
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.quotes_task import QuotesTask, learned_slopes
from pipeline.deep.trainer import VALIDATION
from pipeline.deep.training import train
from pipeline.domain.errors import DataError, SettingsError

DAYS, EACH = 60, 20


def seen_with(slope, noise=0.0, seed=5):
    """Pairs with two columns of their own and one of the market, and their true slope."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(DAYS), EACH)
    own, market = rng.uniform(0.1, 0.9, (len(day), 2)), rng.normal(0.0, 1.0, (DAYS, 1))
    scale = rng.normal(0.0, 1.0, DAYS)[day] * rng.uniform(1.0, 3.0, len(day)) * np.where(day > 30, 5.0, 1.0)
    true = slope(own, market[np.maximum(day - 1, 0), 0], market[day, 0])
    excess = true * scale + noise * np.abs(scale) * rng.normal(0.0, 1.0, DAYS)[day]
    right = np.where(rng.uniform(size=len(day)) < 0.5, 1, -1)
    delta = own[:, 0] - (right < 0)
    moves = ContractMoves(day, np.arange(len(day)), right, delta, excess, scale)
    return SeenMoves(moves, own, market), true


@pytest.fixture
def plan():
    return TrainingPlan(steps=80, paths=256, learning_rate=0.02, hidden=(8,), save_every=10, seed=1)


def test_the_loss_is_that_of_plain_loops_on_pairs_of_its_own_part(plan):
    seen, _ = seen_with(lambda own, before, now: -0.3 * own[:, 0])
    task = QuotesTask(seen=seen, prior_days=6.0)
    torch.manual_seed(2)
    network = task.learner(plan)
    with torch.no_grad():
        network.layers[-1].weight.normal_()
    moves = seen.moves
    slope = learned_slopes(network, seen, 1)
    assert slope.std() > 0.0
    squares = [np.mean(moves.scale[moves.day == day] ** 2) for day in range(DAYS)]
    for first, (low, high) in ((0, (0, 45 * EACH)), (VALIDATION, (45 * EACH, DAYS * EACH))):
        rows = np.random.default_rng((9, first)).integers(low, high, 50)
        expected = np.mean(
            [
                (moves.excess[i] - slope[i] * moves.scale[i]) ** 2 / squares[moves.day[i]]
                + 6.0 / DAYS * slope[i] ** 2
                for i in rows
            ]
        )
        found = task.loss(network, None, paths=50, seed=9, first=first)
        assert float(found.detach()) == pytest.approx(expected, rel=1e-6)  # single precision


def test_untrained_it_is_delta_and_it_learns_the_slope_that_is_there(plan):
    seen, true = seen_with(lambda own, before, now: -0.4 + 0.5 * own[:, 0])
    task = QuotesTask(seen=seen, prior_days=0.0)
    np.testing.assert_array_equal(learned_slopes(task.learner(plan), seen, 1), 0.0)
    found = learned_slopes(train(BestKept(task, plan)).learned, seen, 1)
    assert np.sqrt(np.mean((found - true) ** 2)) < 0.1 * np.sqrt(np.mean(true**2))


def test_where_there_is_no_slope_the_start_stays_nearly(plan):
    seen, _ = seen_with(lambda own, before, now: 0.0 * now, noise=1.0)
    found = train(BestKept(QuotesTask(seen=seen), plan))
    assert min(risk for _, risk in found.history) <= found.history[0][1]
    assert np.sqrt(np.mean(learned_slopes(found.learned, seen, 1) ** 2)) < 0.25


def test_only_a_memory_learns_from_the_day_before(plan):
    seen, true = seen_with(lambda own, before, now: 0.3 * np.tanh(before))
    plain = QuotesTask(seen=seen, prior_days=0.0)
    reader = replace(plain, days=3, recurrent=6)
    off = [
        np.mean((learned_slopes(train(BestKept(task, plan)).learned, seen, task.days) - true) ** 2)
        for task in (plain, reader)
    ]
    assert off[1] < 0.2 * off[0]


def test_held_out_days_choose_and_are_not_learned_from(plan):
    seen, _ = seen_with(lambda own, before, now: -0.3 + 0.0 * now)
    held = seen.moves.day >= 45
    turned = replace(seen, moves=replace(seen.moves, excess=np.where(held, -1.0, 1.0) * seen.moves.excess))
    trainers = [BestKept(QuotesTask(seen=each), plan) for each in (seen, turned)]
    found = [train(trainer) for trainer in trainers]
    for one, other in zip(*(trainer.average for trainer in trainers), strict=True):
        torch.testing.assert_close(one, other, rtol=0.0, atol=0.0)
    assert np.abs(learned_slopes(found[0].learned, seen, 1)).min() > 0.1
    np.testing.assert_array_equal(learned_slopes(found[1].learned, seen, 1), 0.0)


def test_a_day_without_a_move_weighs_nothing():
    seen, _ = seen_with(lambda own, before, now: 0.0 * now)
    still = replace(seen.moves, scale=np.where(seen.moves.day == 7, 0.0, seen.moves.scale))
    weight = QuotesTask(seen=replace(seen, moves=still)).weight
    assert (weight[still.day == 7] == 0.0).all()
    assert (weight[still.day != 7] > 0.0).all()


def test_what_cannot_be_learned_from_is_refused():
    seen, _ = seen_with(lambda own, before, now: 0.0 * now)
    with pytest.raises(SettingsError, match="memory"):
        QuotesTask(seen=seen, days=3)
    with pytest.raises(SettingsError, match="hold out"):
        QuotesTask(seen=seen, held_out=1.0)
    with pytest.raises(DataError, match="on 3 days, 4 are needed"):
        QuotesTask(seen=seen.where(seen.moves.day < 3))
    with pytest.raises(DataError, match="no number"):
        QuotesTask(seen=replace(seen, market=seen.market * np.nan))
