"""What a network is trained on: a market, an option, a risk measure, and ranges of cost and risk aversion."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from pipeline.backtest.simulated import simulated_episodes
from pipeline.deep.band_hedge import band_pnl
from pipeline.deep.band_network import BandNetwork
from pipeline.deep.risk import Entropic, Risk
from pipeline.deep.surface import PriceGrid, read
from pipeline.domain.errors import DataError, SettingsError
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.policies.network_band import inputs, prior
from pipeline.simulate.process import Process

Range = tuple[float, float]
REACH, NODES = 5.0, 2.5
"""Of the price grid: deviations over the whole life to each side, and nodes a deviation of a step."""


@dataclass(frozen=True, kw_only=True)
class HedgingTask:
    """An option that is hedged in the spot of a simulated market until it expires.

    Attributes
    ----------
    process : the market.
    volatility : annual, what the hedger is told; the market's own where it has one.
    liability : calls and puts on one strike.
    strike : money.
    steps, interval : decision times T, and years between two of them.
    cost : least and greatest fraction of a trade that it costs; a network is trained for all between them.
    aversion : least and greatest risk aversion, per unit of money, likewise.
    risk : what is made small, at each risk aversion.
    power : q of the cost c S |Δδ|^q.
    unwind : whether the trade that closes the hedge is charged.

    Raises
    ------
    SettingsError
        A range is empty or not positive, there is no step, the volatility is not positive, or q < 1.
    """

    process: Process
    volatility: float
    liability: Liability
    strike: float
    steps: int
    interval: float
    cost: Range
    aversion: Range
    risk: Risk = field(default_factory=Entropic)
    power: float = 1.0
    unwind: bool = True

    def __post_init__(self) -> None:
        for name in ("cost", "aversion"):
            low, high = getattr(self, name)
            _need(0.0 < low <= high < np.inf, f"{name} from {low} to {high}: give a range above zero")
        _need(self.steps >= 1, f"{self.steps} steps: at least one is needed")
        _need(self.interval > 0.0, f"a step of {self.interval} years: give a positive time")
        _need(self.volatility > 0.0, f"a volatility of {self.volatility}: give a positive one")
        _need(self.power >= 1.0, f"a cost to the power {self.power}: give 1 or more")

    @cached_property
    def grid(self) -> PriceGrid:
        """The prices at which a network of time and price is asked."""
        step = self.volatility * np.sqrt(self.interval)
        return PriceGrid.around(
            self.process.spot, reach=REACH * step * np.sqrt(self.steps), spacing=step / NODES
        )

    def paths(self, paths: int, *, seed: int, first: int) -> FloatArray:
        """Simulate prices [N, T+1].

        Raises
        ------
        DataError
            A price is NaN or infinite.
        """
        spot = self.process.simulate(
            paths=paths, steps=self.steps, dt=self.interval, seed=seed, first=first
        ).spot
        if not np.isfinite(spot).all():
            raise DataError(
                f"the market {self.process.name} simulates prices that are no numbers: look at it"
            )
        return spot

    def conditions(self, groups: int, rng: np.random.Generator) -> FloatArray:
        """Draw pairs of cost and risk aversion [G, 2], spread evenly over the logarithms of both ranges."""
        order = np.stack([rng.permutation(groups) for _ in range(2)], axis=1)
        share = (order + rng.random((groups, 2))) / groups
        low, high = np.log([self.cost, self.aversion]).T
        return np.asarray(np.exp(low + share * (high - low)))

    def prior_on(self, spot: FloatArray, cost: float, aversion: float) -> tuple[FloatArray, ...]:
        """Return inputs [N, T, F] and the prior's centre and half-width [N, T] on prices [N, T+1].

        Raises
        ------
        PolicyError
            As `policies.network_band.prior`.
        """
        state, _ = simulated_episodes(
            spot,
            self.volatility,
            self.liability,
            strike=self.strike,
            interval=self.interval,
            cost=cost,
            risk_aversion=aversion,
            unwind=self.unwind,
        )
        center, half_width, *_ = prior(state, "network_band")
        return inputs(state, center, half_width), center, half_width

    def pnl(self, network: BandNetwork, spot: FloatArray, cost: float, aversion: float) -> Tensor:
        """Return the P&L [N] of a network's band on prices [N, T+1], the option paid; no premium is received.

        The network is asked on `grid`, and between its nodes bands are lines in log-price.
        """
        at_nodes = np.repeat(self.grid.nodes[:, None], self.steps + 1, axis=1)
        known = (torch.from_numpy(each) for each in self.prior_on(at_nodes, cost, aversion))
        low, high = (float(end) for end in self.liability.position_range)
        surface = torch.stack(network.edges(*known), dim=-1).clamp(low, high)
        edges = read(surface, self.grid, spot[:, :-1])
        costs = np.full((len(spot), 1), cost)
        lower, upper = edges[..., :1], edges[..., 1:]
        hedge = band_pnl(lower, upper, spot[..., None], costs, power=self.power, unwind=self.unwind)
        strikes = np.full(len(spot), self.strike)
        return hedge + torch.from_numpy(self.liability.payoff(spot[:, -1], strikes))


def _need(holds: bool, fault: str) -> None:
    if not holds:
        raise SettingsError(f"deep hedging: {fault}")
