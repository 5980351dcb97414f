"""The hedgers that learn: how each one's training is begun."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from pipeline.domain.desk import Desk
from pipeline.domain.desk_file import SimulatedDesk
from pipeline.domain.errors import SettingsError
from pipeline.learning.known_market import KnownMarket
from pipeline.learning.order import Order

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from pipeline.deep.device import Device
    from pipeline.deep.plan import TrainingPlan
    from pipeline.deep.trainer import Trainer

    Tables = Mapping[str, "pd.DataFrame"]

Of = Callable[[SimulatedDesk, Order], "Trainer[Any]"]
"""Makes the trainer of a desk."""
Answer = Literal["band", "position"]
ANSWERS: Final[tuple[Answer, ...]] = get_args(Answer)
NETWORK_RATE: Final = 0.003
ON_PROCESSOR: Final = "{policy} is trained on the processor, a GPU has nothing to do in it: give auto or cpu"


def _volatility(desk: SimulatedDesk, tables: "Tables", before: date) -> KnownMarket:
    from pipeline.learning.seen_market import seen_volatility

    return seen_volatility(desk, tables, before)


def _regimes(desk: SimulatedDesk, tables: "Tables", before: date) -> KnownMarket:
    from pipeline.learning.seen_market import seen_regimes

    assert isinstance(desk, Desk)  # who remembers learns for daily desks only
    return seen_regimes(desk, tables, before)


@dataclass(frozen=True)
class Learner:
    """How a policy is trained: how long and on how many markets at once unless told otherwise.

    `knows` returns what a run of a desk tells it of the real market, from what was known before a day.
    `told_until` is the last day of the history that it is told otherwise (`KnownMarket`); None is no history.
    `on_gpu` says whether a GPU has work in its training.
    """

    steps: int
    markets: int
    of: Of
    knows: Callable[[SimulatedDesk, "Tables", date], KnownMarket] = _volatility
    told_until: date | None = None
    on_gpu: bool = False


def begun(
    policy: str, desk: SimulatedDesk, order: Order, before: Mapping[str, "np.ndarray"] | None = None
) -> "Trainer[Any]":
    """Return the trainer of a policy, whose checkpoints say which market it was told of.

    Parameters
    ----------
    before : what the training left that this one goes on from (`Trainer.state`); None begins untrained.

    Raises
    ------
    SettingsError
        The extra that trains it is not installed, or nothing can be learned for the desk.
    """
    from pipeline.policies.checkpoint import GOES_ON, MARKET, SEEN

    trainer = LEARNERS[policy].of(desk, order)
    if before is not None:
        trainer.go_on_from(dict(before))
    trainer.told = {MARKET: order.known.model_dump(mode="json"), GOES_ON: before is not None}
    trainer.told |= {SEEN: order.seen_until} if order.seen_until else {}
    return trainer


def chosen_device(policy: str, asked: Literal["auto", "cpu", "cuda"]) -> "Device":
    """Return where a policy is trained: `auto` takes a GPU that PyTorch sees where it has work.

    Raises
    ------
    SettingsError
        A GPU is asked for, and there is none or it has nothing to do; the message names the remedy.

    Examples
    --------
    >>> chosen_device("network_band", "auto")
    'cpu'
    """
    gains = LEARNERS[policy].on_gpu
    if asked == "cuda" and not gains:
        raise SettingsError(f"device cuda: {ON_PROCESSOR.format(policy=policy)}")
    if asked == "cpu" or not gains or (asked == "auto" and find_spec("torch") is None):
        return "cpu"
    from pipeline.deep.device import check_device, gpu_here

    if asked == "cuda":
        check_device(asked, on_gpu=gains)
    return "cuda" if gpu_here() else "cpu"


def _network(answer: Answer, desk: SimulatedDesk, order: Order) -> "Trainer[Any]":
    from pipeline.deep.desk_task import learned_task
    from pipeline.deep.network_trainer import NetworkTrainer
    from pipeline.policies.saved_network import terms_digest

    task = learned_task(desk, order.known.volatility, answer)
    return NetworkTrainer(task, _plan(order), terms_digest(desk))


def _recurrent(answer: Answer, desk: SimulatedDesk, order: Order) -> "Trainer[Any]":
    from pipeline.deep.desk_task import task_of
    from pipeline.deep.network_trainer import NetworkTrainer
    from pipeline.deep.path_task import PathTask
    from pipeline.policies.saved_network import terms_digest

    assert isinstance(desk, Desk)
    known = order.known
    task = PathTask(option=task_of(desk, known.volatility, answer), ratio=known.ratio, moves=known.moves)
    return NetworkTrainer(task, _plan(order), terms_digest(desk))


def _plan(order: Order) -> "TrainingPlan":
    from pipeline.deep.plan import TrainingPlan

    return TrainingPlan(
        learning_rate=NETWORK_RATE if order.rate is None else order.rate,
        steps=order.steps,
        paths=order.markets,
        groups=8,
        seed=order.seed,
        device=order.device,
    )


def _agent(policy: str) -> Of:
    def of(desk: SimulatedDesk, order: Order) -> "Trainer[Any]":
        from pipeline.agents.plan import PLANS
        from pipeline.agents.trainer import AgentTrainer
        from pipeline.deep.desk_task import learned_task
        from pipeline.policies.saved_network import terms_digest

        plan = PLANS[policy](steps=order.steps, markets=order.markets, groups=8, seed=order.seed)
        plan = plan if order.rate is None else replace(plan, learning_rate=order.rate)
        return AgentTrainer(learned_task(desk, order.known.volatility), plan, terms_digest(desk))

    return of


LEARNERS: Final[Mapping[str, Learner]] = {
    **{f"network_{answer}": Learner(400, 65_536, partial(_network, answer)) for answer in ANSWERS},
    **{
        f"recurrent_{answer}": Learner(
            400, 16_384, partial(_recurrent, answer), _regimes, date(2013, 12, 31), on_gpu=True
        )
        for answer in ANSWERS
    },
    "ppo_band": Learner(60, 4096, _agent("ppo_band")),
    "sac_band": Learner(60, 1024, _agent("sac_band")),
}
