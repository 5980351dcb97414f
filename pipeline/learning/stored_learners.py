"""The hedgers that learn from the stored days of a desk: how each one's training is begun."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from pipeline.domain.intraday_desk import IntradayDesk

if TYPE_CHECKING:
    from pipeline.backtest.stored_days import StoredDays
    from pipeline.deep.stored_task import StoredTask
    from pipeline.deep.trainer import Trainer

Of = Callable[["StoredTask", int, int, int, float | None, str], "Trainer[Any]"]
"""Makes the trainer of a task from steps, episodes of a step, seed, learning rate, and the desk's hash."""
RATE: Final = 0.001
HIDDEN: Final = (12, 12)
"""Units: few days teach few weights."""


@dataclass(frozen=True)
class StoredLearner:
    """How a policy is trained: how long and on how many episodes at once unless told otherwise."""

    steps: int
    episodes: int
    of: Of


def trainer_of(
    policy: str,
    desk: IntradayDesk,
    days: "StoredDays",
    steps: int | None,
    episodes: int | None,
    seed: int,
    rate: float | None,
) -> "Trainer[Any]":
    """Return the trainer of a policy on a desk's stored days; what is None is the policy's own.

    Raises
    ------
    SettingsError
        The extra that trains it is not installed.
    """
    from pipeline.deep.desk_task import risk_of
    from pipeline.deep.stored_task import StoredTask
    from pipeline.policies.saved_network import terms_digest

    learner = STORED_LEARNERS[policy]
    task = StoredTask(days=days, risk=risk_of(desk.risk), aversion=desk.risk.aversion)
    return learner.of(
        task, steps or learner.steps, episodes or learner.episodes, seed, rate, terms_digest(desk)
    )


def _network(
    task: "StoredTask", steps: int, episodes: int, seed: int, rate: float | None, terms: str
) -> "Trainer[Any]":
    from pipeline.deep.plan import TrainingPlan
    from pipeline.deep.stored_trainer import StoredTrainer

    rate = RATE if rate is None else rate
    plan = TrainingPlan(
        steps=steps, paths=episodes, learning_rate=rate, hidden=HIDDEN, seed=seed, save_every=5
    )
    return StoredTrainer(task, plan, terms)


def _agent(policy: str) -> Of:
    def of(
        task: "StoredTask", steps: int, episodes: int, seed: int, rate: float | None, terms: str
    ) -> "Trainer[Any]":
        from pipeline.agents.plan import PLANS
        from pipeline.agents.stored_trainer import StoredAgentTrainer

        plan = PLANS[policy](steps=steps, markets=episodes, hidden=HIDDEN, seed=seed)
        plan = plan if rate is None else replace(plan, learning_rate=rate)
        return StoredAgentTrainer(task, plan, terms)

    return of


STORED_LEARNERS: Final[Mapping[str, StoredLearner]] = {
    "network_band": StoredLearner(100, 4096, _network),
    "ppo_band": StoredLearner(40, 1024, _agent("ppo_band")),
    "sac_band": StoredLearner(20, 256, _agent("sac_band")),
}
