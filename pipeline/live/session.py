"""A desk that lives through days: what it takes, how it went, and where a stored day's backtest differs."""

import math
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import numpy as np
import pandas as pd

from pipeline.backtest.intraday_stream import stream_intraday
from pipeline.backtest.lane import hedge_lane
from pipeline.backtest.running_signals import RunningSignals
from pipeline.domain.errors import DataError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.features.beside import Beside
from pipeline.features.book_close import opened_days
from pipeline.features.grid_beside import grid_beside
from pipeline.features.running_beside import RunningBeside
from pipeline.ingest.market_days import DAYS
from pipeline.ingest.pieces import KeptPieces
from pipeline.live.account import Account
from pipeline.live.adopting import Adopting, ModelSource
from pipeline.live.approvals import Approvals, Nobody
from pipeline.live.checkpoints import Checkpoints
from pipeline.live.control import Control
from pipeline.live.desk_day import DeskDay
from pipeline.live.feed import Feed
from pipeline.live.gateways import Books, Open
from pipeline.live.hedger import Decided, Hedger
from pipeline.live.journal import Journal
from pipeline.live.journal_place import JOURNAL
from pipeline.live.learned import Learned
from pipeline.live.loop import hedge
from pipeline.live.order_path import OrderPath
from pipeline.live.paper import Latency
from pipeline.live.permits import Permits
from pipeline.live.played import Played
from pipeline.live.recovery import recover
from pipeline.live.stored_feed import StoredFeed
from pipeline.live.worth_kept import WorthKept
from pipeline.risk.overlay import Overlay
from pipeline.risk.state import Latch

NOBODY = Nobody("nobody is there to ask")


@dataclass(frozen=True)
class Stored:
    """The stored market of a desk: the tables of `market_days` and `decision_features`, and their pieces."""

    market: Mapping[str, pd.DataFrame]
    grid: Mapping[str, pd.DataFrame]
    pieces: KeptPieces

    @property
    def days(self) -> list[str]:
        """The days of the decision grid, in order."""
        return list(self.grid["features"]["day"].unique())

    @property
    def fitted(self) -> dict[str, list[float]]:
        """Parameters of the features that are learned."""
        learned = self.grid["event_parameters"].groupby("feature")["value"].agg(list)
        return {str(name): values for name, values in learned.items()}

    def before(self, day: str, begins: int = 0) -> pd.DataFrame:
        """Return the decision grid of the days before one, and of that one until it `begins`, ns."""
        features = self.grid["features"]
        return features[(features["day"] < day) | (features["time"] < pd.Timestamp(begins, tz="UTC"))]

    def beside(self, desk: IntradayDesk) -> list[Beside]:
        """Return the features of a desk's records."""
        return grid_beside(desk, self.market, self.days, self.pieces.shelf)


@dataclass(frozen=True)
class Lived:
    """What came of living: how much was decided, the account after it, and the risk state.

    Attributes
    ----------
    decisions, orders : how many there were, and how many orders were sent.
    rules : how often each rule of the overlay was broken.
    whole : whether the feed ended, and not the process.
    """

    decisions: int
    orders: int
    rules: Mapping[str, int]
    account: Account
    latch: Latch
    whole: bool


class Tally(Control):
    """Counts decisions, orders and the rules that were broken."""

    def __init__(self) -> None:
        self.decisions = self.orders = 0
        self.rules: Counter[str] = Counter()

    def after(self, decided: Decided, path: OrderPath) -> None:
        """Count a decision."""
        self.decisions += 1
        self.orders += decided.order is not None
        self.rules.update(ruling.rule for ruling in decided.judged.rulings)


def stored_day(
    desk: IntradayDesk, stored: Stored, day: str, learned: Learned, routed: bool = False
) -> DeskDay:
    """Return a stored day before its first event; it begins after the decisions that `learned` learned from.

    `routed` as of `DeskDay`.

    Raises
    ------
    DataError
        There is no such day, or none of a second venue that is asked for, or `learned` has learned from
        all of it or from a later one.
    """
    if day not in stored.days:
        raise DataError(f"replay:{day}: no such day: there are {', '.join(stored.days)}")
    grid = stored.grid["features"]
    times = grid.loc[grid["day"] == day, "time"]
    if seen := learned.learned_from(times.max()):
        raise DataError(f"replay:{day}: {seen}: live a day from then on again")
    first = next(time for time in times if not learned.learned_from(time))
    begins = 0 if first == times.min() else int(first.value)
    days = opened_days(stored.market[DAYS], stored.days, stored.pieces, desk.data.instrument)
    tables, before = days[stored.days.index(day)], stored.before(day, begins)
    features = stored.beside(desk)
    beside = RunningBeside(features, before) if features else None
    return DeskDay(desk, day, tables, stored.fitted, before, beside, routed, begins)


