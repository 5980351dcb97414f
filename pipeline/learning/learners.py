"""The hedgers that learn: how each one's training is begun."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from pipeline.domain.desk import Desk
from pipeline.learning.known_market import KnownMarket

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.deep.trainer import Trainer

Of = Callable[[Desk, int, int, KnownMarket, int, float | None], "Trainer[Any]"]
"""Makes the trainer of a desk from steps, markets, what is known of the real one, seed, and learning rate."""
NETWORK_RATE: Final = 0.003


def _volatility(desk: Desk, sessions: "pd.DataFrame") -> KnownMarket:
    from pipeline.learning.seen_market import seen_volatility

    return seen_volatility(desk, sessions)


def _regimes(desk: Desk, sessions: "pd.DataFrame") -> KnownMarket:
    from pipeline.learning.seen_market import seen_regimes

    return seen_regimes(desk, sessions)


@dataclass(frozen=True)
class Learner:
    """How a policy is trained: how long and on how many markets at once unless told otherwise.

    `knows` returns what a run of a desk tells it of the real market, from the sessions before the test.
    `told_until` is the last day of the history that it is told otherwise (`KnownMarket`); None is no history.
    """

    steps: int
    markets: int
    of: Of
    knows: Callable[[Desk, "pd.DataFrame"], KnownMarket] = _volatility
    told_until: date | None = None


def _network(
    desk: Desk, steps: int, markets: int, known: KnownMarket, seed: int, rate: float | None
) -> "Trainer[Any]":
    from pipeline.deep.desk_task import task_of
    from pipeline.deep.network_trainer import NetworkTrainer
    from pipeline.deep.plan import TrainingPlan
    from pipeline.policies.saved_network import terms_digest

    rate = NETWORK_RATE if rate is None else rate
    plan = TrainingPlan(learning_rate=rate, steps=steps, paths=markets, groups=8, seed=seed)
    return NetworkTrainer(task_of(desk, known.volatility), plan, terms_digest(desk))


def _recurrent(
    desk: Desk, steps: int, markets: int, known: KnownMarket, seed: int, rate: float | None
) -> "Trainer[Any]":
    from pipeline.deep.desk_task import task_of
    from pipeline.deep.network_trainer import NetworkTrainer
    from pipeline.deep.path_task import PathTask
    from pipeline.deep.plan import TrainingPlan
    from pipeline.policies.saved_network import terms_digest

    rate = NETWORK_RATE if rate is None else rate
    plan = TrainingPlan(learning_rate=rate, steps=steps, paths=markets, groups=8, seed=seed)
    task = PathTask(option=task_of(desk, known.volatility), ratio=known.ratio, moves=known.moves)
    return NetworkTrainer(task, plan, terms_digest(desk))


def _agent(policy: str) -> Of:
    def of(
        desk: Desk, steps: int, markets: int, known: KnownMarket, seed: int, rate: float | None
    ) -> "Trainer[Any]":
        from pipeline.agents.plan import PLANS
        from pipeline.agents.trainer import AgentTrainer
        from pipeline.deep.desk_task import frictions_of, task_of
        from pipeline.policies.saved_network import terms_digest

        plan = PLANS[policy](steps=steps, markets=markets, groups=8, seed=seed)
        plan = plan if rate is None else replace(plan, learning_rate=rate)
        task = replace(task_of(desk, known.volatility), frictions=frictions_of(desk))
        return AgentTrainer(task, plan, terms_digest(desk))

    return of


LEARNERS: Final[Mapping[str, Learner]] = {
    "network_band": Learner(400, 65_536, _network),
    "recurrent_band": Learner(400, 16_384, _recurrent, _regimes, date(2013, 12, 31)),
    "ppo_band": Learner(60, 4096, _agent("ppo_band")),
    "sac_band": Learner(60, 1024, _agent("sac_band")),
}
