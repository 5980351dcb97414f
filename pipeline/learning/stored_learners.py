"""The hedgers that learn from what a desk has stored: how each one's training is begun."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from pipeline.domain.desk_file import StoringDesk

if TYPE_CHECKING:
    from pipeline.backtest.quote_sight import StoredQuotes
    from pipeline.backtest.stored_days import StoredDays
    from pipeline.deep.stored_task import StoredTask
    from pipeline.deep.trainer import Trainer

Of = Callable[[StoringDesk, Any, int, int, int, float | None], "Trainer[Any]"]
"""Makes the trainer of a desk from what it has stored, steps, episodes of a step, seed and learning rate."""
RATE: Final = 0.001
HIDDEN: Final = (12, 12)
"""Units: few days teach few weights."""
QUOTES_RATE: Final = 0.003
QUOTES_HIDDEN: Final = (16, 16)


@dataclass(frozen=True)
class StoredLearner:
    """How a policy is trained: how long and on how many episodes at once unless told otherwise.

    An episode of who learns from quotes is the change of one from a day to the next.
    """

    steps: int
    episodes: int
    of: Of


def trainer_of(
    policy: str,
    desk: StoringDesk,
    stored: "StoredDays | StoredQuotes",
    steps: int | None,
    episodes: int | None,
    seed: int,
    rate: float | None,
) -> "Trainer[Any]":
    """Return the trainer of a policy on what a desk has stored; what is None is the policy's own.

    Raises
    ------
    SettingsError
        The extra that trains it is not installed.
    """
    learner = STORED_LEARNERS[policy]
    return learner.of(desk, stored, steps or learner.steps, episodes or learner.episodes, seed, rate)


def _task(desk: StoringDesk, days: "StoredDays") -> "StoredTask":
    from pipeline.deep.desk_task import risk_of
    from pipeline.deep.stored_task import StoredTask

    return StoredTask(days=days, risk=risk_of(desk.risk), aversion=desk.risk.aversion)


def _network(
    desk: StoringDesk, days: "StoredDays", steps: int, episodes: int, seed: int, rate: float | None
) -> "Trainer[Any]":
    from pipeline.deep.plan import TrainingPlan
    from pipeline.deep.stored_trainer import StoredTrainer
    from pipeline.policies.saved_network import terms_digest

    rate = RATE if rate is None else rate
    plan = TrainingPlan(
        steps=steps, paths=episodes, learning_rate=rate, hidden=HIDDEN, seed=seed, save_every=5
    )
    return StoredTrainer(_task(desk, days), plan, terms_digest(desk))


def _slope(
    desk: StoringDesk, quotes: "StoredQuotes", steps: int, episodes: int, seed: int, rate: float | None
) -> "Trainer[Any]":
    from pipeline.deep.plan import TrainingPlan
    from pipeline.deep.quotes_task import QuotesTask
    from pipeline.deep.quotes_trainer import QuotesTrainer
    from pipeline.policies.saved_network import terms_digest

    rate = QUOTES_RATE if rate is None else rate
    plan = TrainingPlan(
        steps=steps, paths=episodes, learning_rate=rate, hidden=QUOTES_HIDDEN, seed=seed, save_every=10
    )
    task = QuotesTask(seen=quotes.seen, seen_until=quotes.seen_until)
    return QuotesTrainer(task, plan, terms_digest(desk))


def _agent(policy: str) -> Of:
    def of(
        desk: StoringDesk, days: "StoredDays", steps: int, episodes: int, seed: int, rate: float | None
    ) -> "Trainer[Any]":
        from pipeline.agents.plan import PLANS
        from pipeline.agents.stored_trainer import StoredAgentTrainer
        from pipeline.policies.saved_network import terms_digest

        plan = PLANS[policy](steps=steps, markets=episodes, hidden=HIDDEN, seed=seed)
        plan = plan if rate is None else replace(plan, learning_rate=rate)
        return StoredAgentTrainer(_task(desk, days), plan, terms_digest(desk))

    return of


STORED_LEARNERS: Final[Mapping[str, StoredLearner]] = {
    "network_band": StoredLearner(100, 4096, _network),
    "ppo_band": StoredLearner(40, 1024, _agent("ppo_band")),
    "network_slope": StoredLearner(100, 1024, _slope),
    "sac_band": StoredLearner(20, 256, _agent("sac_band")),
}
