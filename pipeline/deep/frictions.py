"""What slows a trade in training as it does in the ledger: spread, its own push, late and partial fills."""

from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from pipeline.backtest.ledger import Market
from pipeline.domain.errors import SettingsError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState
from pipeline.execution.regime_liquidity import RegimeLiquidity
from pipeline.execution.terms import Terms
from pipeline.simulate.paths import Paths


class Met(NamedTuple):
    """What trades meet along paths, [N, T+1] each; the last column is met by the final unwind.

    `spread` is the half-spread, a fraction of the price, `thinner` times the impact of `Frictions`, `depth`
    the units that a step fills at most.
    """

    spread: FloatArray
    thinner: FloatArray
    depth: FloatArray


@dataclass(frozen=True, kw_only=True)
class Frictions:
    """Spread, impact, latency and partial fills of `backtest.kernel`, for who learns in simulated markets.

    The differentiable loop (`hedging.hedge`) and the markets of agents (`agents.markets`) both have them from
    here, so that a trade costs in both what it costs in the ledger.

    Attributes
    ----------
    impact : how far trading one unit at once moves the price, a fraction of it; Q units move it √Q times
        as far.
    memory : share of a trade's pressure that is left a step later, 0 … below 1.
    delay : steps between decision and fill; the opening trade is never late.
    liquidity : spread and depth by the market's hidden regime: a trade pays the half-spread on top of its
        cost, and `impact` is that at the first regime's median depth: where the book is thinner the price is
        moved further, as the root of the ratio. None is a market that is always alike.
    partial : whether a step fills no more than the depth of `liquidity`; what is left is decided again. The
        final unwind is whole.
    volatility : annual, at which `impact` is that: it is in proportion to the volatility that a task is told.
        None is the same at all of them.

    Raises
    ------
    SettingsError
        A value is out of its range.
    """

    impact: float = 0.0
    memory: float = 0.0
    delay: int = 0
    liquidity: RegimeLiquidity | None = None
    partial: bool = False
    volatility: float | None = None

    def __post_init__(self) -> None:
        if not (self.impact >= 0.0 and 0.0 <= self.memory < 1.0 and self.delay >= 0):
            raise SettingsError(f"{self}: give 0 or more, and a memory below 1")
        if self.partial and self.liquidity is None:
            raise SettingsError(f"{self}: fills are partial where there is a depth: give a liquidity")
        if self.volatility is not None and not self.volatility > 0.0:
            raise SettingsError(f"{self}: give a positive volatility, or none")

    def at(self, volatility: float) -> Self:
        """Return the frictions at an annual volatility.

        Examples
        --------
        >>> Frictions(impact=0.001, volatility=0.2).at(0.4).impact
        0.002
        """
        if self.volatility is None:
            return self
        return replace(self, impact=self.impact * volatility / self.volatility, volatility=None)

    def along(self, paths: Paths, *, seed: int, first: int) -> Met:
        """Return what trades meet along paths that were simulated with this seed and first number."""
        if self.liquidity is None:
            return steady(paths.spot.shape)
        shown = self.liquidity.simulate(paths, seed, first)
        depth = shown.depth if self.partial else np.broadcast_to(np.inf, paths.spot.shape)
        return Met(shown.half_spread, np.sqrt(self.liquidity.depth[0] / shown.depth), depth)

    def charged(self, state: MarketState, market: Market, met: Met) -> tuple[MarketState, Market]:
        """Return simulated episodes with these frictions: what is seen of them, and what the books charge.

        Seen is what a trade costs at the decision, and the impact of a unit then; the desk's constant cost
        has the first regime's median half-spread in it. Orders are late by the `delay` of `ledger.book`.
        """
        if self == NONE:
            return state, market
        cost = state.cost + met.spread[:, :-1]
        usual = 0.0 if self.liquidity is None else self.liquidity.half_spread[0]
        impact = self.impact * met.thinner
        seen = replace(
            state,
            cost=cost,
            cost_lower=cost,
            cost_upper=cost,
            desk_cost=state.desk_cost + usual,
            impact=impact[:, :-1],
        )
        charged = replace(
            market,
            cost=market.cost + met.spread[..., None],
            impact=impact[..., None] if self.impact else None,
            depth=met.depth[..., None] if self.partial else None,
            terms=Terms(memory=self.memory),
        )
        return seen, charged

    def decided(self, step: int) -> int:
        """Return the step whose decision is filled at a step.

        Examples
        --------
        >>> [Frictions(delay=2).decided(step) for step in range(5)]
        [0, 0, 0, 1, 2]
        """
        return max(step - self.delay, 0)


NONE = Frictions()


def steady(shape: tuple[int, ...]) -> Met:
    """Return what trades meet in a market that is always alike, [N, T+1] each.

    Examples
    --------
    >>> steady((1, 2)).thinner
    array([[1., 1.]])
    """
    return Met(*(np.broadcast_to(each, shape) for each in (0.0, 1.0, np.inf)))


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
