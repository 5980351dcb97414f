"""The compiled loops against the plain one, value and derivative."""

import numpy as np
import pytest
import torch

from pipeline.deep.band_hedge import band_pnl
from pipeline.deep.hedging import hedge, inside

ROWS, TIMES = 50, 7


@pytest.fixture(params=[1, 3])
def market(request):
    rng = np.random.default_rng(request.param)
    price = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.02, (ROWS, TIMES + 1, request.param)), axis=1))
    middle = torch.from_numpy(rng.normal(0.5, 0.3, (ROWS, TIMES, request.param)))
    half = torch.from_numpy(rng.uniform(0.0, 0.3, middle.shape))
    cost = rng.uniform(0.0, 0.01, (ROWS, request.param))
    return price, cost, (middle - half).requires_grad_(), (middle + half).requires_grad_()


@pytest.mark.parametrize("power", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("unwind", [True, False])
def test_compiled_equals_plain(market, power, unwind):
    price, cost, lower, upper = market
    weight = torch.linspace(-1.0, 2.0, ROWS, dtype=torch.float64)

    def plain():
        def decide(t, held):
            return inside(held, lower[:, t], upper[:, t])

        return hedge(decide, torch.from_numpy(price), torch.from_numpy(cost), power=power, unwind=unwind)[0]

    both = band_pnl(lower, upper, price, cost, power=power, unwind=unwind), plain()
    found = [(pnl, *torch.autograd.grad((weight * pnl).sum(), (lower, upper))) for pnl in both]
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-11)
    assert found[0][1].abs().sum() > 0.0


def test_a_path_by_hand():
    price = np.array([[[100.0], [110.0], [90.0]]])
    lower, upper = torch.tensor([[[0.4], [0.1]]]), torch.tensor([[[0.6], [0.2]]])
    pnl = band_pnl(lower, upper, price, np.array([[0.01]]))
    # 0.4 bought at 100, 0.2 sold at 110, the other 0.2 sold at 90
    assert pnl.item() == pytest.approx(0.4 * 10 - 0.2 * 20 - 0.01 * (40 + 22 + 18))


def test_edges_of_single_precision_keep_their_type():
    lower = torch.full((2, 1, 1), 0.4, requires_grad=True)
    pnl = band_pnl(lower, lower + 0.1, np.full((2, 2, 1), 100.0), np.zeros((2, 1)))
    assert pnl.dtype == torch.float64
    (by_lower,) = torch.autograd.grad(pnl.sum(), lower)
    assert by_lower.dtype == torch.float32
