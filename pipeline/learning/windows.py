"""When a hedger of a desk's run is trained, and what is known of the market each time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pandas as pd

from pipeline.domain.desk import Desk
from pipeline.learning.known_market import KnownMarket
from pipeline.learning.learners import LEARNERS, chosen_device
from pipeline.learning.order import Order

SHARE = 10
"""A training that goes on from another takes this part of its steps, unless told otherwise."""


@dataclass(frozen=True)
class LearningWindow:
    """A training, and the first day that what comes out serves; until then all is known that it is told."""

    first: date
    order: Order


def learning_windows(desk: Desk, policy: str, sessions: pd.DataFrame) -> Iterator[LearningWindow]:
    """Return the trainings of a policy of `policies.train` in the order in which they go on from each other.

    There is one before every test window, told what the sessions before it tell; a window before which
    nothing is known that was not known before the last one has none. The first takes `steps`, the others
    `refit_steps`. With `refit` "once" there is only the first.

    Parameters
    ----------
    sessions : the table `signals`: `session`, `window`, `tested`, and what `Learner.knows` reads.

    Raises
    ------
    DataError, FitError
        What is known before a window is too little.
    SettingsError
        As `learners.chosen_device`.
    """
    plan, learner = desk.policies.train[policy], LEARNERS[policy]
    steps, markets = plan.steps or learner.steps, plan.paths or learner.markets
    later = plan.refit_steps or max(steps // SHARE, 1)
    device = chosen_device(policy, plan.device)
    known: KnownMarket | None = None
    for first in first_days(sessions):
        before, known = known, learner.knows(desk, sessions, first)
        if known == before:
            continue
        seen = sessions.loc[sessions["session"] < pd.Timestamp(first), "session"].max().date().isoformat()
        order = Order(
            steps=steps, markets=markets, known=known, seed=desk.seed, device=device, seen_until=seen
        )
        yield LearningWindow(first, order)
        if plan.refit == "once":
            return
        steps = later


def first_days(sessions: pd.DataFrame) -> list[date]:
    """Return the first session of every test window, in order.

    Examples
    --------
    >>> days = pd.to_datetime(["2015-12-30", "2016-01-04", "2016-01-05", "2016-07-01"])
    >>> table = pd.DataFrame({"session": days, "window": [0, 1, 1, 2], "tested": [False, True, True, True]})
    >>> [day.isoformat() for day in first_days(table)]
    ['2016-01-04', '2016-07-01']
    """
    tested = sessions[sessions["tested"].astype(bool)]
    return [day.date() for day in tested.groupby("window")["session"].min().sort_values()]
