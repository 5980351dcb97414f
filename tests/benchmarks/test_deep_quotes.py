"""The walk over the chains: a window learns from what has ended; the rival finds the slope that is there."""

import numpy as np
import pytest

from benchmarks import deep_quotes
from benchmarks.deep_quotes import REFIT, quadratic, walked
from pipeline.backtest.contract_moves import ContractMoves
from pipeline.backtest.quote_sight import SeenMoves

DAYS, EACH, FIRST = 33, 12, 15
TRUE = (-0.2, 0.3, -0.1)


@pytest.fixture
def seen():
    rng = np.random.default_rng(8)
    day = np.repeat(np.arange(DAYS), EACH)
    delta, scale = rng.uniform(0.1, 0.9, len(day)), rng.normal(0.0, 2.0, len(day))
    excess = scale * np.polynomial.polynomial.polyval(delta, TRUE)
    moves = ContractMoves(day, np.arange(len(day)), np.ones(len(day), dtype=int), delta, excess, scale)
    return SeenMoves(moves, delta[:, None], np.zeros((DAYS, 1)))


def test_a_window_is_given_the_pairs_that_have_ended_before_it(seen):
    asked = []

    def explain(ended, now):
        asked.append((ended.moves.day.max(), now.moves.day.min(), now.moves.day.max()))
        return now.moves.excess

    found = walked(seen, FIRST, explain)
    tested = seen.moves.day >= FIRST
    np.testing.assert_array_equal(found, np.where(tested, seen.moves.excess, 0.0))
    starts = range(FIRST, DAYS, REFIT)
    assert asked == [(start - 2, start, min(start + REFIT, DAYS) - 1) for start in starts]


def test_the_quadratic_rival_finds_the_slope_and_counts_the_start_like_days(seen, monkeypatch):
    ended, now = seen.where(seen.moves.day < 20), seen.where(seen.moves.day >= 20)
    monkeypatch.setattr(deep_quotes, "PRIOR_DAYS", 1e-9)
    np.testing.assert_allclose(quadratic(ended, now), now.moves.excess, atol=1e-6)
    monkeypatch.setattr(deep_quotes, "PRIOR_DAYS", 20.0)
    share = quadratic(ended, now) @ now.moves.excess / (now.moves.excess @ now.moves.excess)
    assert share == pytest.approx(0.5, abs=0.05)
