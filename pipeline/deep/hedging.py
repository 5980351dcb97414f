"""The differentiable hedging loop: positions, costs and P&L of any rule, time by time."""

from collections.abc import Callable

import torch
from torch import Tensor

from pipeline.deep.frictions import NONE, Frictions, pushed

Decide = Callable[[int, Tensor], Tensor]
"""The position [N, H] to go to, from the time and the position held."""


def hedge(
    decide: Decide,
    price: Tensor,
    cost: Tensor,
    *,
    power: float = 1.0,
    unwind: bool = True,
    frictions: Frictions = NONE,
    thinner: Tensor | None = None,
    depth: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Hedge paths with a rule that may look at the position it holds; gradients flow through the rule.

    P&L = Σ_h Σ_t { δ_t (S_{t+1} − S_t) − c S_t |δ_t − δ_{t−1}|^q } − c S_T |δ_T|^q with δ_{−1} = 0, the last
    term if the unwind is charged; the liability is not counted.

    Parameters
    ----------
    decide : δ_t [N, H] of t and δ_{t−1}.
    price : [N, T+1, H] money.
    cost : broadcasts to [N, H], c; [N, T+1, H] where it changes with time.
    power : q ≥ 1.
    frictions : with impact each trade, the unwind too, also pays what it pushes the price, as in
        `backtest.kernel`; with a delay step k fills what `decide` says of an earlier step.
    thinner : broadcasts to [N, T+1, H], times the impact; 1 where not given.
    depth : broadcasts to [N, T+1, H], units that a step fills at most (the unwind is whole); no end where
        not given.

    Returns
    -------
    pnl [N], money, and the positions [N, T, H].

    Examples
    --------
    >>> price = torch.tensor([[[100.0], [101.0], [103.0]]])
    >>> hedge(lambda t, held: torch.full_like(held, 0.5), price, torch.tensor(0.01))[0]
    tensor([0.4850])
    """
    held = torch.zeros_like(price[:, 0])
    pressure, pnl = torch.zeros_like(held), torch.zeros_like(held)
    positions = []
    costs = (cost if cost.dim() == 3 else cost.expand_as(held).unsqueeze(1)).expand_as(price)
    impact = (torch.ones_like(held[:, None]) if thinner is None else thinner).expand_as(price)

    def paid(t: int, trade: Tensor) -> Tensor:
        share = costs[:, t] * _size(trade, power)
        if not frictions.impact:
            return share
        return share + frictions.impact * impact[:, t] * pushed(trade, pressure)

    for t in range(price.shape[1] - 1):
        then = decide(frictions.decided(t), held)
        if depth is not None:
            most = depth.expand_as(price)[:, t]
            then = held + torch.minimum(torch.maximum(then - held, -most), most)
        pnl = pnl + then * (price[:, t + 1] - price[:, t]) - price[:, t] * paid(t, then - held)
        pressure = (pressure + then - held) * frictions.memory
        held = then
        positions.append(held)
    if unwind:
        pnl = pnl - price[:, -1] * paid(-1, -held)
    return pnl.sum(dim=1), torch.stack(positions, dim=1)


def inside(held: Tensor, lower: Tensor, upper: Tensor, speed: Tensor | float = 1.0) -> Tensor:
    """Return the position that a no-trade band asks for: `speed` of the way to the nearest one inside it.

    Examples
    --------
    >>> inside(torch.tensor([0.1, 0.5, 0.9]), torch.tensor(0.4), torch.tensor(0.6))
    tensor([0.4000, 0.5000, 0.6000])
    """
    nearest = torch.minimum(torch.maximum(held, lower), upper)
    return held + speed * (nearest - held)


def within(lower: Tensor, upper: Tensor, speed: Tensor | None = None) -> Decide:
    """Return the rule of no-trade bands [N, T, H]; without a speed all of the way is gone."""
    low, high = lower.unbind(dim=1), upper.unbind(dim=1)
    pace = None if speed is None else speed.unbind(dim=1)
    return lambda t, held: inside(held, low[t], high[t], 1.0 if pace is None else pace[t])


def _size(trade: Tensor, power: float) -> Tensor:
    return trade.abs() if power == 1.0 else trade.abs() ** power
