"""A network in training: its steps, its averaged weights, and what has to be kept to go on."""

import math
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Generic

import numpy as np
import torch
from torch import Tensor

from pipeline.deep.learner import Net, Task
from pipeline.deep.plan import TrainingPlan
from pipeline.domain.errors import StoreError
from pipeline.ingest.content import content_digest
from pipeline.policies.checkpoint import Checkpoint

VALIDATION = 1 << 40
"""Number of the first path of validation: training never gets there."""
LEAST = 0.01
"""Risks of less than this share of a unit of spot count as that where they are compared."""


@dataclass
class Trainer(Generic[Net]):
    """A network that is being trained; `step` steps are done.

    Every step has fresh paths, which are a function of seed and step. `averaged` is the network whose weights
    are the mean over the last steps.

    `history` holds step and validation risk at each checkpoint: of the averaged weights once there are some.
    The gradient of each group counts by one over the size of its risk, so that a frontier is not trained for
    its riskiest end alone.
    """

    task: Task[Net, Any]
    plan: TrainingPlan
    desk: str = ""
    network: Net = field(init=False)
    optimiser: torch.optim.Adam = field(init=False)
    average: list[Tensor] = field(init=False)
    step: int = 0
    history: list[tuple[int, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        plan = self.plan
        self.desk = self.desk or content_digest(self.task)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(plan.seed)
            self.network = self.task.learner(plan).to(plan.device)
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=plan.learning_rate)
        self.average = [weight.detach().clone() for weight in self.network.parameters()]

    def take_step(self) -> float:
        """Take one step on fresh paths and return its risk, before it; NaN or infinite where it diverged."""
        plan, size = self.plan, self.plan.paths // self.plan.groups
        conditions = self.task.conditions(plan.groups, np.random.default_rng((plan.seed, 1, self.step)))
        rate = 0.5 * plan.learning_rate * (1.0 + math.cos(math.pi * self.step / plan.steps))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad()
        total = 0.0
        for number, condition in enumerate(conditions):
            first = (self.step * plan.groups + number) * size
            risk = self.task.loss(self.network, condition, paths=size, seed=plan.seed, first=first)
            total += risk.item() / plan.groups
            torch.autograd.backward([risk / (self.size(risk.item()) * plan.groups)])
        self.optimiser.step()
        self.step += 1
        self._take_average()
        return total

    def _take_average(self) -> None:
        since = self.step - math.ceil(self.plan.steps * (1.0 - self.plan.averaged))
        share = 1.0 / max(since, 1)
        for mean, weight in zip(self.average, self.network.parameters(), strict=True):
            mean += share * (weight.detach() - mean)

    def size(self, risk: float) -> float:
        """Return what a risk is compared with: its size, or the least that counts."""
        return max(abs(risk), LEAST * self.task.money)

    def averaged(self) -> Net:
        """Return the network with its averaged weights: those of the last step where averaging is not on."""
        network = deepcopy(self.network)
        with torch.no_grad():
            for own, mean in zip(network.parameters(), self.average, strict=True):
                own.copy_(mean)
        return network

    def validated(self) -> float:
        """Return the averaged network's risk in the middle of all conditions, on paths of its own."""
        network, plan = self.averaged(), self.plan
        with torch.no_grad():
            risk = self.task.loss(
                network, self.task.middle, paths=plan.paths, seed=plan.seed, first=VALIDATION
            )
        return float(risk)

    def checkpoint(self) -> Checkpoint:
        """Return all that is needed to use the network and to go on training it."""
        arrays = dict(self.averaged().arrays())
        for k, (weight, mean) in enumerate(zip(self.network.parameters(), self.average, strict=True)):
            own = {"weight": weight.detach(), "average": mean, **self.optimiser.state[weight]}
            arrays |= {f"training.{k}.{name}": value.cpu().numpy().copy() for name, value in own.items()}
        facts = {
            "task": content_digest(self.task),
            "plan": self.plan.facts(),
            "step": self.step,
            "history": self.history,
        }
        return Checkpoint(self.desk, facts, arrays)

    def resume(self, checkpoint: Checkpoint) -> None:
        """Go on where a checkpoint was made.

        Raises
        ------
        StoreError
            It is of another desk or another plan.
        """
        checkpoint.of_desk(self.desk)
        own = {"task": content_digest(self.task), "plan": self.plan.facts()}
        if {key: checkpoint.facts.get(key) for key in own} != own:
            raise StoreError(
                "the checkpoint was trained by another plan or for other markets: give these, or another file"
            )
        self.step = checkpoint.facts["step"]
        self.history = [(int(step), float(risk)) for step, risk in checkpoint.facts["history"]]
        for k, (weight, mean) in enumerate(zip(self.network.parameters(), self.average, strict=True)):
            state = {
                name.rpartition(".")[2]: torch.from_numpy(value.copy())
                for name, value in checkpoint.arrays.items()
                if name.startswith(f"training.{k}.")
            }
            with torch.no_grad():
                weight.copy_(state.pop("weight"))
                mean.copy_(state.pop("average"))
            self.optimiser.state[weight] = {
                name: value if name == "step" else value.to(weight.device) for name, value in state.items()
            }
