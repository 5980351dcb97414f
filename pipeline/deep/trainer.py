"""A hedger in training, whatever teaches it: its steps, its averaged weights, and what is kept to go on."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from pipeline.deep.plan import Plan
from pipeline.domain.errors import StoreError
from pipeline.ingest.content import content_digest
from pipeline.policies.checkpoint import REACHED, UNTRAINED, Checkpoint

VALIDATION = 1 << 40
"""Number of the first path of validation: training never gets there."""
LEAST = 0.01
"""Risks of less than this share of a unit of spot count as that where they are compared."""
KEPT, AVERAGE = "training.", "average/"

Learned = TypeVar("Learned")
Arrays = dict[str, np.ndarray]


class DivergedError(ArithmeticError):
    """A weight, an answer or a risk of a hedger in training is no number any more."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch add up in one order, whatever the number of cores; our own loops use all of them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@dataclass
class Trainer(ABC, Generic[Learned]):
    """A hedger that is being trained; `step` steps are done.

    Every step has fresh paths, which are a function of seed and step: an interrupted training ends in the
    bits of one that was not. What is learned (`Learned`) has the mean of the weights over the last steps.

    Attributes
    ----------
    task : what is learned: its `money` is that of one unit of spot at the start.
    desk : hash of the desk that it is trained for (`Checkpoint.of_desk`); empty is that of the task.
    average : the averaged weights; those of the last step where averaging is not on.
    history : step and validation risk at each checkpoint, of the averaged weights.
    told : what its checkpoints say of the market that it was told of, beside their own facts.
    untrained : validation risk of the hedger that has learned nothing, in the markets of this training.
    """

    most_worse: ClassVar[float]
    """How far the validation risk may rise above the untrained one, as a share of it."""

    task: Any
    plan: Plan
    desk: str = ""
    average: list[Tensor] = field(init=False)
    step: int = 0
    history: list[tuple[int, float]] = field(default_factory=list)
    told: Mapping[str, Any] = field(default_factory=dict)
    untrained: float | None = None

    @one_thread()
    def __post_init__(self) -> None:
        self.desk = self.desk or content_digest(self.task)
        self.prepare()
        self.average = [weight.detach().clone() for weight in self.weights()]

    @abstractmethod
    def prepare(self) -> None:
        """Make the untrained hedger."""

    @abstractmethod
    def weights(self) -> list[Tensor]:
        """Return the weights that are averaged."""

    @abstractmethod
    def learn(self, rate: float) -> None:
        """Take step number `step` at a learning rate; DivergedError where something is no number."""

    @abstractmethod
    def with_weights(self, weights: list[Tensor]) -> Learned:
        """Return the hedger with some weights."""

    @property
    def chosen(self) -> list[Tensor]:
        """The weights of what was learned: the averaged ones."""
        return self.average

    @property
    def reached(self) -> float:
        """The validation risk of what was learned."""
        return self.history[-1][1]

    def learned(self) -> Learned:
        """Return what was learned."""
        return self.with_weights(self.chosen)

    @abstractmethod
    def validated(self) -> float:
        """Return the risk of its averaged weights in the middle of all conditions, on paths of its own."""

    @abstractmethod
    def arrays(self) -> Mapping[str, np.ndarray]:
        """Return what a checkpoint keeps of it for who uses it."""

    @abstractmethod
    def kept(self) -> Arrays:
        """Return what else is needed to go on training it, while it is not done."""

    @abstractmethod
    def restore(self, kept: Mapping[str, np.ndarray]) -> None:
        """Bring it to where `kept` left it; `step` is that of the checkpoint."""

    def state(self) -> Arrays:
        """Return all that a training needs which goes on from this one, done or not."""
        return self._averages() | self.kept()

    def begin(self) -> None:
        """Judge what it begins with: step 0 of its history."""
        risk = self.validated()
        self.history.append((0, risk))
        self.untrained = risk if self.untrained is None else self.untrained

    @one_thread()
    def go_on_from(self, state: Arrays) -> None:
        """Begin with what another training left (`state`): its averaged weights, and what taught it.

        The inputs keep the scaling that the weights are for; the range within which they count is that of the
        own markets. Before, the untrained hedger is judged in these.
        """
        self.untrained = self.validated()
        self.restore(state)
        with torch.no_grad():
            for k, (mean, weight) in enumerate(zip(self.average, self.weights(), strict=True)):
                mean.copy_(torch.from_numpy(state[f"{AVERAGE}{k}"].copy()))
                weight.copy_(mean)

    def _averages(self) -> Arrays:
        return {f"{AVERAGE}{k}": mean.cpu().numpy().copy() for k, mean in enumerate(self.average)}

    def take_step(self) -> None:
        """Take one step on fresh paths, and average.

        Raises
        ------
        DivergedError
            Something is no number; the trainer is of no use any more.
        """
        self.learn(self.plan.rate(self.step))
        weights = self.weights()
        if not all(bool(torch.isfinite(weight).all()) for weight in weights):
            raise DivergedError("a weight is no number")
        self.step += 1
        share = self.plan.share(self.step)
        for mean, weight in zip(self.average, weights, strict=True):
            mean += share * (weight.detach() - mean)

    def size(self, risk: float) -> float:
        """Return what a risk is compared with: its size, or the least that counts."""
        return max(abs(risk), LEAST * float(self.task.money))

    def checkpoint(self) -> Checkpoint:
        """Return all that is needed to use the hedger and, while it is not done, to go on training it."""
        kept = self.state() if self.step < self.plan.steps else self._averages()
        arrays = {**self.arrays(), **{f"{KEPT}{name}": value for name, value in kept.items()}}
        risks = {"history": self.history, UNTRAINED: self.untrained, REACHED: self.reached}
        facts = {**self.own_facts(), **self.told, "step": self.step, **risks}
        return Checkpoint(self.desk, facts, arrays)

    def resume(self, checkpoint: Checkpoint) -> None:
        """Go on where a checkpoint was made.

        Raises
        ------
        StoreError
            It is of another desk or another plan.
        """
        facts, own = checkpoint.of_desk(self.desk).facts, self.own_facts()
        if {key: facts.get(key) for key in own} != own:
            raise StoreError(
                "the checkpoint was trained by another plan or for other markets: give these, or another file"
            )
        self.step, self.untrained = facts["step"], facts[UNTRAINED]
        self.history = [(int(step), float(risk)) for step, risk in facts["history"]]
        kept = {
            name.removeprefix(KEPT): value
            for name, value in checkpoint.arrays.items()
            if name.startswith(KEPT)
        }
        for k, mean in enumerate(self.average):
            mean.copy_(torch.from_numpy(kept[f"{AVERAGE}{k}"]))
        if self.step < self.plan.steps:
            self.restore(kept)

    def facts(self) -> dict[str, Any]:
        """Return what a run of the training shows: the plan's settings, and the task's as `task/…`."""
        told = {f"task/{each.name}": getattr(self.task, each.name) for each in fields(self.task)}
        return self.plan.facts() | told

    def own_facts(self) -> dict[str, Any]:
        """Return what a checkpoint must have in common with the training that goes on from it."""
        return {"task": content_digest(self.task), "plan": self.plan.facts()}
