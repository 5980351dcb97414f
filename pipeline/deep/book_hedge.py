"""P&L of bands whose orders walk stored books: the backtest's own, and its derivative."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.backtest.book_kernel import last_price, walk
from pipeline.backtest.ledger import Market, book
from pipeline.backtest.wanted import wanted
from pipeline.domain.band import Band
from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
from pipeline.domain.orders import LEAST
from pipeline.domain.rows import in_blocks
from pipeline.execution.terms import Terms


def book_pnl(lower: Tensor, upper: Tensor, market: Market) -> Tensor:
    r"""Return the P&L [N] of `ledger.book` for bands that are traded to their edges; it has a derivative.

    A unit more of an order that was filled whole costs what the last one did, to first order: with ± its
    side, p the price of the level that it reached, M the mid there, S the mid at the decision,

    .. math:: \frac{\partial \text{paid}}{\partial q} = M - S \pm (\text{crossing} |p - M| + \text{fee} M)

    An order that was not filled, or filled in part only, moves nothing with the edge that asked for it: the
    position before it goes on. What the closing trade finds no level for pays one spread more, as in the
    ledger. Lots have the derivative of an order without them, fixed fees none, and that a level taken now is
    not there for a later order is in the P&L but not in the derivative.

    Parameters
    ----------
    lower, upper : [N, T] units, crossed nowhere.
    market : with a `book`, and without interest.
    """
    pnl: Tensor = _BookPnl.apply(lower, upper, market)  # type: ignore[no-untyped-call]
    return pnl


class _BookPnl(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, lower: Tensor, upper: Tensor, market: Market) -> Tensor:
        low, high = (edge.detach().double().contiguous().numpy() for edge in (lower, upper))
        ledger = book(market, Band.between(low, high))
        ctx.kept = low, high, ledger.position[..., 0], market, lower.dtype
        return torch.from_numpy(ledger.pnl)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        low, high, position, market, kind = ctx.kept
        met, by_pnl = market.book, gradients[0].double().contiguous().numpy()
        by_low, by_high = np.zeros(low.shape), np.zeros(low.shape)
        price, income = market.price[..., 0], market.income[..., 0]

        def fill(rows: slice) -> None:
            each = (low, high, position, price, income, met.rows, met.scale)
            _differentiate(
                *(np.ascontiguousarray(own[rows]) for own in each), met.state, met.mid, met.bid_price,
                met.bid_size, met.ask_price, met.ask_size, market.terms, market.unwind, by_pnl[rows],
                by_low[rows], by_high[rows],
            )  # fmt: skip

        in_blocks(len(low), low[0].size, fill)
        return *(torch.from_numpy(edge).to(kind) for edge in (by_low, by_high)), None


@kept(nogil=True, error_model="numpy")
def _differentiate(
    lower: FloatArray,
    upper: FloatArray,
    position: FloatArray,
    price: FloatArray,
    income: FloatArray,
    rows: NDArray[np.int64],
    scale: FloatArray,
    state: NDArray[np.int8],
    mid: FloatArray,
    bid_price: FloatArray,
    bid_size: FloatArray,
    ask_price: FloatArray,
    ask_size: FloatArray,
    terms: Terms,
    unwind: bool,
    by_pnl: FloatArray,
    by_lower: FloatArray,
    by_upper: FloatArray,
) -> None:
    """Walk the books once more for what the last unit of each order paid, then go back in time.

    `after` is what a unit more of the position before a time would add from then on.
    """
    episodes, times = lower.shape
    paid = np.empty(times)
    for n in range(episodes):
        taken = np.zeros((2, bid_price.shape[1], 3))
        for t in range(times):
            here, row = position[n, t - 1] if t > 0 else 0.0, rows[n, t]
            low, high = lower[n, t], upper[n, t]
            trade = wanted(here, low, high, low, high, 1.0, terms.lot) - here
            paid[t] = np.nan
            if abs(trade) <= LEAST or state[row] != 0:
                continue
            side = 0 if trade > 0.0 else 1
            prices, sizes = (ask_price, ask_size) if trade > 0.0 else (bid_price, bid_size)
            filled, _, reached = walk(abs(trade), prices[row], sizes[row], taken[side])
            if filled >= abs(trade) - LEAST:
                beside = terms.crossing * abs(reached - mid[row]) + terms.fee * mid[row]
                paid[t] = (mid[row] + np.sign(trade) * beside) * scale[n] - price[n, t]
        held, after = position[n, times - 1], 0.0
        if unwind and abs(held) > LEAST:
            row, side = rows[n, times], 1 if held > 0.0 else 0
            prices, sizes = (bid_price, bid_size) if held > 0.0 else (ask_price, ask_size)
            filled, _, reached = walk(abs(held), prices[row], sizes[row], taken[side])
            away = abs(reached - mid[row])
            if filled < abs(held) - LEAST:
                away = abs(last_price(prices[row]) - mid[row]) + ask_price[row, 0] - bid_price[row, 0]
            beside = terms.crossing * away + terms.fee * mid[row]
            after = (mid[row] - np.sign(held) * beside) * scale[n] - price[n, times]
        for t in range(times - 1, -1, -1):
            after += price[n, t + 1] - price[n, t] + price[n, t] * income[n, t]
            if np.isnan(paid[t]):
                continue
            edges = by_lower if (position[n, t - 1] if t > 0 else 0.0) < lower[n, t] else by_upper
            edges[n, t] = (after - paid[t]) * by_pnl[n]
            after = paid[t]
