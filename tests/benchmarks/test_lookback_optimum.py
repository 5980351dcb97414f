"""The programme of the lookback option between what is known of it."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.lookback_optimum import LookbackMarket, Mesh, indifferent, premium

MARKET = LookbackMarket(steps=3, interval=1 / 52, volatility=0.3, drift=-0.02, strike=1.02, cost=1e-3)
MESH = Mesh(below=40, positions=21, points=24)


@pytest.fixture(scope="module")
def owed():
    """What is owed on simulated paths, [N]."""
    draws = np.random.default_rng(1).standard_normal((400_000, MARKET.steps))
    draws = np.concatenate([draws, -draws])
    moves = MARKET.deviation * draws + MARKET.drift * MARKET.interval - 0.5 * MARKET.deviation**2
    highest = np.exp(np.maximum(moves.cumsum(axis=1).max(axis=1), np.log(MARKET.strike)))
    return highest - MARKET.strike


def test_at_a_cost_that_forbids_trading_it_is_the_risk_of_who_never_trades(owed):
    risk, error = np.log(np.exp(owed).mean()), np.exp(owed).std() / np.sqrt(len(owed))
    assert premium(replace(MARKET, cost=5.0), MESH) == pytest.approx(risk, abs=4.0 * error)


def test_it_lies_between_the_value_without_drift_and_never_trading():
    """From below by duality: the value under the law without drift, less that law's entropy."""
    value = MARKET.strike * (float(indifferent(MARKET)[0](-np.log(MARKET.strike))) - 1.0)
    entropy = 0.5 * MARKET.steps * MARKET.interval * (MARKET.drift / MARKET.volatility) ** 2
    free, ours, never = (premium(replace(MARKET, cost=cost), MESH) for cost in (0.0, MARKET.cost, 5.0))
    assert value - entropy < free < ours < never
