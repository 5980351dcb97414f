"""Hedgers in two markets whose entropic risks are known from an independent program.

Market A: Black–Scholes, σ = 20 %, 30 days. Market B: two volatility regimes, 60 days. Short at-the-money call
on S = 100, λ = 1, unwind charged, no premium.
"""

import numpy as np
import pytest

from pipeline.backtest.ledger import book
from pipeline.backtest.simulated import simulated_episodes
from pipeline.domain.instruments import Liability
from pipeline.policies.catalogue import POLICIES
from pipeline.regimes.forward import filter_returns
from pipeline.regimes.variance_to_go import expected_variance
from pipeline.simulate.black_scholes import BlackScholes
from pipeline.simulate.markov_chain import stationary_distribution
from pipeline.simulate.switching import MarkovSwitching

SHORT_CALL = Liability.of("call", "short")
MARKET_A = {
    1e-4: {"delta_implied": 2.3821, "leland": 2.3817, "whalley_wilmott": 2.3968, "zakamouline": 2.3832},
    1e-3: {"delta_implied": 2.6374, "leland": 2.6266, "whalley_wilmott": 2.6127, "zakamouline": 2.5822},
    1e-2: {"delta_implied": 5.4701, "leland": 4.8807, "whalley_wilmott": 4.4392, "zakamouline": 4.2074},
}
NOISE_A = 0.005
MARKET_B = {
    ("average", "delta_implied"): (6.37, 8.75),
    ("average", "whalley_wilmott"): (6.29, 7.70),
    ("filtered", "delta_implied"): (5.76, 7.63),
    ("filtered", "whalley_wilmott"): (5.727, 6.966),
}
NOISE_B = 0.03
VOLATILITY = np.array([0.12, 0.35])
MOVES = np.array([[0.98, 0.02], [0.05, 0.95]])


def entropic_with_error(exponentials: np.ndarray) -> tuple[float, float]:
    """log E exp(−X) and its standard error by the delta method."""
    mean = exponentials.mean()
    return float(np.log(mean)), float(exponentials.std() / mean / np.sqrt(len(exponentials)))


def hedged(paths, vol, policy, cost, interval):
    state, market = simulated_episodes(
        paths, vol, SHORT_CALL, strike=100.0, interval=interval, cost=cost, risk_aversion=1.0
    )
    return np.exp(-book(market, POLICIES[policy]().band(state).checked(policy)).pnl)


@pytest.fixture(scope="module")
def market_a():
    return BlackScholes(volatility=0.2).simulate(paths=100_000, steps=30, dt=1 / 365, seed=11).spot


@pytest.mark.parametrize("cost", MARKET_A)
@pytest.mark.parametrize("policy", MARKET_A[1e-4])
def test_market_a(market_a, policy, cost):
    risk, error = entropic_with_error(hedged(market_a, 0.2, policy, cost, 1 / 365))
    assert risk == pytest.approx(MARKET_A[cost][policy], abs=2 * np.hypot(error, NOISE_A))


@pytest.fixture(scope="module")
def market_b():
    """Exponentials of −P&L of every row and cost, over chunks of common paths."""
    dt, steps, chunk = 1 / 252, 60, 25_000
    market = MarkovSwitching(volatility=tuple(VOLATILITY), moves=tuple(map(tuple, MOVES)))
    average = float(np.sqrt(stationary_distribution(MOVES) @ VOLATILITY**2))
    rows = {(row, column): [] for row in MARKET_B for column in (0, 1)}
    for first in range(0, 8 * chunk, chunk):
        paths = market.simulate(paths=chunk, steps=steps, dt=dt, seed=12, first=first).spot
        prob = filter_returns(np.diff(np.log(paths), axis=1), VOLATILITY, MOVES, dt)[:, :-1]
        vols = {"average": average, "filtered": vol_to_go(prob, dt)}
        for (kind, policy), column in rows:
            cost = (1e-3, 5e-3)[column]
            rows[(kind, policy), column].append(hedged(paths, vols[kind], policy, cost, dt))
    return {key: np.concatenate(chunks) for key, chunks in rows.items()}


def vol_to_go(predicted: np.ndarray, dt: float) -> np.ndarray:
    """Volatility to expiry when `predicted` [N, T, K] is the distribution of the coming step's regime."""
    steps = predicted.shape[1]
    left = np.arange(steps, 0, -1)
    variance = expected_variance(MOVES, VOLATILITY**2 * dt, steps)[:, left - 1]
    return np.sqrt(np.einsum("ntk,kt->nt", predicted, variance) / (left * dt))


@pytest.mark.slow
@pytest.mark.parametrize("column", [0, 1], ids=["10bp", "50bp"])
@pytest.mark.parametrize("row", MARKET_B, ids=" ".join)
def test_market_b(market_b, row, column):
    risk, error = entropic_with_error(market_b[row, column])
    assert risk == pytest.approx(MARKET_B[row][column], abs=2 * np.hypot(error, NOISE_B))


@pytest.mark.slow
def test_market_b_rewards_the_filter(market_b):
    """The same rule at the filtered volatility beats the average volatility on the same paths."""
    for column in (0, 1):
        blind, _ = entropic_with_error(market_b[("average", "whalley_wilmott"), column])
        seeing, _ = entropic_with_error(market_b[("filtered", "whalley_wilmott"), column])
        assert seeing < blind - 0.3
