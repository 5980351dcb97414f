"""How long and how fast a hedger is trained: what all trainings are told, and what a network's is."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pipeline.domain.errors import SettingsError


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What every training is told.

    Attributes
    ----------
    steps : of the training.
    groups : conditions (`task.Condition`) in a step.
    learning_rate : of Adam at the start; it falls along a cosine to zero.
    averaged : share of the steps, the last ones, whose weights are averaged.
    hidden : units of the hidden layers.
    save_every : steps between checkpoints.
    seed : of the paths, the conditions, the first weights and all draws.

    Raises
    ------
    SettingsError
        A number cannot be.

    References
    ----------
    Kingma and Ba (2015); Polyak and Juditsky (1992) for the average.
    """

    steps: int
    groups: int = 1
    learning_rate: float = 0.01
    averaged: float = 0.25
    hidden: tuple[int, ...] = (24, 24)
    save_every: int = 25
    seed: int = 0

    def __post_init__(self) -> None:
        self.need(
            "at least 1", steps=self.steps >= 1, groups=self.groups >= 1, save_every=self.save_every >= 1
        )
        self.need("at least 1 unit a layer", hidden=min(self.hidden, default=1) >= 1)
        self.need("a positive number", learning_rate=0.0 < self.learning_rate < math.inf)
        self.need("in (0, 1]", averaged=0.0 < self.averaged <= 1.0)
        self.need("0 or more", seed=self.seed >= 0)

    def need(self, rule: str, **settings: bool) -> None:
        """Refuse the first of some settings that is not as a rule says."""
        for name, kept in settings.items():
            if not kept:
                raise SettingsError(f"training plan: {name} is {getattr(self, name)}, it must be {rule}")

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, the first is 0."""
        return 0.5 * self.learning_rate * (1.0 + math.cos(math.pi * step / self.steps))

    def share(self, step: int) -> float:
        """Return the share of the weights after so many steps in their average; 1 until averaging is on.

        Examples
        --------
        >>> plan = TrainingPlan(steps=8, averaged=0.25)
        >>> [plan.share(step) for step in (1, 6, 7, 8)]
        [1.0, 1.0, 1.0, 0.5]
        """
        since = step - math.ceil(self.steps * (1.0 - self.averaged))
        return 1.0 / max(since, 1)

    def facts(self) -> dict[str, Any]:
        """Return the plan as JSON gives it back.

        Examples
        --------
        >>> TrainingPlan(hidden=(8,)).facts()["hidden"]
        [8]
        """
        plain = asdict(self)
        return {key: list(value) if isinstance(value, tuple) else value for key, value in plain.items()}


@dataclass(frozen=True, kw_only=True)
class TrainingPlan(Plan):
    """How a network is trained through the derivative of its P&L.

    Attributes
    ----------
    paths : of each step, shared by its groups.
    device : "cpu", or "cuda" for a GPU: there the same seed does not give the same bits.

    Raises
    ------
    SettingsError
        A number cannot be.
    """

    steps: int = 300
    paths: int = 32_768
    device: Literal["cpu", "cuda"] = "cpu"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.paths < 1 or self.paths % self.groups:
            raise SettingsError(
                f"training plan: {self.paths} paths in {self.groups} groups: "
                f"give a multiple of {self.groups} paths"
            )
