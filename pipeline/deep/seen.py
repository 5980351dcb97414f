"""What a network may see of a simulated market at every decision time."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from pipeline.simulate.paths import Paths


class Market(NamedTuple):
    """Simulated paths on the device of the network: prices, variances and regimes, [N, T+1] each.

    `told` is the deviation of a step's return that the hedger is told; `spread` [N, T+1] the half-spread,
    None where the market shows none.
    """

    spot: Tensor
    variance: Tensor
    regime: Tensor
    told: float = 1.0
    spread: Tensor | None = None

    @classmethod
    def of(cls, paths: Paths, device: str, told: float = 1.0, spread: Tensor | None = None) -> "Market":
        """Return paths as tensors."""
        columns = paths.spot, paths.variance, paths.regime
        spot, variance, regime = (torch.from_numpy(each).to(device).double() for each in columns)
        return cls(spot, variance, regime, told, spread)

    @property
    def level(self) -> Tensor:
        """log(S_k/S_0), [N, T+1]."""
        return torch.log(self.spot / self.spot[:, :1])

    @property
    def left(self) -> Tensor:
        """√((T − k)/T), [T]."""
        steps = self.spot.shape[1] - 1
        return torch.sqrt(torch.arange(steps, 0, -1, device=self.spot.device).double() / steps)

    @property
    def last_return(self) -> Tensor:
        """log(S_k/S_{k−1}), zero at the start, [N, T]."""
        return torch.nn.functional.pad(self.level.diff(dim=1)[:, :-1], (1, 0))


SEEN: Mapping[str, Callable[[Market], Tensor]] = {
    "left": lambda market: market.left.expand_as(market.spot[:, 1:]),
    "level": lambda market: market.level[:, :-1],
    "standing": lambda market: market.level[:, :-1] / market.left,
    "return": lambda market: market.last_return,
    "size": lambda market: market.last_return.abs(),
    "move": lambda market: market.last_return / market.told,
    "move_size": lambda market: market.last_return.abs() / market.told,
    "volatility": lambda market: market.variance[:, :-1].sqrt(),
    "regime": lambda market: market.regime[:, :-1],
    "highest": lambda market: market.level[:, :-1].cummax(dim=1).values,
    "spread": lambda market: (torch.zeros_like(market.spot) if market.spread is None else market.spread)[
        :, :-1
    ],
    "tomorrow": lambda market: market.level.diff(dim=1),
}
"""Columns [N, T] by name.

Time `left` and `level` as in `Market`; `standing`, level over left; the last `return` and its `size`,
and both as deviations of what was told, `move` and `move_size` (`policies.recurrent_band.moves`);
`volatility` and `regime` of the coming step, which no real hedger sees; `highest`, the greatest level until
now; `spread`, the half-spread that a trade now pays; `tomorrow`, the coming return: a trap for learners, not
for use.
"""


def seen(names: tuple[str, ...], market: Market) -> Tensor:
    """Return columns [N, T, F].

    Examples
    --------
    >>> from pipeline.simulate.black_scholes import BlackScholes
    >>> paths = BlackScholes(volatility=0.2).simulate(paths=3, steps=4, dt=0.25, seed=1)
    >>> seen(("left",), Market.of(paths, "cpu"))[0, :, 0]
    tensor([1.0000, 0.8660, 0.7071, 0.5000], dtype=torch.float64)
    """
    return torch.stack([SEEN[name](market) for name in names], dim=-1)
