"""P&L through stored books: the ledger's own, with the derivative that a small step of an edge finds."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.backtest.ledger import Market, book
from pipeline.deep.book_hedge import book_pnl
from pipeline.domain.band import Band
from pipeline.execution.arrivals import Arrivals
from pipeline.execution.terms import Terms
from tests.stored_market import small_task

LIVED = small_task().days.learned
STEP = 1e-7


def thinner(market, share):
    """The market with so much of every level: orders walk further, and some are not filled whole."""
    met = market.book
    return replace(market, book=replace(met, bid_size=share * met.bid_size, ask_size=share * met.ask_size))


@pytest.mark.parametrize("unwind", [True, False])
@pytest.mark.parametrize("share", [0.1, 0.02])
def test_the_derivative_is_what_a_small_step_finds(share, unwind):
    terms = Terms(fee=5e-5, crossing=1.7)
    state, lived = LIVED.drawn(40, np.random.default_rng(4), 0.3)
    market = replace(thinner(lived, share), terms=terms, unwind=unwind)
    market = replace(market, income=np.full(market.income.shape, 1e-3))
    rng = np.random.default_rng(5)
    middle, half = rng.uniform(0.2, 0.8, state.shape), rng.uniform(0.0, 0.2, state.shape)
    lower, upper = (torch.from_numpy(edge).requires_grad_() for edge in (middle - half, middle + half))
    pnl = book_pnl(lower, upper, market)
    ledger = book(market, Band.between(middle - half, middle + half))
    np.testing.assert_array_equal(pnl.detach().numpy(), ledger.pnl)
    assert ledger.missed[:, 1:5].sum() > 0.0, "some orders met no market"
    assert share > 0.05 or ledger.missed[:, 5].sum() > 20.0, "some were filled in part"
    assert ledger.impact.mean() > 0.1 * ledger.spread.mean(), "they walked beyond the best level"
    pnl.sum().backward()
    for edge in (lower, upper):
        found = np.empty(state.shape)
        for t in range(state.shape[1]):
            moved = torch.zeros(state.shape, dtype=torch.float64)
            moved[:, t] = STEP
            ends = []
            for sign in (1.0, -1.0):
                edges = (each + sign * moved if each is edge else each for each in (lower, upper))
                ends.append(book_pnl(*(each.detach() for each in edges), market).numpy())
            found[:, t] = (ends[0] - ends[1]) / (2.0 * STEP)
        assert np.abs(found).max() > 0.0
        np.testing.assert_allclose(edge.grad.numpy(), found, atol=1e-5)


def by_hand(sizes=(0.3, 0.5), lot=0.0):
    """One option of one decision at 100, closed at 110; levels one and three away from the mid."""
    levels = np.array([1.0, 3.0])
    mid = np.array([100.0, 110.0])
    shown = np.tile(sizes, (2, 1))
    met = Arrivals(
        np.array([[0, 1]]), np.ones(1), np.zeros(2, np.int8), mid,
        mid[:, None] - levels, shown, mid[:, None] + levels, shown,
    )  # fmt: skip
    nothing = np.zeros(1)
    price = mid.reshape(1, 2, 1)
    return Market(
        price, 0 * price, nothing, nothing, np.zeros((1, 1)), np.zeros((1, 1, 1)), True, True,
        terms=Terms(lot=lot), book=met,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("edge", "lot", "earned", "slope"),
    [
        (0.2, 0.0, 0.2 * (10.0 - 2.0), 10.0 - 2.0),  # the best level, in and out
        (0.6, 0.0, 6.0 - 2.0 * (0.3 + 0.9), 10.0 - 6.0),  # the last unit pays three each way
        (0.61, 0.2, 6.0 - 2.0 * (0.3 + 0.9), 10.0 - 6.0),  # three lots: the derivative of none
        (0.9, 0.0, 8.0 - 2.0 * (0.3 + 1.5), 0.0),  # .8 is all there is: more is not filled
    ],
)
def test_a_path_by_hand(edge, lot, earned, slope):
    lower = torch.tensor([[edge]], dtype=torch.float64, requires_grad=True)
    pnl = book_pnl(lower, lower.detach() + 0.05, by_hand(lot=lot))
    assert pnl.item() == pytest.approx(earned)
    (found,) = torch.autograd.grad(pnl.sum(), lower)
    assert found.item() == pytest.approx(slope)


def test_what_no_level_holds_at_the_end_pays_a_spread_more():
    market = by_hand()
    shown = market.book.bid_size.copy()
    shown[1] = 0.1
    market = replace(market, book=replace(market.book, bid_size=shown))
    lower = torch.tensor([[0.6]], dtype=torch.float64, requires_grad=True)
    pnl = book_pnl(lower, lower.detach() + 0.05, market)
    assert pnl.item() == pytest.approx(6.0 - (0.3 + 0.9) - (0.1 + 0.3 + 0.4 * (3.0 + 2.0)))
    (found,) = torch.autograd.grad(pnl.sum(), lower)
    assert found.item() == pytest.approx(10.0 - 3.0 - 5.0)
