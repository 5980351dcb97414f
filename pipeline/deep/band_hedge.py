"""P&L of hedges that are told a band for every time at once, and its derivative: two compiled loops."""

from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor

from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
from pipeline.domain.rows import in_blocks


def band_pnl(
    lower: Tensor,
    upper: Tensor,
    price: FloatArray,
    cost: FloatArray,
    *,
    power: float = 1.0,
    unwind: bool = True,
) -> Tensor:
    """Return what hedging inside no-trade bands earns, [N] money, the liability not counted.

    δ_t = min(max(δ_{t−1}, lower_t), upper_t), δ_{−1} = 0, and

        Σ_h Σ_t { δ_t (S_{t+1} − S_t) − c S_t |δ_t − δ_{t−1}|^q } − c S_T |δ_T|^q,

    the last term if the unwind is charged. It is what `hedging.hedge` does with `hedging.inside`, without a
    step of Python for every time; gradients flow into both edges.

    Parameters
    ----------
    lower, upper : [N, T, H], crossed nowhere.
    price : [N, T+1, H] money.
    cost : [N, H] c, money a unit of money at q = 1.
    power : q ≥ 1.

    References
    ----------
    Imaki et al. (2021), eq. 7; Shi, Xu and Zhang (2021) for q > 1.
    """
    pnl: Tensor = _BandPnl.apply(lower, upper, price, cost, power, unwind)  # type: ignore[no-untyped-call]
    return pnl


class _BandPnl(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        lower: Tensor,
        upper: Tensor,
        price: FloatArray,
        cost: FloatArray,
        power: float,
        unwind: bool,
    ) -> Tensor:
        low, high = (edge.detach().double().contiguous().numpy() for edge in (lower, upper))
        position, pnl = np.empty(low.shape), np.empty(len(low))

        def fill(rows: slice) -> None:
            _earn(low[rows], high[rows], price[rows], cost[rows], power, unwind, position[rows], pnl[rows])

        in_blocks(len(low), low[0].size, fill)
        ctx.kept = low, high, price, cost, power, unwind, position, lower.dtype
        return torch.from_numpy(pnl)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        low, high, price, cost, power, unwind, position, kind = ctx.kept
        by_pnl = gradients[0].double().contiguous().numpy()
        by_low, by_high = np.zeros(low.shape), np.zeros(low.shape)

        def fill(rows: slice) -> None:
            _differentiate(
                low[rows], high[rows], price[rows], cost[rows], power, unwind, position[rows], by_pnl[rows],
                by_low[rows], by_high[rows],
            )  # fmt: skip

        in_blocks(len(low), low[0].size, fill)
        edges = (torch.from_numpy(edge).to(kind) for edge in (by_low, by_high))
        return (*edges, None, None, None, None)


@njit(inline="always")  # type: ignore[untyped-decorator]
def _raised(size: float, power: float) -> float:
    """Return size^power; the powers of proportional cost without a logarithm."""
    if power == 1.0:
        return size
    return 1.0 if power == 0.0 else size**power


@kept(nogil=True, error_model="numpy")
def _earn(
    lower: FloatArray,
    upper: FloatArray,
    price: FloatArray,
    cost: FloatArray,
    power: float,
    unwind: bool,
    position: FloatArray,
    pnl: FloatArray,
) -> None:
    rows, times, instruments = lower.shape
    for i in range(rows):
        total = 0.0
        for h in range(instruments):
            held = 0.0
            for t in range(times):
                then = min(max(held, lower[i, t, h]), upper[i, t, h])
                if then != held:
                    total -= cost[i, h] * price[i, t, h] * _raised(abs(then - held), power)
                    held = then
                position[i, t, h] = held
                total += held * (price[i, t + 1, h] - price[i, t, h])
            if unwind:
                total -= cost[i, h] * price[i, times, h] * _raised(abs(held), power)
        pnl[i] = total


@kept(nogil=True, error_model="numpy")
def _differentiate(
    lower: FloatArray,
    upper: FloatArray,
    price: FloatArray,
    cost: FloatArray,
    power: float,
    unwind: bool,
    position: FloatArray,
    by_pnl: FloatArray,
    by_lower: FloatArray,
    by_upper: FloatArray,
) -> None:
    """Go back in time: `after` is what a unit more of the position before a time would add from then on.

    A band without width is a target: it has its derivative, in the lower edge, even where it is held.
    """
    rows, times, instruments = lower.shape
    for i in range(rows):
        for h in range(instruments):
            last = position[i, times - 1, h]
            rate, after = power * cost[i, h], 0.0
            if unwind:
                after = -rate * price[i, times, h] * _raised(abs(last), power - 1.0) * np.sign(last)
            for t in range(times - 1, -1, -1):
                before = position[i, t - 1, h] if t > 0 else 0.0
                gain = after + price[i, t + 1, h] - price[i, t, h]
                low, high = lower[i, t, h], upper[i, t, h]
                if low <= before <= high and low < high:
                    after = gain
                    continue
                trade = position[i, t, h] - before
                paid = rate * price[i, t, h] * _raised(abs(trade), power - 1.0) * np.sign(trade)
                edges = by_upper if before > high else by_lower
                edges[i, t, h] = (gain - paid) * by_pnl[i]
                after = paid
