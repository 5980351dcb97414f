"""The cost–risk frontier: every hedger fitted and tested again at several risk aversions.

Hedging the same episodes fifteen times costs little more than a few times when nothing is done twice: Greeks
are computed once, a policy that never looks at the risk aversion is hedged once for all of them, one that
is tuned is scored anew on the P&L that is there already, and policies that act alike are hedged and scored
once.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from pipeline.backtest.episodes import Episodes
from pipeline.backtest.folds import Fold, carried, judged, mean_return, offset
from pipeline.backtest.ledger import book
from pipeline.backtest.stepping import band_along
from pipeline.domain.desk import Desk
from pipeline.domain.instruments import FloatArray
from pipeline.domain.risk_measures import cvar, measure
from pipeline.policies.base import Policy, Score, Training, acting
from pipeline.policies.remembering import Memory, RememberingState

SPAN = 10.0
BPS_PER_UNIT = 100.0
TAIL_LEVEL = 0.95
COLUMNS = (
    "policy", "aversion", "pnl_mean_bps", "pnl_sd_bps", "cvar95_bps", "risk_bps", "cost_bps", "trades",
    "moves",
)  # fmt: skip


def aversions(desk: Desk, count: int) -> FloatArray:
    """Return `count` risk aversions, evenly spaced in logarithms around the desk's own, a tenth to ten times.

    An odd count has the desk's own in its middle.

    Examples
    --------
    >>> aversions(Desk(name="x", policies={"run": ()}), 3)
    array([ 0.1,  1. , 10. ])
    """
    steps = np.linspace(-1.0, 1.0, count)
    return np.asarray(desk.risk.aversion * SPAN**steps)


def frontier(
    desk: Desk,
    episodes: Episodes,
    folds: Sequence[Fold],
    policies: Mapping[int, Mapping[str, Policy]],
    grid: FloatArray,
    workers: int = 2,
) -> pd.DataFrame:
    """Return what every policy makes of the test episodes at each risk aversion of `grid` [G].

    At each aversion the desk is another one: its bands are wider or narrower, and what is tuned is tuned
    again, on training episodes only, for the desk's measure at that aversion. The row at the desk's own
    aversion is what `run_backtest` finds.

    Parameters
    ----------
    policies : the unfitted policies by window and name.

    Returns
    -------
    One row a policy and aversion, of all test episodes at the desk's own delay: `pnl_mean_bps`,
    `pnl_sd_bps`, `cvar95_bps`, `risk_bps` (the desk's measure at that aversion), `cost_bps`, `trades`, and
    `moves`: whether the aversion changes what the policy does anywhere.
    """
    if len(grid) == 0:
        return pd.DataFrame(columns=list(COLUMNS))
    names = tuple(policies[folds[0].window])
    jobs = [(name, float(aversion)) for name in names for aversion in grid]
    made: list[list[Outcome]] = []
    with ThreadPoolExecutor(workers) as pool:
        for fold in folds:
            hedged, own = HedgedFold(desk, episodes, fold), policies[fold.window]
            made.append(list(pool.map(lambda job: hedged.tested(own[job[0]], job[1]), jobs)))  # noqa: B023
    found = dict(zip(jobs, map(Outcome.joined, zip(*made, strict=True)), strict=True))
    first = {name: found[name, float(grid[0])].pnl for name in names}
    moves = {name: any(not np.array_equal(found[name, a].pnl, first[name]) for a in grid) for name in names}
    rows = [
        (name, aversion, *_figures(outcome, desk_at(desk, aversion)), moves[name])
        for (name, aversion), outcome in found.items()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def desk_at(desk: Desk, aversion: float) -> Desk:
    """Return the desk with another risk aversion."""
    return desk.model_copy(update={"risk": desk.risk.model_copy(update={"aversion": aversion})})


@dataclass(frozen=True)
class Outcome:
    """What N hedged episodes came to: money, Σ position × price (for a drift to be taken out), trades."""

    pnl: FloatArray
    carried: FloatArray
    cost: FloatArray
    trades: FloatArray

    @classmethod
    def joined(cls, parts: Sequence["Outcome"]) -> "Outcome":
        """Return the episodes of several outcomes, one after the other."""
        return cls(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(cls)))


class HedgedFold:
    """Outcomes of policies on the training and the test episodes of one fold, each hedged once."""

    def __init__(self, desk: Desk, episodes: Episodes, fold: Fold) -> None:
        self._desk = desk
        self._drift = mean_return(episodes.market, fold.training)
        self._neutral = offset(episodes.state.episodes(fold.training))
        rows = {"training": fold.training, "test": fold.test}
        self._states = {part: episodes.state.episodes(chosen) for part, chosen in rows.items()}
        self._markets = {part: episodes.market.episodes(chosen) for part, chosen in rows.items()}
        self._memories = {part: Memory() for part in rows}
        self._known: dict[Any, Outcome] = {}
        self._scores: dict[Any, Score] = {}

    def tested(self, policy: Policy, aversion: float) -> Outcome:
        """Fit a policy at one aversion and return what it makes of the test episodes."""
        desk = desk_at(self._desk, aversion)
        training = Training(self._state("training", aversion), self.scorer(desk), desk.policies.budget)
        return self._outcome(policy.fit(training), "test", aversion)

    def scorer(self, desk: Desk) -> Callable[[Policy], Score]:
        """Return the score of `folds.scorer`, from outcomes that are kept."""

        def score(policy: Policy) -> Score:
            key = acting(policy), desk.risk
            if key not in self._scores:
                made = self._outcome(policy, "training", desk.risk.aversion)
                self._scores[key] = judged(desk, made.pnl - self._drift * (made.carried - self._neutral))
            return self._scores[key]

        return score

    def _state(self, part: str, aversion: float) -> RememberingState:
        return RememberingState.of(self._states[part], aversion, self._memories[part])

    def _outcome(self, policy: Policy, part: str, aversion: float) -> Outcome:
        acts = acting(policy)
        for key in ((acts, part), (acts, part, aversion)):
            if key in self._known:
                return self._known[key]
        state, market = self._state(part, aversion), self._markets[part]
        delay = self._desk.hedge.delay_sessions
        ledger = book(market, band_along(policy, state, market, delay, self._desk.limits), delay)
        made = Outcome(ledger.pnl, carried(ledger, market), ledger.cost, ledger.trades)
        self._known[(acts, part, aversion) if state.read else (acts, part)] = made
        return made


def _figures(made: Outcome, desk: Desk) -> tuple[float, ...]:
    money = (
        made.pnl.mean(),
        made.pnl.std(),
        cvar(made.pnl, TAIL_LEVEL),
        measure(made.pnl, desk.risk),
        made.cost.mean(),
    )
    return (*(BPS_PER_UNIT * float(value) for value in money), float(made.trades.mean()))
