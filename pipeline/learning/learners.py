"""The hedgers that learn: how each one's training is begun."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pipeline.domain.desk import Desk

if TYPE_CHECKING:
    from pipeline.deep.trainer import Trainer

Of = Callable[[Desk, int, int, tuple[float, float], int], "Trainer[Any]"]
"""Makes the trainer of a desk from steps, markets, volatilities and seed."""


@dataclass(frozen=True)
class Learner:
    """How a policy is trained: how long and on how many markets at once unless told otherwise."""

    steps: int
    markets: int
    of: Of


def _network(
    desk: Desk, steps: int, markets: int, volatility: tuple[float, float], seed: int
) -> "Trainer[Any]":
    from pipeline.deep.desk_task import task_of
    from pipeline.deep.network_trainer import NetworkTrainer
    from pipeline.deep.plan import TrainingPlan
    from pipeline.policies.saved_network import terms_digest

    plan = TrainingPlan(learning_rate=0.003, steps=steps, paths=markets, groups=8, seed=seed)
    return NetworkTrainer(task_of(desk, volatility), plan, terms_digest(desk))


def _agent(policy: str) -> Of:
    def of(
        desk: Desk, steps: int, markets: int, volatility: tuple[float, float], seed: int
    ) -> "Trainer[Any]":
        from pipeline.agents.plan import PLANS
        from pipeline.agents.trainer import AgentTrainer
        from pipeline.deep.desk_task import task_of
        from pipeline.policies.saved_network import terms_digest

        plan = PLANS[policy](steps=steps, markets=markets, groups=8, seed=seed)
        return AgentTrainer(task_of(desk, volatility), plan, terms_digest(desk))

    return of


LEARNERS: Final[Mapping[str, Learner]] = {
    "network_band": Learner(400, 65_536, _network),
    "ppo_band": Learner(60, 4096, _agent("ppo_band")),
    "sac_band": Learner(60, 1024, _agent("sac_band")),
}
