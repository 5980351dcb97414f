"""What a live desk does at one decision: signals, band, overlay, and the order that is left of it."""

from collections.abc import Sequence
from time import perf_counter_ns
from typing import Final, NamedTuple

import numpy as np

from pipeline.backtest.decision_signals import DecisionSignals
from pipeline.backtest.lane import Dealt, check_asked_alone
from pipeline.backtest.option_state import OptionStates
from pipeline.backtest.running_signals import RunningSignals
from pipeline.domain.instruments import FloatArray
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.option_state import OptionState
from pipeline.domain.orders import Order
from pipeline.domain.overlay_settings import Action
from pipeline.features.decision_row import DecisionRow
from pipeline.features.running_book import Quote
from pipeline.features.running_funding import PERPETUAL
from pipeline.live.carry import Carry
from pipeline.live.journal import Entry
from pipeline.live.learned import Learned
from pipeline.live.look import Held, Look, Looked
from pipeline.live.option_account import Worth
from pipeline.live.order_path import OrderPath
from pipeline.live.parents import Parents
from pipeline.live.past_account import PastAccount, held_before
from pipeline.live.permits import Permits
from pipeline.policies.base import Policy
from pipeline.risk.overlay import Judgement, Overlay
from pipeline.risk.situation import Situation
from pipeline.risk.state import RiskState

NOTHING: Final = np.empty(0)
MINUTE: Final = 60_000_000_000
DECIDES: Final = "decide"
"""Of a line of the audit about a decision."""
TIGHTER: Final = {Action.REDUCE: RiskState.REDUCING, Action.HALT: RiskState.HALTED}


