"""How long and how fast a network is trained."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from pipeline.domain.errors import SettingsError


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """How long and how fast a network is trained.

    Attributes
    ----------
    steps : of Adam.
    paths : of each step, shared by its groups.
    groups : conditions (`task.Condition`) in a step.
    learning_rate : at the start; it falls along a cosine to zero.
    averaged : share of the steps, the last ones, whose weights are averaged.
    hidden : units of the network's hidden layers.
    save_every : steps between checkpoints.
    seed : of the paths, the conditions and the first weights.
    device : "cpu", or "cuda" for a GPU: there the same seed does not give the same bits.

    References
    ----------
    Kingma and Ba (2015); Polyak and Juditsky (1992) for the average.
    """

    steps: int = 300
    paths: int = 32_768
    groups: int = 1
    learning_rate: float = 0.01
    averaged: float = 0.25
    hidden: tuple[int, ...] = (24, 24)
    save_every: int = 25
    seed: int = 0
    device: Literal["cpu", "cuda"] = "cpu"

    def __post_init__(self) -> None:
        whole = min(self.steps, self.groups, self.save_every, self.paths // max(self.groups, 1), *self.hidden)
        if whole < 1 or not self.learning_rate > 0.0 or not 0.0 < self.averaged <= 1.0 or self.seed < 0:
            raise SettingsError(
                "training plan: steps, groups, save_every, hidden units and paths of a group are at least 1, "
                "the learning rate is positive, averaged lies in (0, 1], the seed is 0 or more"
            )

    def facts(self) -> dict[str, Any]:
        """Return the plan as JSON gives it back.

        Examples
        --------
        >>> TrainingPlan(hidden=(8,)).facts()["hidden"]
        [8]
        """
        return asdict(self) | {"hidden": list(self.hidden)}
