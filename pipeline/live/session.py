"""A stored day hedged again from its events: what it takes, how it went, and where the backtest differs."""

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.backtest.intraday_stream import FittedIntraday, stream_intraday
from pipeline.backtest.lane import hedge_lane
from pipeline.backtest.running_signals import RunningSignals
from pipeline.domain.desk import BPS
from pipeline.domain.errors import DataError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.features.book_close import opened_days
from pipeline.ingest.market_days import DAYS
from pipeline.ingest.pieces import KeptPieces
from pipeline.live.account import Account
from pipeline.live.checkpoints import Checkpoints
from pipeline.live.control import Control
from pipeline.live.desk_day import DeskDay
from pipeline.live.hedger import Decided, Hedger
from pipeline.live.journal import Journal
from pipeline.live.loop import hedge
from pipeline.live.order_path import OrderPath
from pipeline.live.paper import PaperGateway
from pipeline.live.recovery import recover
from pipeline.live.stored_feed import StoredFeed
from pipeline.policies.base import Policy
from pipeline.risk.overlay import Overlay
from pipeline.risk.state import Latch


@dataclass(frozen=True)
class Learned:
    """What a desk goes live with: models, the policy that gives the band, its constant cost, the version."""

    signals: FittedIntraday
    policy: Policy
    desk_cost: float
    model: str


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


@dataclass(frozen=True)
class Lived:
    """A day that was lived: its decisions, the account after it, the risk state, and whether it is over."""

    decided: Sequence[Decided]
    account: Account
    latch: Latch
    whole: bool


def stored_day(desk: IntradayDesk, stored: Stored, day: str) -> DeskDay:
    """Return a stored day, before its first event.

    Raises
    ------
    DataError
        There is no such day.
    """
    if day not in stored.days:
        raise DataError(f"replay:{day}: no such day: there are {', '.join(stored.days)}")
    features = stored.grid["features"]
    days = opened_days(stored.market[DAYS], stored.days, stored.pieces, desk.data.instrument)
    learned = stored.grid["event_parameters"].groupby("feature")["value"].agg(list)
    fitted = {str(name): values for name, values in learned.items()}
    tables = days[stored.days.index(day)]
    return DeskDay(desk, day, tables, fitted, features[features["day"] < day])


@asynccontextmanager
async def opened_path(
    desk: IntradayDesk, day: DeskDay, folder: Path
) -> AsyncIterator[tuple[OrderPath, PaperGateway]]:
    """Open journal and paper venue in a folder, and bring them in line."""
    folder.mkdir(parents=True, exist_ok=True)
    costs = {"fee": desk.costs.fee_bps * BPS, "fixed_fee": desk.costs.fixed_fee}
    with Journal(folder / "journal.db", desk.name, now=day.made.opened) as journal:
        gateway = PaperGateway(folder / "venue", day.latency, **costs)
        try:
            path = OrderPath(journal, gateway, now=lambda: day.made.opened)
            await recover(path, now=day.made.opened)
            yield path, gateway
        finally:
            await gateway.stop()


async def live_again(
    desk: IntradayDesk,
    learned: Learned,
    stored: Stored,
    day: DeskDay,
    folder: Path,
    speed: float = math.inf,
    controls: Sequence[Control] = (),
) -> Lived:
    """Hedge a stored day with a paper gateway; return what came of it.

    Parameters
    ----------
    desk : settings; its overlay holds.
    learned : the models, of before the day.
    stored : where the day lies.
    day : before its first event.
    folder : of journal and venue. What is in it goes on: what was sent is not sent again, a halt stays.
    speed : how many times as fast as it was; infinite is as fast as it goes.
    controls : stand beside the loop.
    """
    features, kept = stored.grid["features"], Kept()
    signals = RunningSignals(learned.signals, features[features["day"] < day.day], day.names)
    async with opened_path(desk, day, folder) as (path, gateway):
        overlay = Overlay(desk.overlay)
        hedger = Hedger(desk, signals, learned.policy, learned.desk_cost, overlay, path, learned.model)
        feed = StoredFeed(day.parts(), day.made.closed, speed)
        beside = [kept, Checkpoints(path.journal), *controls]
        whole = await hedge(feed, day, hedger, path, gateway, beside)
        return Lived(kept.decided, path.account, path.latch, whole)


class Kept(Control):
    """Keeps the decisions."""

    def __init__(self) -> None:
        self.decided: list[Decided] = []

    def after(self, decided: Decided, path: OrderPath) -> None:
        """Keep a decision."""
        self.decided.append(decided)


def differences(
    desk: IntradayDesk, learned: Learned, stored: Stored, day: str, decided: Sequence[Decided]
) -> pd.DataFrame:
    """Return the decisions before which the kernel held something else: `time`, `live`, `backtest`."""
    features = stored.grid["features"]
    told = stream_intraday(learned.signals, features[features["day"] <= day])
    told = told[told["day"] == day].reset_index(drop=True)
    fills = stored.grid["fills"][(features["day"] == day).to_numpy()].reset_index(drop=True)
    lane = hedge_lane(desk, told, fills, learned.policy, learned.desk_cost)
    live = np.array([each.position for each in decided])
    before = np.append(0.0, lane.position[:-1])
    off = np.abs(live - before) > 1e-9
    found = pd.DataFrame({"time": told["time"], "live": live, "backtest": before})
    different: pd.DataFrame = found[off]
    return different