class Decided(NamedTuple):
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
    value : of the open option at its mark, see `OptionState`; None where it is not known.
    told : the signals.
    names, numbers : the row that they were made of; empty where there was none.
    took : seconds from the turn of the loop in which it was due until its order had been sent.
    refresh : of these, those of the row, the quote and the signals.
    past : whether it was made before, or is made too late: nothing comes of it.
    carry : funding that was received so far, money.
    funding : what of it became known here: when it was settled, ns, and the rate.
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
    state: OptionState | None
    worth: Worth
    value: float | None
    told: DecisionSignals
    names: tuple[str, ...] = ()
    numbers: FloatArray = NOTHING
    took: float = 0.0
    refresh: float = 0.0
    past: bool = False
    carry: float = 0.0
    funding: Sequence[tuple[int, float]] = ()


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
    model : version of what was learned, for the audit; an attribute too.
    permits : of the orders beyond a soft limit; without, they are held and nobody is asked.
    since : until then, ns, it is too late for anything.

    Attributes
    ----------
    parents : works what is ordered until the next decision.
    since : until then, ns, nothing is sent or audited: it was decided before, or it is too late.

    Raises
    ------
    SettingsError
        As from `lane.check_asked_alone`.
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
        permits: Permits | None = None,
        since: int = 0,
    ) -> None:
        check_asked_alone(policy)
        self._desk, self._signals, self._policy = desk, signals, policy
        self._overlay, self._path, self.model, self._permits = overlay, path, model, permits
        self._name, self._instrument, self._size = desk.name, desk.data.instrument, desk.hedge.size
        audit = path.journal.entries()
        self._look = Look(desk, overlay, OptionStates(desk, desk_cost), policy, audit)
        step = 0.0 if desk.orders.at_once else desk.grid.step
        self.parents = Parents(desk.orders, path, step, desk.hedge.lot)
        sent = (each.order.decided for each in path.account.orders.values())
        audited = (each.at for each in audit if each.what == DECIDES)
        self.since = max(since, *sent, *audited, 0)
        kept = path.journal.orders(), path.journal.reports()
        self._past, self._carry = PastAccount(*kept), None
        if desk.hedge.instrument == PERPETUAL:
            self._carry = Carry(audit, held_before(*kept, self._instrument))

    def adopt(self, learned: Learned, signals: RunningSignals) -> None:
        """Decide from now on with other models; `signals` have seen all decisions until now.

        Raises
        ------
        SettingsError
            The policy cannot be asked by itself; what decided goes on.
        """
        check_asked_alone(learned.policy)
        self._look.adopt(OptionStates(self._desk, learned.desk_cost, learned.crossing), learned.policy)
        self._signals, self._policy, self.model = signals, learned.policy, learned.model

    def decide(self, row: DecisionRow, quote: Quote, today: int, began: int) -> Decided:
        """Decide once, and send what is left of the order, if that is not past.

        Parameters
        ----------
        row : features of the decision, those that `signals` was told the names of.
        quote : as it stands.
        today : decisions that are left until the close.
        began : when its turn and its row were begun, by `perf_counter_ns`.

        Raises
        ------
        JournalError
            Nothing more can be written down; the desk has halted.
        """
        told = self._signals.step(row)
        refreshed = perf_counter_ns()
        at, past = told.at, told.at <= self.since
        if not past:
            self.parents.replace()
        held = self._held(at, row.funding, told.mid, past)
        looked = self._look(told, quote, today, held)
        permits = None if past else self._permits
        judged = self._judged(at, looked, held, permits)
        order = None if past else self._order(at, judged)
        entry = None if past else self._audited(at, looked, order, judged, quote, held)
        if permits is not None:
            permits.settle(at, looked.asked, judged, looked.all().seen, self.model)
        if order is not None:
            self.parents.begin(order, entry, quote.bid, quote.ask)
        elif entry is not None:
            self._path.note(entry)
        took = perf_counter_ns() - began
        dealt, state, worth, seen = looked.all()
        return Decided(
            at=at,
            dealt=dealt,
            lower=self._size * looked.lower,
            upper=self._size * looked.upper,
            position=held.position,
            working=seen.working,
            asked=looked.asked,
            order=order,
            judged=judged,
            mid=told.mid,
            seen=seen,
            state=state,
            worth=worth,
            value=None if state is None else state.value,
            told=told,
            names=self._signals.names,
            numbers=row.numbers,
            took=1e-9 * took,
            refresh=1e-9 * (refreshed - began),
            past=past,
            carry=held.carry,
            funding=row.funding,
        )

    def _held(self, at: int, funding: Sequence[tuple[int, float]], mid: float, past: bool) -> Held:
        account, sent, name = self._path.account, self.parents.sent, self._instrument
        while sent and sent[0] <= at - MINUTE:
            sent.popleft()
        position, working = account.position(name), account.working
        expected = account.expected(name) if working else position
        resting = account.resting(name) if working else ()
        then = self._past.at(at) if past else account
        held, carry = then.position(name) if past else position, self._carry
        if carry is not None:
            for booked in carry.settle(at, held, mid, funding):
                self._path.note(booked.entry(at, self.model))
        money = 0.0 if carry is None else carry.money
        return Held(position, expected, held, then.cash, then.traded, money, resting, len(sent))

    def _judged(self, at: int, looked: Looked, held: Held, permits: Permits | None) -> Judgement:
        reducing = self._path.latch.state is RiskState.REDUCING
        if looked.clear and self._overlay.plain and not reducing and not held.resting:
            return Judgement(looked.asked)
        seen = looked.all().seen
        permitted = 0.0 if permits is None else permits.permitted(at, seen)
        return self._overlay.judge(looked.asked, seen, reducing, permitted)

    def _order(self, at: int, judged: Judgement) -> Order | None:
        halted = self._path.latch.state is RiskState.HALTED or judged.action is Action.HALT
        if halted or not judged.units:
            return None
        return Order(f"{self._name}-{at}", self._instrument, judged.units, None, at)

    def _audited(
        self, at: int, looked: Looked, order: Order | None, judged: Judgement, quote: Quote, held: Held
    ) -> Entry | None:
        """Turn the latch where a rule says so; return what is to be written down of a decision.

        That is every one that asks for something or breaks a rule.
        """
        if not (looked.asked or judged.rulings):
            return None
        for ruling in judged.rulings:
            if ruling.action in TIGHTER:
                self._path.turn(TIGHTER[ruling.action], ruling.rule, ruling.said)
        inputs = {
            "band": [self._size * looked.lower, self._size * looked.upper],
            "asked": looked.asked,
            "sent": 0.0 if order is None else order.quantity,
            "position": held.position,
            "bid": quote.bid,
            "ask": quote.ask,
            "delta": looked.delta,
        }
        rulings = judged.rulings
        why = "; ".join(f"{each.rule}: {each.said}" for each in rulings) if rulings else "band"
        return Entry(at, self._policy.name, DECIDES, why, inputs, self.model)
