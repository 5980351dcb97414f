"""When a hedger of a desk's run is trained, and what is known of the market each time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from pipeline.backtest.chain_comparison import window_starts
from pipeline.backtest.quote_sight import quoted_days
from pipeline.domain.chain_desk import ChainDesk
from pipeline.domain.contract_desk import ContractDesk
from pipeline.domain.desk_file import SimulatedDesk
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


def learning_windows(
    desk: SimulatedDesk, policy: str, tables: Mapping[str, pd.DataFrame]
) -> Iterator[LearningWindow]:
    """Return the trainings of a policy of `policies.train` in the order in which they go on from each other.

    There is one before every test window, told what is known before it; a window before which nothing is
    known that was not known before the last one has none. The first takes `steps`, the others `refit_steps`.
    With `refit` "once" there is only the first, and so it is of one contract, which is dealt once.

    Parameters
    ----------
    tables : what the desk's run has learned: `signals` (`session`, `window`, `tested`), of option chains
        `quoted`, and what `Learner.knows` reads.

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
    days = _days(desk, tables)
    for first in _firsts(desk, tables, days):
        before, known = known, learner.knows(desk, tables, first)
        if known == before:
            continue
        seen = days[days < pd.Timestamp(first)].max().date().isoformat()
        order = Order(
            steps=steps, markets=markets, known=known, seed=desk.seed, device=device, seen_until=seen
        )
        yield LearningWindow(first, order)
        if plan.refit == "once":
            return
        steps = later


def _days(desk: SimulatedDesk, tables: Mapping[str, pd.DataFrame]) -> pd.DatetimeIndex:
    """Return the days that what is known is of."""
    if isinstance(desk, ChainDesk):
        return pd.DatetimeIndex(quoted_days(tables["quoted"]).unique()).sort_values()
    return pd.DatetimeIndex(tables["signals"]["session"])


def _firsts(
    desk: SimulatedDesk, tables: Mapping[str, pd.DataFrame], days: pd.DatetimeIndex
) -> Sequence[date]:
    """Return the first days of what is hedged with one fit."""
    if isinstance(desk, ChainDesk):
        return [days[start].date() for start in window_starts(desk, days)]
    if isinstance(desk, ContractDesk):
        return [desk.windows.test_start]
    return first_days(tables["signals"])


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
