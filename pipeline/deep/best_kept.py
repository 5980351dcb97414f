"""A hedger in training that is kept as it was where it did best on what it does not learn from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from pipeline.deep.learner import Net
from pipeline.deep.network_trainer import NetworkTrainer
from pipeline.deep.trainer import Learned, Trainer
from pipeline.policies.checkpoint import Checkpoint

BEST, LEAST = "best/", "best.risk"


@dataclass
class KeepsBest(Trainer[Learned]):
    """A training of which the checkpoint with the least validation risk is what was learned.

    For data that is short: where later steps learn noise, the earlier weights stay, at worst the untrained
    ones. So a validation risk that rises is no divergence.

    Attributes
    ----------
    best, least : the weights with the least validation risk so far, and that risk.

    References
    ----------
    Prechelt (1998), Early stopping, but when?
    """

    most_worse: ClassVar[float] = float("inf")

    best: list[Tensor] = field(init=False)
    least: float = float("inf")

    def validated(self) -> float:
        """See `Trainer`; the weights are kept where the risk is the least so far."""
        risk = super().validated()  # type: ignore[safe-super]
        if risk < self.least:
            self.best, self.least = [mean.clone() for mean in self.average], risk
        return risk

    @property
    def chosen(self) -> list[Tensor]:
        """The weights that did best."""
        return self.best

    @property
    def reached(self) -> float:
        """The least validation risk."""
        return self.least

    def checkpoint(self) -> Checkpoint:
        """See `Trainer`."""
        own = {f"{BEST}{k}": weight.cpu().numpy().copy() for k, weight in enumerate(self.best)}
        found = super().checkpoint()
        return Checkpoint(found.desk, found.facts, {**found.arrays, **own, LEAST: np.array(self.least)})

    def resume(self, checkpoint: Checkpoint) -> None:
        """See `Trainer`."""
        super().resume(checkpoint)
        kept: Mapping[str, np.ndarray] = checkpoint.arrays
        self.best = [
            torch.from_numpy(kept[f"{BEST}{k}"].copy()).to(mean) for k, mean in enumerate(self.average)
        ]
        self.least = float(kept[LEAST])


@dataclass
class BestKept(KeepsBest[Net], NetworkTrainer[Net]):
    """A network in training that is kept where it did best."""
