"""Learning a hedge along whole paths: any market, any liability, several instruments, any columns seen."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from pipeline.deep.band_hedge import band_pnl
from pipeline.deep.frictions import NONE, Frictions
from pipeline.deep.hedging import hedge, within
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.risk import Entropic, Risk
from pipeline.deep.seen import SEEN, Market, seen
from pipeline.deep.sequence_network import NO_PRIOR, SequenceNetwork, Shape
from pipeline.deep.spread import Spread
from pipeline.deep.surface import read
from pipeline.deep.task import HedgingTask
from pipeline.domain.errors import DataError, SettingsError
from pipeline.domain.naming import hint
from pipeline.simulate.paths import Paths
from pipeline.simulate.payoffs import Payoff, Portfolio
from pipeline.simulate.process import Process
from pipeline.simulate.traded import Spot, Traded

SCALING_PATHS, SCALING_MARKETS = 4096, 32
NOTHING = Portfolio(())
"""The liability of who owes nothing."""


class Episodes(NamedTuple):
    """N simulated episodes: prices [N, T+1, H], what is owed [N], columns seen and the prior [N, T, ·].

    `spread`, `thinner` and `depth` [N, T+1, 1] are what trades meet, see `frictions.Met`; None where there is
    no `Frictions.liquidity`.
    """

    price: Tensor
    owed: Tensor
    seen: Tensor
    center: Tensor
    half_width: Tensor
    spread: Tensor | None = None
    thinner: Tensor | None = None
    depth: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class MarketTask:
    """A liability that is hedged along simulated paths by a network that sees what `sees` names.

    Attributes
    ----------
    process : the market.
    owed : what is paid at the end.
    steps, interval : decision times T, and years between two of them.
    hedges, cost : H instruments, and the fraction of a trade that each costs.
    sees : columns of `seen.SEEN`.
    shape : of the network.
    prior : whose Zakamouline band in the spot a band starts from, in a market of one volatility; the band is
        seen too. None is a narrow band around no position.
    risk : what is made small.
    power, unwind : as in `HedgingTask`.
    frictions : spread and depth by regime, impact and latency of every trade, in all instruments.
    like : training draws a market around `process` for every group of a step; None is `process` itself.

    Raises
    ------
    SettingsError
        A column is unknown, costs are not one an instrument, or a prior does not fit.
    """

    process: Process
    owed: Payoff
    steps: int
    interval: float
    cost: tuple[float, ...]
    sees: tuple[str, ...]
    shape: Shape = field(default_factory=Shape)
    hedges: tuple[Traded, ...] = (Spot(),)
    prior: HedgingTask | None = None
    risk: Risk = field(default_factory=Entropic)
    power: float = 1.0
    unwind: bool = True
    frictions: Frictions = NONE
    like: Spread | None = None

    def __post_init__(self) -> None:
        for name in self.sees:
            if name not in SEEN:
                raise SettingsError(f"deep hedging: nothing to see is called {name}; {hint(name, SEEN)}")
        if not self.sees or self.steps < 1 or not self.interval > 0.0 or not self.power >= 1.0:
            raise SettingsError("deep hedging: give columns to see, steps, a time and a power of 1 or more")
        if len(self.cost) != len(self.hedges) or min(self.cost, default=0.0) < 0.0 or not self.hedges:
            raise SettingsError(
                f"deep hedging: {len(self.hedges)} instruments and costs {self.cost}: give one each"
            )
        if self.prior is not None and (
            self.shape.answer != "band" or len(self.hedges) > 1 or self.prior.steps != self.steps
        ):
            raise SettingsError("deep hedging: a prior is for bands in the spot, of as many steps")
        if self.shape.near and self.prior is None:
            raise SettingsError("deep hedging: a band that stays near its prior needs one")

    on_gpu: ClassVar[bool] = True

    @property
    def money(self) -> float:
        """See `learner.Task`."""
        return self.process.spot

    @property
    def middle(self) -> Process:
        """See `learner.Task`: a condition is a market."""
        return self.process

    def conditions(self, groups: int, rng: np.random.Generator) -> Sequence[Process]:
        """See `learner.Task`."""
        return [self.process] * groups if self.like is None else self.like.around(self.process, groups, rng)

    def learner(self, plan: TrainingPlan) -> SequenceNetwork:
        """See `learner.Task`."""
        count = 1 if self.like is None else SCALING_MARKETS
        markets = self.conditions(count, np.random.default_rng((plan.seed, 0)))
        paths = max(min(SCALING_PATHS, plan.paths) // len(markets), 1)
        columns = torch.cat(
            [replace(self, process=each).episodes(paths, seed=plan.seed, first=0).seen for each in markets]
        )
        starts_idle = self.shape.answer != "band" or self.prior is not None
        network = SequenceNetwork(
            columns.shape[-1], len(self.hedges), plan.hidden, self.shape, starts_idle=starts_idle
        )
        network.fit_scaling(columns.flatten(0, 1))
        return network

    def episodes(self, paths: int, *, seed: int, first: int, device: str = "cpu") -> Episodes:
        """Simulate episodes.

        Raises
        ------
        DataError
            A price or a column is NaN or infinite.
        """
        found = self.process.simulate(paths=paths, steps=self.steps, dt=self.interval, seed=seed, first=first)
        price = np.stack([each.prices(self.process, found) for each in self.hedges], axis=-1)
        liquidity = self._liquidity(found, seed, first, device)
        spread = liquidity[0] if liquidity else None
        market = Market.of(found, device, spread=None if spread is None else spread[..., 0])
        owed = self.owed.payoff(found.spot)
        columns = seen(self.sees, market)
        center = torch.zeros_like(columns[..., :1]).expand(-1, -1, len(self.hedges))
        half_width = torch.full_like(center, NO_PRIOR)
        if self.prior is not None:
            grid, (_, *band) = self.prior.prior_surface(self.prior.middle)
            surface = torch.from_numpy(np.stack(band, axis=-1))
            edges = read(surface, grid, found.spot[:, :-1]).to(device)
            center, half_width = edges[..., :1], edges[..., 1:]
            columns = torch.cat([columns, edges], dim=-1)
        if not (np.isfinite(price).all() and np.isfinite(owed).all() and columns.isfinite().all()):
            raise DataError(
                f"the market {self.process.name} simulates prices that are no numbers: look at it"
            )
        traded, due = (torch.from_numpy(each).to(device) for each in (price, owed))
        return Episodes(traded, due, columns, center, half_width, *liquidity)

    def _liquidity(self, paths: Paths, seed: int, first: int, device: str) -> tuple[Tensor, ...]:
        """Return what trades meet over the paths, [N, T+1, 1] each; nothing in a market always alike."""
        if self.frictions.liquidity is None:
            return ()
        met = self.frictions.along(paths, seed=seed, first=first)
        return tuple(torch.from_numpy(each[..., None].copy()).to(device) for each in met)

    def pnl(self, network: SequenceNetwork, episodes: Episodes) -> Tensor:
        """Return the P&L [N] of a network, what is owed paid; no premium is received."""
        price, owed, columns, center, half_width, spread, thinner, depth = episodes
        terms: Any = {"power": self.power, "unwind": self.unwind}
        if self.shape.answer == "from_held":
            rule = network.decide(columns)
        else:
            if self.shape.answer == "position":
                lower = upper = network.positions(columns)
                speed = None
            else:
                lower, upper, speed = network.band(columns, center, half_width)
            if speed is None and self.frictions == NONE and price.device.type == "cpu":
                each = np.tile(np.array(self.cost), (len(owed), 1))
                return band_pnl(lower, upper, price.numpy(), each, **terms) - owed
            rule = within(lower, upper, speed)
        costs = torch.tensor(self.cost, dtype=torch.float64, device=price.device)
        costs = costs if spread is None else costs + spread
        terms |= {"frictions": self.frictions, "thinner": thinner, "depth": depth}
        return hedge(rule, price, costs, **terms)[0] - owed

    def loss(
        self, network: SequenceNetwork, condition: Process, *, paths: int, seed: int, first: int
    ) -> Tensor:
        """See `learner.Task`."""
        market = replace(self, process=condition)
        episodes = market.episodes(paths, seed=seed, first=first, device=network.mean.device.type)
        return self.risk(self.pnl(network, episodes))
