"""What a live desk does at one decision: signals, band, overlay, and the order that is left of it."""

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.backtest.episodes import START_SPOT
from pipeline.backtest.intraday_state import intraday_state, missing_at
from pipeline.backtest.kernel import wanted
from pipeline.backtest.lane import Dealt, next_dealt
from pipeline.backtest.running_signals import RunningSignals
from pipeline.domain.errors import SettingsError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.market_state import MarketState
from pipeline.domain.orders import LEAST, Order
from pipeline.domain.overlay_settings import Action
from pipeline.live.journal import Entry
from pipeline.live.option_account import OptionAccount, Worth
from pipeline.live.order_path import OrderPath
from pipeline.policies.base import Policy, reads_position
from pipeline.policies.delta import DeltaImplied
from pipeline.risk.overlay import Judgement, Overlay
from pipeline.risk.situation import Situation
from pipeline.risk.state import RiskState

MINUTE: Final = 60_000_000_000
TIGHTER: Final = {Action.REDUCE: RiskState.REDUCING, Action.HALT: RiskState.HALTED}


@dataclass(frozen=True, slots=True)
class Quote:
    """The best prices at a decision, NaN where a side is empty, and the seconds since they were told."""

    bid: float
    ask: float
    age: float


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision, in units of the hedge.

    Attributes
    ----------
    at : ns since 1970 UTC.
    dealt : the option that is hedged; None where none is open.
    lower, upper : its band; infinite where nothing can be decided.
    position, working : held and out before it.
    asked : what the band asked for, signed.
    order : what was sent of it; None for nothing.
    judged : what the overlay said.
    mid : between the best prices.
    seen : what the overlay saw of the desk and its market.
    state : what the policy saw; None where nothing could be decided.
    worth : of the account, money.
    """

    at: int
    dealt: Dealt | None
    lower: float
    upper: float
    position: float
    working: float
    asked: float
    order: Order | None
    judged: Judgement
    mid: float
    seen: Situation
    state: MarketState | None
    worth: Worth


class Hedger:
    """A desk within the day in the middle of its decisions.

    Parameters
    ----------
    desk : settings.
    signals : what was learned, until the decision before the first.
    policy : that gives the band.
    desk_cost : the constant cost that the policy was fitted with, see `intraday_state.known_cost`.
    overlay : the desk's rules.
    path : the way to the market, recovered.
    model : version of what was learned, for the audit.

    Raises
    ------
    SettingsError
        The policy reads the desk's own state.
    """

    def __init__(
        self,
        desk: IntradayDesk,
        signals: RunningSignals,
        policy: Policy,
        desk_cost: float,
        overlay: Overlay,
        path: OrderPath,
        model: str = "",
    ) -> None:
        if reads_position(policy):
            raise SettingsError(
                f"policy {policy.name} reads the desk's own state: name another one to go live"
            )
        self._desk, self._signals, self._policy, self._desk_cost = desk, signals, policy, desk_cost
        self._overlay, self._path, self._model = overlay, path, model
        self._instrument = desk.data.instrument
        self._options = OptionAccount(desk)
        self._dealt: Dealt | None = None
        self._day, self._reference = "", np.nan
        self._sent: deque[int] = deque()
        self._since = max((each.order.decided for each in path.account.orders.values()), default=0)

    def decide(self, row: pd.DataFrame, quote: Quote, today: int) -> Decided:
        """Decide once, and send what is left of the order; until the newest order of the journal nothing is.

        Parameters
        ----------
        row : features of the decision, one row of the decision grid.
        quote : as it stands.
        today : decisions that are left until the close.

        Raises
        ------
        JournalError
            Nothing more can be written down; the desk has halted.
        """
        at, mid, day = int(row["time"].iloc[0].value), float(row["mid"].iloc[0]), str(row["day"].iloc[0])
        told = self._signals.step(row)
        known = not missing_at(told, 0)
        self._dealt = next_dealt(
            self._dealt if day == self._day else None, self._desk.option.steps, mid, known, today
        )
        state = self._state(told, mid) if known and self._dealt else None
        lower, upper, asked = self._asked(state)
        worth = self._worth(day, mid, state)
        seen = self._situation(at, quote, state, worth)
        reducing = self._path.latch.state is RiskState.REDUCING
        judged = self._overlay.judge(asked, seen, reducing)
        decided = Decided(
            at=at,
            dealt=self._dealt,
            lower=lower,
            upper=upper,
            position=seen.position,
            working=seen.working,
            asked=asked,
            order=self._order(at, judged),
            judged=judged,
            mid=mid,
            seen=seen,
            state=state,
            worth=worth,
        )
        self._audit(decided, seen)
        if decided.order is not None:
            self._path.send(decided.order)
            self._sent.append(at)
        self._day, self._reference = day, mid
        return decided

    def _state(self, told: pd.DataFrame, mid: float) -> MarketState:
        assert self._dealt is not None
        one, left = np.zeros((1, 1), dtype=np.int64), np.array([[self._dealt.left]])
        scale = np.array([[START_SPOT / self._dealt.mid]])
        return intraday_state(self._desk, told, one, left, scale * mid, self._desk_cost, scale)

    def _asked(self, state: MarketState | None) -> tuple[float, float, float]:
        """Return the band, flat where no option is open, and the order that it asks for, units."""
        size = self._desk.hedge.size
        held = self._path.account.expected(self._instrument) / size
        lower, upper, to_lower, to_upper, speed = self._edges(state)
        target = wanted(held, lower, upper, to_lower, to_upper, speed, self._desk.hedge.lot / size)
        trade = target - held if abs(target - held) > LEAST else 0.0
        return size * lower, size * upper, size * trade

    def _edges(self, state: MarketState | None) -> tuple[float, float, float, float, float]:
        if state is None:
            edge = np.inf if self._dealt else 0.0
            return -edge, edge, -edge, edge, 1.0
        band = self._policy.band(state).checked(self._policy.name)
        lower, upper, to_lower, to_upper, speed = (
            float(edge[0, 0, 0])
            for edge in (band.lower, band.upper, band.to_lower, band.to_upper, band.speed)
        )
        return lower, upper, to_lower, to_upper, speed

    def _worth(self, day: str, mid: float, state: MarketState | None) -> Worth:
        account = self._path.account
        hedge = account.cash + account.position(self._instrument) * mid
        return self._options.mark(day, mid, self._dealt, state, hedge, account.traded)

    def _situation(self, at: int, quote: Quote, state: MarketState | None, worth: Worth) -> Situation:
        account, size = self._path.account, self._desk.hedge.size
        position = account.position(self._instrument)
        while self._sent and self._sent[0] <= at - MINUTE:
            self._sent.popleft()
        width = 1.0 if state is None else float((state.forecast_vol_upper / state.forecast_vol_lower)[0, 0])
        delta = 0.0 if state is None else size * float(DeltaImplied().band(state).lower[0, 0, 0])
        return Situation(
            instrument=self._instrument,
            position=position,
            working=account.expected(self._instrument) - position,
            bid=quote.bid,
            ask=quote.ask,
            age=quote.age,
            reference=self._reference,
            resting=account.resting(self._instrument),
            delta=delta,
            orders=len(self._sent),
            turnover=worth.turnover,
            loss=worth.loss,
            drawdown=worth.drawdown,
            outside=self._signals.outside,
            interval_ratio=width,
        )

    def _order(self, at: int, judged: Judgement) -> Order | None:
        halted = self._path.latch.state is RiskState.HALTED or judged.action is Action.HALT
        if halted or not judged.units or at <= self._since:
            return None
        return Order(f"{self._desk.name}-{at}", self._instrument, judged.units, decided=at)

    def _audit(self, decided: Decided, seen: Situation) -> None:
        """Write down every decision that asks for something or breaks a rule, and turn the latch."""
        judged = decided.judged
        for ruling in judged.rulings if decided.at > self._since else ():
            if ruling.action in TIGHTER:
                self._path.turn(TIGHTER[ruling.action], ruling.rule, ruling.said)
        if decided.at > self._since and (decided.asked or judged.rulings):
            inputs: dict[str, Any] = {
                "band": [decided.lower, decided.upper],
                "asked": decided.asked,
                "sent": 0.0 if decided.order is None else decided.order.quantity,
                "position": seen.position,
                "bid": seen.bid,
                "ask": seen.ask,
                "delta": seen.delta,
            }
            why = "; ".join(f"{each.rule}: {each.said}" for each in judged.rulings) or "band"
            self._path.journal.audit(Entry(decided.at, self._policy.name, "decide", why, inputs, self._model))
