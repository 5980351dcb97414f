"""What the benchmarks of learned hedgers compute from P&L, where it is known."""

import numpy as np
import pytest
import torch

from benchmarks.deep_heston import with_error
from benchmarks.deep_lookback import controlled
from benchmarks.deep_regimes import blind
from benchmarks.learned import entropic, excess
from benchmarks.market_b import episodes, plain, simulated
from pipeline.backtest.ledger import book
from pipeline.deep.market_task import Episodes


@pytest.fixture
def pnl():
    return np.random.default_rng(1).normal(0.3, 0.5, 20_000)


def test_entropic_risk_of_a_normal_profit(pnl):
    risk, error = entropic(pnl, 0.8)
    assert risk == pytest.approx(-0.3 + 0.8 * 0.25 / 2, abs=4 * error)
    assert error == pytest.approx(0.5 / len(pnl) ** 0.5, rel=0.2)


def test_a_certain_loss_is_an_excess_without_error(pnl):
    over, error = excess(pnl - 0.1, pnl, 0.8)
    assert over == pytest.approx(0.1)
    assert error < 1e-12
    assert excess(pnl, np.roll(pnl, 1), 0.8)[1] > 1e-3


def test_cvar_and_its_paired_difference(pnl):
    risk, error = with_error(pnl, 0.5)
    assert risk == pytest.approx(-0.3 + 0.5 * 0.7979, abs=4 * error)
    less, paired = with_error(pnl - 0.1, 0.5, pnl)
    assert less == pytest.approx(0.1)
    assert paired < 1e-12


def test_control_variates_take_the_noise_and_leave_the_mean(pnl):
    gains = np.random.default_rng(2).normal(size=(len(pnl), 2))
    loss = 1.02 + gains @ [0.3, -0.1] + 0.001 * (pnl - 0.3)
    found, error = controlled(loss, gains)
    assert found == pytest.approx(np.log(1.02), abs=4 * error)
    assert error < 0.01 * loss.std() / len(pnl) ** 0.5


def test_the_blind_rule_is_the_one_of_market_b():
    """The same band as the benchmark of the flagship has it."""
    paths = simulated(3, 200)
    bare, policy = plain(0.34, 0.3)
    state, market = episodes(paths, 1e-3, bare)
    price = torch.from_numpy(paths[..., None])
    ours = blind(0.34, 0.3, 1e-3, Episodes(price, *[torch.zeros(())] * 4))
    np.testing.assert_allclose(ours, book(market, policy.band(state)).pnl, atol=1e-9)
