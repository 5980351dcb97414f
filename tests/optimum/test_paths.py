"""Paths of a programme's market and the beliefs along them."""

import numpy as np
import pytest

from pipeline.optimum.dynamics import Dynamics
from pipeline.optimum.lattice import vertices
from pipeline.optimum.paths import beliefs, simulate
from pipeline.regimes.forward import filter_returns

VOLATILITY, MOVES = np.array([0.12, 0.35]), np.array([[0.9, 0.1], [0.2, 0.8]])
JUMPS = np.array([[0.0, -0.05], [0.03, 0.0]])


def market(jumps=None):
    return Dynamics.switching(VOLATILITY, MOVES, cost=0.0, interval=1 / 252, jumps=jumps)


def drawn(dynamics, paths, steps=5):
    return simulate(dynamics, spot=100.0, steps=steps, paths=paths, rng=np.random.default_rng(4))


def test_beliefs_are_those_of_the_forward_filter():
    prices, _ = drawn(market(), 200)
    predicted = beliefs(market(), prices) @ vertices(market())
    expected = filter_returns(np.diff(np.log(prices), axis=1), VOLATILITY, MOVES, 1 / 252)
    np.testing.assert_allclose(predicted, expected[:, :-1], atol=1e-12)


@pytest.mark.parametrize("jumps", [None, JUMPS])
def test_the_price_has_no_drift_and_beliefs_are_right_on_average(jumps):
    dynamics = market(jumps)
    prices, regimes = drawn(dynamics, 100_000)
    error = prices[:, -1].std() / np.sqrt(len(prices))
    assert abs(prices[:, -1].mean() - 100.0) < 3.0 * error
    coming = (beliefs(dynamics, prices) @ vertices(dynamics))[:, :, 1]
    for low, high in ((0.0, 0.2), (0.2, 0.5), (0.5, 1.0)):
        inside = (coming[:, -1] >= low) & (coming[:, -1] < high)
        hit, expected = regimes[inside, -1].mean(), coming[inside, -1].mean()
        assert abs(hit - expected) < 4.0 * np.sqrt(expected * (1.0 - expected) / inside.sum())


def test_a_jump_shows_the_regime_it_leads_to():
    dynamics = market(np.array([[0.0, -0.5], [0.0, 0.0]]))
    prices, regimes = drawn(dynamics, 5000)
    jumped = (regimes[:, :-1] == 0) & (regimes[:, 1:] == 1)
    assert jumped.sum() > 100
    assert beliefs(dynamics, prices)[:, 1:, 1][jumped].min() > 1.0 - 1e-9
