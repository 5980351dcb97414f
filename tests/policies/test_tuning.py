"""The search: finds a clear optimum, spends no more than its budget, and does not chase noise."""

from dataclasses import dataclass

import numpy as np

from pipeline.policies.base import Score, Training
from pipeline.policies.tuning import tune

GRID = {"x": (0.0, 1.0, 2.0, 3.0), "y": (0.0, 1.0, 2.0, 3.0)}


@dataclass(frozen=True)
class Point:
    x: float = 0.0
    y: float = 0.0


def training(loss, budget=100, noise=1e-9):
    calls = []

    def score(point):
        calls.append(point)
        value = loss(point)
        return Score(value, value + noise * np.arange(5) * (point.x + point.y))

    return Training(None, score, budget), calls


def test_it_finds_the_optimum_of_a_bowl():
    bowl, _ = training(lambda p: (p.x - 2) ** 2 + (p.y - 1) ** 2 + 0.5 * (p.x - 2) * (p.y - 1))
    assert tune(Point(), GRID, bowl) == Point(2.0, 1.0)


def test_it_keeps_to_its_budget_and_never_asks_twice():
    bowl, calls = training(lambda p: (p.x - 3) ** 2 + (p.y - 3) ** 2, budget=5)
    tune(Point(), GRID, bowl)
    assert len(calls) == 5
    assert len(set(calls)) == 5


def test_what_lies_within_a_standard_error_is_left_as_it_was():
    rng = np.random.default_rng(1)

    def score(point):
        blocks = -0.01 * point.x + rng.normal(0, 1, 5) * (point.x > 0)
        return Score(-0.01 * point.x, blocks - blocks.mean() - 0.01 * point.x)

    assert tune(Point(), {"x": GRID["x"]}, Training(None, score, 100)) == Point()


def test_ties_keep_the_prior():
    flat, _ = training(lambda p: 1.0)
    assert tune(Point(1.0, 2.0), GRID, flat) == Point(1.0, 2.0)


def test_a_prior_counts_like_the_blocks_it_rests_on():
    """Gains of mean 1 and deviation s in B blocks win where √B > 2 s √(1 + n/B)."""
    blocks = np.tile([0.0, 2.0], 8)
    deviation = blocks.std(ddof=1)
    enough = len(blocks) * (len(blocks) / (2.0 * deviation) ** 2 - 1.0)
    better, prior = Score(-1.0, -blocks), Score(0.0, np.zeros(16))
    assert better.clearly_below(prior, prior_blocks=0.98 * enough)
    assert not better.clearly_below(prior, prior_blocks=1.02 * enough)
    assert not Score(0.1, -blocks).clearly_below(prior, prior_blocks=0.0)
