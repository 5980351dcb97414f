"""What slows a trade in training as it does in the ledger: its own push on the price, and late orders."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.domain.errors import SettingsError
from pipeline.execution.regime_liquidity import RegimeLiquidity


@dataclass(frozen=True, kw_only=True)
class Frictions:
    """Impact and latency of `backtest.kernel`, for the differentiable loop.

    Attributes
    ----------
    impact : how far trading one unit at once moves the price, a fraction of it; Q units move it √Q times
        as far.
    memory : share of a trade's pressure that is left a step later, 0 … below 1.
    delay : steps between decision and fill; the opening trade is never late.
    liquidity : spread and depth by the market's hidden regime: a trade pays the half-spread on top of its
        cost, and `impact` is that at the first regime's median depth: where the book is thinner the price is
        moved further, as the root of the ratio. None is a market that is always alike.

    Raises
    ------
    SettingsError
        A value is out of its range.
    """

    impact: float = 0.0
    memory: float = 0.0
    delay: int = 0
    liquidity: RegimeLiquidity | None = None

    def __post_init__(self) -> None:
        if not (self.impact >= 0.0 and 0.0 <= self.memory < 1.0 and self.delay >= 0):
            raise SettingsError(f"{self}: give 0 or more, and a memory below 1")

    def decided(self, step: int) -> int:
        """Return the step whose decision is filled at a step.

        Examples
        --------
        >>> [Frictions(delay=2).decided(step) for step in range(5)]
        [0, 0, 0, 1, 2]
        """
        return max(step - self.delay, 0)


NONE = Frictions()


def pushed(trade: Tensor, pressure: Tensor) -> Tensor:
    """Return ∫ √|x| dx over the part of [pressure, pressure + trade] where the trade pushes outward.

    A price that moves by I √|x| under a pressure of x units costs I times this (`execution.impact`). What is
    traded back into the own pressure is free, and earns nothing.

    Examples
    --------
    >>> pushed(torch.tensor([1.0, -0.5, -2.0]), torch.tensor([0.0, 1.0, 1.0]))
    tensor([0.6667, 0.0000, 0.6667])
    """
    after = pressure + trade
    before = torch.where(pressure * trade > 0.0, pressure.abs(), 0.0)
    return torch.where(after * trade > 0.0, 2.0 / 3.0 * (after.abs() ** 1.5 - before**1.5), 0.0)
