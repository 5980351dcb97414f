"""What a network is trained on: a market, an option, a risk measure, and the conditions that vary."""

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor

from pipeline.backtest.ledger import Market
from pipeline.backtest.simulated import simulated_episodes, worth
from pipeline.deep.band_hedge import band_pnl
from pipeline.deep.band_network import BandNetwork, PositionNetwork
from pipeline.deep.frictions import NONE, Frictions, steady
from pipeline.deep.hedging import hedge, within
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.risk import Entropic, Risk
from pipeline.deep.surface import PriceGrid, read
from pipeline.domain.errors import DataError, SettingsError
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.market_state import MarketState
from pipeline.policies.network_band import inputs, prior
from pipeline.policies.network_position import seen
from pipeline.policies.trading_rule import pace
from pipeline.simulate.black_scholes import BlackScholes
from pipeline.simulate.process import Process

Range = tuple[float, float]
Answer = Literal["band", "position"]
MOST_RISK = 3.0
SCALING_PATHS, SCALING_GROUPS = 512, 32
REACH, NODES = 5.0, 2.5
"""Of the price grid: deviations over the whole life to each side, and nodes a deviation of a step."""


class Condition(NamedTuple):
    """What a network sees of its market and its desk: cost of a trade, risk aversion, annual volatility."""

    cost: float
    aversion: float
    volatility: float


