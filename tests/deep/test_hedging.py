"""The differentiable loop where the best hedge is known in closed form."""

import numpy as np
import pytest
import torch

from pipeline.deep.band_hedge import band_pnl
from pipeline.deep.hedging import hedge
from pipeline.deep.risk import Entropic

STEPS, DEVIATION, COST, AVERSION, OWED = 6, 2.0, 0.004, 0.5, 0.8
PRICE = 100.0


def best_positions() -> tuple[np.ndarray, float]:
    """Positions and least risk where prices have normal steps, costs are quadratic and a S_T is owed.

    Costs are paid at a price of 100 throughout, so fixed positions have a normal profit; its risk is
    Σ γσ²(δ_t − a)²/2 + c S Σ (δ_t − δ_{t−1})² + c S δ_T²: a quadratic form, least where a linear system says.
    """
    push, pull = COST * PRICE, 0.5 * AVERSION * DEVIATION**2
    system = (pull + 2.0 * push) * np.eye(STEPS) - push * (np.eye(STEPS, k=1) + np.eye(STEPS, k=-1))
    best = np.linalg.solve(system, np.full(STEPS, pull * OWED))
    trades = np.diff(best, prepend=0.0, append=0.0)
    return best, float(pull * ((best - OWED) ** 2).sum() + push * (trades**2).sum())


@pytest.fixture(scope="module")
def prices():
    """Normal steps; the second half of the paths is the mirror of the first."""
    rng = np.random.default_rng(9)
    steps = DEVIATION * rng.standard_normal((100_000, STEPS))
    steps = np.concatenate([steps, -steps])
    return PRICE + np.cumsum(np.c_[np.zeros(len(steps)), steps], axis=1)[..., None]


def test_quadratic_costs_have_the_hedge_of_the_linear_system(prices):
    """Training the positions themselves by the compiled loop finds the closed form, position and risk."""
    expected, least = best_positions()
    own = torch.zeros(STEPS, 1, dtype=torch.float64, requires_grad=True)
    owed = torch.from_numpy(OWED * (prices[:, -1, 0] - PRICE))
    cost, fixed = np.full((len(prices), 1), COST), np.full_like(prices, PRICE)

    def risk():
        edge = own.expand(len(prices), STEPS, 1)
        gains = band_pnl(edge, edge, prices, np.zeros_like(cost))
        return Entropic(AVERSION)(gains + band_pnl(edge, edge, fixed, cost, power=2.0) - owed)

    optimiser = torch.optim.LBFGS([own], max_iter=20, line_search_fn="strong_wolfe")

    def closure():
        optimiser.zero_grad()
        found = risk()
        found.backward()
        return found

    optimiser.step(closure)
    np.testing.assert_allclose(own.detach().numpy()[:, 0], expected, atol=0.01)
    assert risk().item() == pytest.approx(least, abs=0.01)


def test_a_rule_may_look_at_what_it_holds():
    """Half of the way to 1 in each step, by hand."""
    price = torch.tensor([[[100.0], [102.0], [101.0]]])
    pnl, positions = hedge(lambda t, held: held + 0.5 * (1.0 - held), price, torch.tensor(0.01), unwind=False)
    assert positions.ravel().tolist() == [0.5, 0.75]
    assert pnl.item() == pytest.approx(0.5 * 2 - 0.75 * 1 - 0.01 * (50 + 0.25 * 102))


def test_instruments_add_up():
    price = 100.0 + torch.randn(5, 4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    target = torch.tensor([0.2, -0.4, 1.0], dtype=torch.float64)

    def alone(h):
        return hedge(lambda t, held: target[h].expand_as(held), price[..., h : h + 1], torch.tensor(0.01))[0]

    together, _ = hedge(lambda t, held: target.expand_as(held), price, torch.tensor(0.01))
    torch.testing.assert_close(together, alone(0) + alone(1) + alone(2))
