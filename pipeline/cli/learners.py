"""The hedgers that `hedge train --policy` trains: what each one's training is called with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from pipeline.domain.desk import Desk

Report = Callable[[int, float], None]


class Trained(Protocol):
    """What a training gives back."""

    @property
    def history(self) -> tuple[tuple[int, float], ...]:
        """Steps and validation risks; step 0 is the untrained hedger."""
        ...


@dataclass(frozen=True)
class Training:
    """A training that can be started, interrupted and gone on with; `settings` are its plan."""

    settings: Mapping[str, Any]
    start: Callable[[Path, Report], Trained]


@dataclass(frozen=True)
class Learner:
    """How a policy is trained: how long and on how many markets at once unless told otherwise.

    `of` makes the training of a desk from steps, markets, volatilities and seed.
    """

    steps: int
    markets: int
    of: Callable[[Desk, int, int, tuple[float, float], int], Training]


def _network(desk: Desk, steps: int, markets: int, volatility: tuple[float, float], seed: int) -> Training:
    from pipeline.deep.desk_task import task_of
    from pipeline.deep.plan import TrainingPlan
    from pipeline.deep.training import train
    from pipeline.policies.saved_network import terms_digest

    plan = TrainingPlan(learning_rate=0.003, steps=steps, paths=markets, groups=8, seed=seed)

    def start(path: Path, report: Report) -> Trained:
        return train(task_of(desk, volatility), plan, path, report, terms_digest(desk))

    return Training(plan.facts(), start)


def _agent(policy: str) -> Callable[[Desk, int, int, tuple[float, float], int], Training]:
    def of(desk: Desk, steps: int, markets: int, volatility: tuple[float, float], seed: int) -> Training:
        from pipeline.agents.plan import PLANS
        from pipeline.agents.training import train
        from pipeline.deep.desk_task import task_of
        from pipeline.policies.saved_network import terms_digest

        plan = PLANS[policy](lives=steps, markets=markets, groups=8, seed=seed)

        def start(path: Path, report: Report) -> Trained:
            return train(task_of(desk, volatility), plan, path, report, terms_digest(desk))

        return Training(plan.facts(), start)

    return of


LEARNERS: Final[Mapping[str, Learner]] = {
    "network_band": Learner(400, 65_536, _network),
    "ppo_band": Learner(60, 4096, _agent("ppo_band")),
    "sac_band": Learner(60, 1024, _agent("sac_band")),
}
