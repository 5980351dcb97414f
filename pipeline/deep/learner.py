"""What a trainer needs to know: of a network that learns a hedge, and of the task that it learns."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol, TypeVar

import numpy as np
from torch import Tensor, nn

from pipeline.deep.plan import TrainingPlan


class Learner(nn.Module, ABC):
    """A network in training.

    Attributes
    ----------
    mean, scale : what its inputs are standardised by.
    """

    mean: Tensor
    scale: Tensor

    @abstractmethod
    def arrays(self) -> Mapping[str, np.ndarray]:
        """Return what a checkpoint keeps of it for who uses it."""


Net = TypeVar("Net", bound=Learner)
Given = TypeVar("Given")


class Task(Protocol[Net, Given]):
    """What is learned: a loss on fresh paths, in conditions (`Given`) that may vary from step to step.

    Attributes
    ----------
    on_gpu : whether a GPU has work in it, and its loss is made where the network is.
    """

    on_gpu: ClassVar[bool]

    @property
    def money(self) -> float:
        """The money of one unit of spot at the start: risks below a hundredth of it count as that."""

    @property
    def middle(self) -> Given:
        """The condition of validation."""

    def learner(self, plan: TrainingPlan) -> Net:
        """Return an untrained network, its inputs scaled; PyTorch's seed is the plan's."""

    def conditions(self, groups: int, rng: np.random.Generator) -> Sequence[Given]:
        """Draw the conditions of one step."""

    def loss(self, network: Net, condition: Given, *, paths: int, seed: int, first: int) -> Tensor:
        """Return the risk, a scalar, on paths that are a function of seed and number."""
