"""What a network is trained on that is to hedge many options: each of them in its turn."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from pipeline.deep.band_network import BandNetwork
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.task import SCALING_GROUPS, SCALING_PATHS, Condition, HedgingTask
from pipeline.domain.errors import SettingsError
from pipeline.domain.instruments import Liability

Dealt = tuple[tuple[HedgingTask, Condition], ...]
"""Options that share the paths of a group, each under its condition."""


@dataclass(frozen=True, kw_only=True)
class OptionsTask:
    """Options of several kinds, lives and deltas that one network learns to hedge: `HedgingTask` of many.

    Every group of a step has one of them, drawn at random; validation has all, and its risk is their mean.

    Attributes
    ----------
    like : market, conditions, costs, risk, and how many steps an option is held.
    liabilities, lives, deltas : of the options: every combination is one of them.

    Raises
    ------
    SettingsError
        There are none, or as `HedgingTask`.
    """

    like: HedgingTask
    liabilities: tuple[Liability, ...]
    lives: tuple[int, ...]
    deltas: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.options:
            raise SettingsError("deep hedging: no option to learn from: give kinds, lives and deltas")

    on_gpu: ClassVar[bool] = HedgingTask.on_gpu

    @cached_property
    def options(self) -> tuple[HedgingTask, ...]:
        """Every combination."""
        return tuple(
            replace(self.like, liability=liability, life=life, delta=delta)
            for liability, life, delta in product(self.liabilities, self.lives, self.deltas)
        )

    @property
    def money(self) -> float:
        """See `learner.Task`."""
        return self.like.money

    @property
    def middle(self) -> Dealt:
        """See `learner.Task`: all options in the middle of all ranges."""
        return tuple((option, option.middle) for option in self.options)

    def conditions(self, groups: int, rng: np.random.Generator) -> Sequence[Dealt]:
        """See `learner.Task`."""
        drawn = rng.integers(len(self.options), size=groups)
        conditions = self.like.conditions(groups, rng)
        return [((self.options[k], condition),) for k, condition in zip(drawn, conditions, strict=True)]

    def learner(self, plan: TrainingPlan) -> BandNetwork:
        """See `learner.Task`."""
        network, rng = self.like.learner(plan), np.random.default_rng((plan.seed, 0))
        seen = [
            option.prior_on(option.paths(SCALING_PATHS, each, seed=plan.seed, first=0), each)[0]
            for option in self.options
            for each in option.conditions(max(SCALING_GROUPS // len(self.options), 2), rng)
        ]
        network.fit_scaling(np.concatenate(seen).reshape(-1, seen[0].shape[-1]))
        return network

    def loss(self, network: BandNetwork, condition: Dealt, *, paths: int, seed: int, first: int) -> Tensor:
        """See `learner.Task`; the mean over the options that share the paths."""
        size = max(paths // len(condition), 1)
        risks = [option.loss(network, each, paths=size, seed=seed, first=first) for option, each in condition]
        return torch.stack(risks).mean()


SimulatedTask = HedgingTask | OptionsTask
"""What is hedged in simulated markets: one option, or several that differ in kind, life and delta only."""
