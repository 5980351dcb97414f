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
from pipeline.live.grounds import DECIDES, SENT, in_words
from pipeline.live.learned import Learned
from pipeline.live.look import Held, Look
from pipeline.live.option_account import Worth
from pipeline.live.order_path import OrderPath
from pipeline.live.parents import Parents
from pipeline.live.past_account import PastAccount, held_before
from pipeline.live.permits import Permits
from pipeline.policies.base import Policy
from pipeline.risk.overlay import Judgement, Overlay, Ruling
from pipeline.risk.situation import Situation
from pipeline.risk.state import ACTIVE, HALTED, REDUCING

NOTHING: Final = np.empty(0)
MINUTE: Final = 60_000_000_000
TIGHTER: Final = {Action.REDUCE: REDUCING, Action.HALT: HALTED}


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
        self._name, self._instrument = desk.name, desk.data.instrument
        audit = path.journal.entries()
        self._look = Look(desk, overlay, OptionStates(desk, desk_cost), policy, audit)
        self._at_once = desk.orders.at_once
        step = 0.0 if self._at_once else desk.grid.step
        self.parents = Parents(desk.orders, path, step, desk.hedge.lot)
        self._words = self._in_words("band")
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
        self._words = self._in_words("band")

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
        if not past and (self._path.account.working or not self._at_once):
            self.parents.replace()
        held = self._held(at, row.funding, told.mid, past)
        asked, clear = self._look(told, quote, today, held)
        judged = None
        if not clear or held.resting or self._path.latch.state is not ACTIVE:
            judged = self._judged(at, asked, past)
        order = None if past else self._act(at, asked, judged, quote)
        took = perf_counter_ns() - began
        lower, upper, dealt, state, worth, seen = self._look.seen()
        return Decided(
            at=at,
            dealt=dealt,
            lower=lower,
            upper=upper,
            position=held.position,
            working=seen.working,
            asked=asked,
            order=order,
            judged=Judgement(asked) if judged is None else judged,
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
        account, sent, name = self._path.account, self._path.sent, self._instrument
        while sent and sent[0] <= at - MINUTE:
            sent.popleft()
        position, working = account.positions.get(name, 0.0), account.working
        expected = account.expected(name) if working else position
        resting = account.resting(name) if working else ()
        then = self._past.at(at) if past else account
        held, carry = then.position(name) if past else position, self._carry
        if carry is not None:
            for booked in carry.settle(at, held, mid, funding):
                self._path.note(booked.entry(at, self.model))
        money = 0.0 if carry is None else carry.money
        numbers = (position, expected, held, then.cash, then.traded, money, len(sent), resting)
        return tuple.__new__(Held, numbers)

    def _judged(self, at: int, asked: float, past: bool) -> Judgement:
        """Return what the overlay says of an order that is not clear."""
        seen, reducing, permits = self._look.seen().seen, self._path.latch.state is REDUCING, self._permits
        if permits is None or past:
            return self._overlay.judge(asked, seen, reducing)
        judged = self._overlay.judge(asked, seen, reducing, permits.permitted(at, seen))
        permits.settle(at, asked, judged, seen, self.model)
        return judged

    def _act(self, at: int, asked: float, judged: Judgement | None, quote: Quote) -> Order | None:
        """Send what is left of an order, or write down that nothing is; return it."""
        units, words, path = asked, self._words, self._path
        if judged is not None:
            units, rulings, _ = judged
            if path.latch.state is HALTED or (rulings and judged.action is Action.HALT):
                units = 0.0
            words = self._words_of(rulings) if rulings else words
            self._look.numbers[SENT] = units or 0.0
        why = self._look.grounds.tobytes() + words
        if not units:
            path.note(why)
            return None
        order = Order(f"{self._name}-{at}", self._instrument, units, None, at)
        if self._at_once:
            path.send(order, why)
        else:
            self.parents.begin(order, why, quote.bid, quote.ask)
        return order

    def _words_of(self, rulings: Sequence[Ruling]) -> bytes:
        """Return the words of a decision that breaks rules, and turn the latch where one says so."""
        for ruling in rulings:
            if ruling.action in TIGHTER:
                self._path.turn(TIGHTER[ruling.action], ruling.rule, ruling.said)
        return self._in_words("; ".join(f"{each.rule}: {each.said}" for each in rulings))

    def _in_words(self, why: str) -> bytes:
        return in_words(self._name, self._instrument, self._policy.name, why, self.model)