@dataclass(frozen=True)
class Start:
    """Models, the decision grid until the first decision, and the names of the numbers of a row."""

    learned: Learned
    before: pd.DataFrame
    names: Sequence[str]


@dataclass(frozen=True)
class Newer:
    """Where newer models come from, who is told of them, and who of those that are not taken."""

    source: ModelSource
    adopted: Sequence[Callable[[Learned], None]]
    say: Callable[[str], None]


@dataclass(frozen=True)
class Market:
    """Days with their feeds, how long orders travel, books, the clock, and until when nothing is sent, ns."""

    days: Iterable[tuple[DeskDay, Feed]]
    latency: Latency
    books: Books
    now: Callable[[], int]
    since: int = 0


async def live_again(
    desk: IntradayDesk,
    learned: Learned,
    stored: Stored,
    day: DeskDay,
    folder: Path,
    gateway: Open,
    speed: float = math.inf,
    controls: Sequence[Control] = (),
    approvals: Approvals = NOBODY,
    newer: Newer | None = None,
) -> Lived:
    """Hedge a stored day; return what came of it.

    Parameters
    ----------
    desk : settings; its overlay holds.
    learned : the models, of before the day begins.
    stored : where the day lies.
    day : before its first event.
    folder : of journal and gateway. What is in it goes on: what was sent is not sent again, a halt stays.
    gateway : opens the way to the market.
    speed : how many times as fast as it was; infinite is as fast as it goes.
    controls : stand beside the loop.
    approvals : where people are asked about orders beyond a soft limit.
    newer : where newer models come from.
    """
    days = [(day, StoredFeed(day.parts(), day.made.opened, day.made.closed, speed))]
    market = Market(days, day.latency, day.books, lambda: day.now, since=day.begins - 1)
    start = Start(learned, stored.before(day.day, day.begins), day.names)
    return await live_through(desk, start, market, folder, gateway, controls, approvals, newer)


async def live_through(
    desk: IntradayDesk,
    start: Start,
    market: Market,
    folder: Path,
    gateway: Open,
    controls: Sequence[Control],
    approvals: Approvals = NOBODY,
    newer: Newer | None = None,
) -> Lived:
    """Hedge through the days of a market; see `live_again`."""
    learned = start.learned
    policy, cost = learned.policy, learned.desk_cost
    signals = RunningSignals(learned.signals, start.before, start.names)
    async with opened_path(desk, market, folder, gateway) as (path, played):
        rules = desk.overlay
        named = f"{desk.name}-{token_hex(3)}"  # a day that is lived anew asks anew
        permits = Permits(rules.approval, path, approvals, named) if rules.asks else None
        hedger = Hedger(
            desk, signals, policy, cost, Overlay(rules), path, learned.model, permits, market.since
        )
        beside = [tally := Tally(), Checkpoints(path.journal), WorthKept(), *controls]
        if newer is not None:
            beside.append(Adopting(newer.source, hedger, start.before, folder, newer.adopted, newer.say))
        whole = await hedge(market.days, hedger, path, played, beside)
        return Lived(tally.decisions, tally.orders, tally.rules, path.account, path.latch, whole)


@asynccontextmanager
async def opened_path(
    desk: IntradayDesk, market: Market, folder: Path, gateway: Open
) -> AsyncIterator[tuple[OrderPath, Played]]:
    """Open journal and gateway in a folder, and bring them in line."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        Journal(folder / JOURNAL, desk.name, now=market.now()) as journal,
        gateway(folder, market.latency, market.books) as opened,
    ):
        try:
            path = OrderPath(journal, opened.gateway, now=market.now)
            await recover(path, now=market.now())
            yield path, opened.played
        finally:
            await opened.gateway.stop()


def differences(
    desk: IntradayDesk, learned: Learned, stored: Stored, day: str, decided: Sequence[Decided]
) -> pd.DataFrame:
    """Return the decisions before which the kernel held something else: `time`, `live`, `backtest`."""
    features = stored.grid["features"]
    told = stream_intraday(learned.signals, features[features["day"] <= day])
    told = told[told["day"] == day].reset_index(drop=True)
    fills = stored.grid["fills"][features["time"].isin(told["time"]).to_numpy()].reset_index(drop=True)
    lane = hedge_lane(desk, told, fills, learned.policy, learned.desk_cost)
    live = np.array([each.position for each in decided])
    before = np.append(0.0, lane.position[:-1])
    off = np.abs(live - before) > 1e-9
    found = pd.DataFrame({"time": told["time"], "live": live, "backtest": before})
    different: pd.DataFrame = found[off]
    return different
