"""What a network that remembers is trained on: an option in a market whose regime only its path tells."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from pipeline.deep.plan import TrainingPlan
from pipeline.deep.seen import Market, seen
from pipeline.deep.sequence_network import SequenceNetwork, Shape
from pipeline.deep.task import SCALING_GROUPS, SCALING_PATHS, Condition, HedgingTask
from pipeline.policies.recurrent_band import PATH
from pipeline.simulate.paths import Paths
from pipeline.simulate.switching import MarkovSwitching

Row = tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class PathTask:
    """An option that is hedged by what has read its path: `policies.recurrent_band` while it learns.

    The option is marked at the volatility σ of the condition, and prices move at σ times the ratio of a
    hidden regime. Where the option's answer is a position, it is what `policies.network_position` calls
    recurrent. The network is asked along every path; `MarketTask` has other networks and markets.

    Attributes
    ----------
    option : the option, its conditions and risk; its process is not looked at.
    ratio : [K] volatility in each regime over the volatility told.
    moves : [K, K] transition matrix of a step.
    units : of the GRU.

    Raises
    ------
    SettingsError
        As `MarkovSwitching`.
    """

    option: HedgingTask
    ratio: Row
    moves: tuple[Row, ...]
    units: int = 16

    def __post_init__(self) -> None:
        self.market(self.option.middle)

    on_gpu: ClassVar[bool] = True

    @property
    def money(self) -> float:
        """See `learner.Task`."""
        return self.option.money

    @property
    def middle(self) -> Condition:
        """See `learner.Task`."""
        return self.option.middle

    def conditions(self, groups: int, rng: np.random.Generator) -> Sequence[Condition]:
        """See `learner.Task`."""
        return self.option.conditions(groups, rng)

    def market(self, condition: Condition) -> MarkovSwitching:
        """Return the market of a condition."""
        volatility = tuple(condition.volatility * each for each in self.ratio)
        return MarkovSwitching(
            spot=self.option.process.spot, volatility=volatility, moves=self.moves, step=self.option.interval
        )

    def paths(self, paths: int, condition: Condition, *, seed: int, first: int) -> Paths:
        """Simulate N paths of a condition."""
        steps, interval = self.option.steps, self.option.interval
        return self.market(condition).simulate(paths=paths, steps=steps, dt=interval, seed=seed, first=first)

    def columns(self, paths: Paths, condition: Condition, device: str = "cpu") -> tuple[Tensor, ...]:
        """Return what is seen, `PATH` and the option's inputs [N, T, F], and each of its prior [N, T, 1]."""
        known = self.option.prior_on(paths.spot, condition)
        inputs, *prior = (torch.from_numpy(each).to(device) for each in known)
        told = condition.volatility * np.sqrt(self.option.interval)
        path = seen(PATH, Market.of(paths, device, told))
        return torch.cat([path, inputs], dim=-1), *(each[..., None] for each in prior)

    def pnl(self, network: SequenceNetwork, paths: Paths, condition: Condition) -> Tensor:
        """Return the P&L [N] of a network, the option paid; no premium is received."""
        band = network.band(*self.columns(paths, condition, network.mean.device.type))
        edges = torch.cat([each for each in band if each is not None], dim=-1)
        return self.option.earned(self.option.cut(edges), paths.spot, condition)

    def learner(self, plan: TrainingPlan) -> SequenceNetwork:
        """See `learner.Task`."""
        conditions = self.conditions(SCALING_GROUPS, np.random.default_rng((plan.seed, 0)))
        columns = torch.cat(
            [
                self.columns(self.paths(SCALING_PATHS, each, seed=plan.seed, first=0), each)[0].flatten(0, 1)
                for each in conditions
            ]
        )
        option = self.option
        shape = Shape(option.answer, recurrent=self.units, hears=len(PATH), near=True, paced=option.paced)
        network = SequenceNetwork(columns.shape[-1], 1, plan.hidden, shape)
        network.fit_scaling(columns)
        return network

    def loss(
        self, network: SequenceNetwork, condition: Condition, *, paths: int, seed: int, first: int
    ) -> Tensor:
        """See `learner.Task`."""
        drawn = self.paths(paths, condition, seed=seed, first=first)
        return self.option.risk.at(condition.aversion)(self.pnl(network, drawn, condition))