@dataclass(frozen=True, kw_only=True)
class HedgingTask:
    """An option that is hedged in the spot of a simulated market until it expires or is closed.

    Attributes
    ----------
    process : the market; Black–Scholes' takes the volatility of the condition.
    volatility : least and greatest annual volatility that the hedger is told; the same in other markets.
    liability : calls and puts on one strike.
    strike : money; not looked at where there is a `delta`.
    steps, interval : decision times T, and years between two of them.
    life : steps from the start to expiry; None is `steps`. An option that lives longer is
        dealt and closed after these at Black's price.
    delta : absolute forward delta of the option at its start, at the volatility of the condition.
    cost : least and greatest fraction of a trade that it costs; a network is trained for all between them.
    aversion : least and greatest risk aversion, per unit of money, likewise.
    risk : what is made small, at each risk aversion.
    power : q of the cost c S |Δδ|^q.
    unwind : whether the trade that closes the hedge is charged.
    answer : what a network is taught: to correct Zakamouline's "band", or a "position" from nothing.
    frictions : of every trade. Networks learn under impact and delay; spread and depth by regime, which no
        network of time and price sees, only agents do (`agents.markets`).
    most_risk : λ S σ √Δt beyond which nothing is trained: a batch has the risk of its worst path there.

    Raises
    ------
    SettingsError
        A range is empty or not positive, there is no step, or q < 1.
    """

    process: Process
    volatility: Range
    liability: Liability
    strike: float
    steps: int
    interval: float
    cost: Range
    aversion: Range
    risk: Risk = field(default_factory=Entropic)
    power: float = 1.0
    unwind: bool = True
    answer: Answer = "band"
    frictions: Frictions = NONE
    life: int | None = None
    delta: float | None = None
    most_risk: float = MOST_RISK

    def __post_init__(self) -> None:
        for name in Condition._fields:
            low, high = getattr(self, name)
            _need(0.0 < low <= high < np.inf, f"{name} from {low} to {high}: give a range above zero")
        _need(self.steps >= 1, f"{self.steps} steps: at least one is needed")
        _need(self.interval > 0.0, f"a step of {self.interval} years: give a positive time")
        one = self.volatility[0] == self.volatility[1]
        _need(
            one or isinstance(self.process, BlackScholes),
            f"volatilities from {self.volatility[0]} to {self.volatility[1]}: the market {self.process.name} "
            "has its own, give one",
        )
        _need(
            self.life is None or self.life >= self.steps, f"a life of {self.life} steps: {self.steps} or more"
        )
        _need(
            self.delta is None or 0.0 < self.delta < 1.0, f"a delta of {self.delta}: give one between 0 and 1"
        )
        _need(self.power >= 1.0, f"a cost to the power {self.power}: give 1 or more")

    def strike_at(self, volatility: float) -> float:
        """Return the strike, money: where there is a delta that at which the option has it."""
        if self.delta is None:
            return self.strike
        deviation = volatility * np.sqrt(self.interval * (self.life or self.steps))
        call = self.delta if self.liability.legs[0].right == "call" else 1.0 - self.delta
        return float(self.process.spot * np.exp(deviation * (0.5 * deviation - ndtri(call))))

    def grid(self, volatility: float) -> PriceGrid:
        """Return the prices at which a network of time and price is asked."""
        step = volatility * np.sqrt(self.interval)
        reach = REACH * step * np.sqrt(self.steps)
        return PriceGrid.around(self.process.spot, reach=reach, spacing=step / NODES)

    def paths(self, paths: int, condition: Condition, *, seed: int, first: int) -> FloatArray:
        """Simulate prices [N, T+1].

        Raises
        ------
        DataError
            A price is NaN or infinite.
        """
        process = self.process
        if isinstance(process, BlackScholes):
            process = replace(process, volatility=condition.volatility)
        spot = process.simulate(paths=paths, steps=self.steps, dt=self.interval, seed=seed, first=first).spot
        if not np.isfinite(spot).all():
            raise DataError(f"the market {process.name} simulates prices that are no numbers: look at it")
        return spot

    def conditions(self, groups: int, rng: np.random.Generator) -> list[Condition]:
        """Draw G conditions, spread evenly over the logarithms of all ranges.

        Where the risk aversion is too great for the volatility (`most_risk`), the greatest possible is taken.
        """
        count = len(Condition._fields)
        order = np.stack([rng.permutation(groups) for _ in range(count)], axis=1)
        share = (order + rng.random((groups, count))) / groups
        low, high = np.log([getattr(self, name) for name in Condition._fields]).T
        drawn = [Condition(*row) for row in np.exp(low + share * (high - low)).tolist()]
        return [self._trainable(each) for each in drawn]

    def _trainable(self, condition: Condition) -> Condition:
        most = self.most_risk / (self.process.spot * condition.volatility * np.sqrt(self.interval))
        return condition._replace(aversion=min(condition.aversion, float(most)))

    @property
    def middle(self) -> Condition:
        """The condition in the middle of all ranges."""
        return self._trainable(
            Condition(*(float(np.sqrt(np.prod(getattr(self, name)))) for name in Condition._fields))
        )

    def state_on(self, spot: FloatArray, condition: Condition) -> tuple[MarketState, Market]:
        """Return the market state and the books' market on prices [N, T+1], with the frictions.

        Raises
        ------
        SettingsError
            The frictions have a liquidity by regime, which prices do not tell.
        """
        _need(
            self.frictions.liquidity is None,
            "prices tell no regime, so that nothing is told of spread and depth by regime: agents and "
            "networks along paths (deep.market_task) learn under them",
        )
        plain = self.without_frictions(spot, condition.volatility, condition)
        return self.frictions.at(condition.volatility).charged(*plain, steady(spot.shape))

    def without_frictions(
        self, spot: FloatArray, volatility: FloatArray | float, condition: Condition
    ) -> tuple[MarketState, Market]:
        """Return what `state_on` does at constant cost, the option marked at a volatility, [N, T] or one."""
        return simulated_episodes(
            spot,
            volatility,
            self.liability,
            strike=self.strike_at(condition.volatility),
            interval=self.interval,
            cost=condition.cost,
            risk_aversion=condition.aversion,
            unwind=self.unwind,
            life=self.life,
        )

    @property
    def options(self) -> "tuple[HedgingTask, ...]":
        """What is hedged, as `options_task.OptionsTask` has it: itself."""
        return (self,)

    @property
    def paced(self) -> bool:
        """Whether it is also taught how much of the way to its band is gone in one step: under impact."""
        return self.answer == "band" and self.frictions.impact > 0.0

    def prior_on(self, spot: FloatArray, condition: Condition) -> tuple[FloatArray, ...]:
        """Return inputs [N, T, F] and the prior's centre and half-width [N, T] on prices [N, T+1].

        The prior of a position is the range of the option's delta. Last of what is `paced` is the trading
        rule's pace to the prior, [N, T].

        Raises
        ------
        PolicyError
            As `policies.network_band.prior`.
        """
        state, _ = self.state_on(spot, condition)
        if self.answer == "position":
            low, high = (float(end) for end in self.liability.position_range)
            middle, half = (np.full(state.shape, each) for each in (0.5 * (low + high), 0.5 * (high - low)))
            return seen(state), middle, half
        center, half_width, _, vol = prior(state, "network_band")
        known = inputs(state, center, half_width), center, half_width
        return (*known, pace(state, center, half_width, vol)) if self.paced else known

    def prior_surface(self, condition: Condition) -> tuple[PriceGrid, tuple[FloatArray, ...]]:
        """Return a grid of prices and what `prior_on` gives at its nodes, [X, T, …]."""
        grid = self.grid(condition.volatility)
        return grid, self.prior_on(np.repeat(grid.nodes[:, None], self.steps + 1, axis=1), condition)

    def pnl(self, network: BandNetwork, spot: FloatArray, condition: Condition) -> Tensor:
        """Return the P&L [N] of a network's band on prices [N, T+1], the option paid.

        No premium is received but of an option that is closed, Black's price at the start.
        The network is asked on `grid`, and between its nodes bands are lines in log-price.
        """
        grid, known = self.prior_surface(condition)
        surface = torch.stack(network.edges(*map(torch.from_numpy, known)), dim=-1)
        return self.earned(read(self.cut(surface), grid, spot[:, :-1]), spot, condition)

    def cut(self, edges: Tensor) -> Tensor:
        """Return edges inside the range of the option's delta; the speed behind them is left as it is."""
        low, high = (float(end) for end in self.liability.position_range)
        return torch.cat([edges[..., :2].clamp(low, high), edges[..., 2:]], dim=-1)

    def earned(self, edges: Tensor, spot: FloatArray, condition: Condition) -> Tensor:
        """Return the P&L [N] of edges on prices [N, T+1], the option paid or closed, see `pnl`.

        Edges are [N, T, 2], or with a speed [N, T, 3]. It is made where they are.
        """
        smooth = self.frictions == NONE and edges.device.type == "cpu"
        hedged = self._compiled if smooth else self._stepped
        due = self._due(spot, condition.volatility)
        return hedged(edges, spot[..., None], condition) + torch.from_numpy(due).to(edges.device)

    def _due(self, spot: FloatArray, vol: float) -> FloatArray:
        """Return what the option pays its holder, or has gained by the time that it is closed, [N]."""
        life, strike = self.life or self.steps, self.strike_at(vol)
        paid = worth(self.liability, spot[:, -1], strike, self.interval * (life - self.steps), vol)
        if life == self.steps:
            return paid
        return paid - worth(self.liability, spot[:, 0], strike, self.interval * life, vol)

    def _compiled(self, edges: Tensor, price: FloatArray, condition: Condition) -> Tensor:
        costs = np.full((len(price), 1), condition.cost)
        return band_pnl(edges[..., :1], edges[..., 1:], price, costs, power=self.power, unwind=self.unwind)

    def _stepped(self, edges: Tensor, price: FloatArray, condition: Condition) -> Tensor:
        rule, costs = within(*edges.chunk(edges.shape[-1], dim=-1)), edges.new_full((1,), condition.cost)
        prices, frictions = torch.from_numpy(price).to(edges.device), self.frictions.at(condition.volatility)
        return hedge(rule, prices, costs, power=self.power, unwind=self.unwind, frictions=frictions)[0]

    on_gpu: ClassVar[bool] = False  # a network that is asked on a grid leaves a GPU nothing to do

    @property
    def money(self) -> float:
        """See `learner.Task`."""
        return self.process.spot

    def learner(self, plan: TrainingPlan) -> BandNetwork:
        """See `learner.Task`."""
        network = (BandNetwork if self.answer == "band" else PositionNetwork)(plan.hidden, paced=self.paced)
        drawn = [
            self.prior_on(self.paths(SCALING_PATHS, each, seed=plan.seed, first=0), each)[0]
            for each in self.conditions(SCALING_GROUPS, np.random.default_rng((plan.seed, 0)))
        ]
        network.fit_scaling(np.concatenate(drawn).reshape(-1, drawn[0].shape[-1]))
        return network

    def loss(
        self, network: BandNetwork, condition: Condition, *, paths: int, seed: int, first: int
    ) -> Tensor:
        """See `learner.Task`."""
        spot = self.paths(paths, condition, seed=seed, first=first)
        return self.risk.at(condition.aversion)(self.pnl(network, spot, condition))


def _need(holds: bool, fault: str) -> None:
    if not holds:
        raise SettingsError(f"deep hedging: {fault}")
