"""A network that is trained through the derivative of its P&L."""

import math
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from pipeline.deep.device import check_device
from pipeline.deep.learner import Net, Task
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.trainer import VALIDATION, Arrays, DivergedError, Trainer

SCALING = ("mean", "scale")
"""What a network's inputs are standardised by; within which range they count is its market's."""


@dataclass
class NetworkTrainer(Trainer[Net]):
    """A network in training, by Adam on the risk of fresh paths.

    The gradient of each group counts by one over the size of its risk, so that a frontier is not trained for
    its riskiest end alone.
    """

    most_worse: ClassVar[float] = 0.05

    task: Task[Net, Any]
    plan: TrainingPlan
    network: Net = field(init=False)
    optimiser: torch.optim.Adam = field(init=False)

    def prepare(self) -> None:
        """See `Trainer`.

        Raises
        ------
        SettingsError
            The plan names a GPU, and there is none or the task has nothing to do there.
        """
        check_device(self.plan.device, on_gpu=self.task.on_gpu)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.plan.seed)
            network = self.task.learner(self.plan)
        self.network = network.to(self.plan.device)
        self.optimiser = torch.optim.Adam(self.network.parameters())

    def weights(self) -> list[Tensor]:
        """See `Trainer`."""
        return list(self.network.parameters())

    def learn(self, rate: float) -> None:
        """See `Trainer`."""
        plan, size = self.plan, self.plan.paths // self.plan.groups
        conditions = self.task.conditions(plan.groups, np.random.default_rng((plan.seed, 1, self.step)))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad()
        for number, condition in enumerate(conditions):
            first = (self.step * plan.groups + number) * size
            loss = self.task.loss(self.network, condition, paths=size, seed=plan.seed, first=first)
            risk = loss.item()
            if not math.isfinite(risk):
                raise DivergedError(f"the risk is {risk:g}")
            torch.autograd.backward([loss / (self.size(risk) * plan.groups)])
        self.optimiser.step()

    def with_weights(self, weights: list[Tensor]) -> Net:
        """See `Trainer`."""
        network = deepcopy(self.network)
        with torch.no_grad():
            for own, weight in zip(network.parameters(), weights, strict=True):
                own.copy_(weight)
        return network

    def validated(self) -> float:
        """See `Trainer`."""
        paths, seed = self.plan.paths, self.plan.seed
        with torch.no_grad():
            loss = self.task.loss(
                self.with_weights(self.average), self.task.middle, paths=paths, seed=seed, first=VALIDATION
            )
        return float(loss)

    def arrays(self) -> Mapping[str, np.ndarray]:
        """See `Trainer`."""
        return self.learned().arrays()

    def kept(self) -> Arrays:
        """See `Trainer`: weights, Adam's moments, and the scaling of inputs that they are for."""
        scaling = {name: getattr(self.network, name) for name in SCALING}
        moments = {
            f"{k}/{name}": value
            for k, weight in enumerate(self.network.parameters())
            for name, value in {"weight": weight.detach(), **self.optimiser.state[weight]}.items()
        }
        return {name: value.cpu().numpy().copy() for name, value in (scaling | moments).items()}

    def restore(self, kept: Mapping[str, np.ndarray]) -> None:
        """See `Trainer`."""
        for name in SCALING:
            getattr(self.network, name).copy_(torch.from_numpy(kept[name].copy()))
        for k, weight in enumerate(self.network.parameters()):
            state = {
                name.removeprefix(f"{k}/"): torch.from_numpy(value.copy())
                for name, value in kept.items()
                if name.startswith(f"{k}/")
            }
            with torch.no_grad():
                weight.copy_(state.pop("weight"))
            self.optimiser.state[weight] = {
                name: value if name == "step" else value.to(weight.device) for name, value in state.items()
            }
