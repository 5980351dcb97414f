"""What a live desk does at one decision: signals, band, overlay, and the order that is left of it."""

from time import perf_counter_ns
from typing import Final, NamedTuple

import numpy as np

from pipeline.backtest.decision_signals import DecisionSignals
from pipeline.backtest.kernel import wanted
from pipeline.backtest.lane import Dealt, next_dealt
from pipeline.backtest.option_state import OptionStates
from pipeline.backtest.running_signals import RunningSignals
from pipeline.domain.edges import Edges
from pipeline.domain.errors import SettingsError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.option_state import OptionState
from pipeline.domain.orders import LEAST, Order
from pipeline.domain.overlay_settings import Action
from pipeline.features.decision_row import DecisionRow
from pipeline.features.running_book import Quote
from pipeline.features.running_funding import PERPETUAL
from pipeline.live.carry import Carry
from pipeline.live.journal import Entry
from pipeline.live.learned import Learned
from pipeline.live.option_account import OptionAccount, Worth
from pipeline.live.order_path import OrderPath
from pipeline.live.parents import Parents
from pipeline.live.past_account import PastAccount
from pipeline.live.permits import Permits
from pipeline.policies.base import Policy, reads_position
from pipeline.policies.one_option import answer_of
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
    refresh : of these, those of the row and its signals.
    past : whether it was made before, or is made too late: nothing comes of it.
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
        permits: Permits | None = None,
        since: int = 0,
    ) -> None:
        _check(policy)
        self._desk, self._signals, self._policy = desk, signals, policy
        self._overlay, self._path, self.model, self._permits = overlay, path, model, permits
        self._name, self._lot = desk.name, desk.hedge.lot / desk.hedge.size
        self._instrument, self._size, self._life = desk.data.instrument, desk.hedge.size, desk.option.steps
        self._states = OptionStates(desk, desk_cost)
        self._answer = answer_of(policy, self._states.liability)
        wanted(0.0, *Edges.between(0.0, 0.0), 0.0)  # compiled here, not at the first decision
        self._options = OptionAccount(desk, audit := path.journal.entries())
        self._carry = Carry() if desk.hedge.instrument == PERPETUAL else None
        self._dealt: Dealt | None = None
        self._day, self._reference = "", np.nan
        step = 0.0 if desk.orders.at_once else desk.grid.step
        self.parents = Parents(desk.orders, path, step, desk.hedge.lot)
        sent = (each.order.decided for each in path.account.orders.values())
        audited = (each.at for each in audit if each.what == DECIDES)
        self.since = max(since, *sent, *audited, 0)
        self._past = PastAccount(path.journal.orders(), path.journal.reports())

    def adopt(self, learned: Learned, signals: RunningSignals) -> None:
        """Decide from now on with other models; `signals` have seen all decisions until now.

        Raises
        ------
        SettingsError
            The policy reads the desk's own state; what decided goes on.
        """
        _check(learned.policy)
        answer = answer_of(learned.policy, self._states.liability)
        self._states, self._answer = OptionStates(self._desk, learned.desk_cost, learned.crossing), answer
        self._signals, self._policy, self.model = signals, learned.policy, learned.model

    def decide(self, row: DecisionRow, quote: Quote, today: int, began: int, fresh: int) -> Decided:
        """Decide once, and send what is left of the order, if that is not past.

        Parameters
        ----------
        row : features of the decision, those that `signals` was told the names of.
        quote : as it stands.
        today : decisions that are left until the close.
        began, fresh : when its turn and its row were begun, by `perf_counter_ns`.

        Raises
        ------
        JournalError
            Nothing more can be written down; the desk has halted.
        """
        told = self._signals.step(row)
        refreshed = perf_counter_ns()
        at, mid, day, known = told.at, told.mid, told.day, told.known
        past = at <= self.since
        if not past:
            self.parents.replace()
        self._dealt = next_dealt(self._dealt if day == self._day else None, self._life, mid, known, today)
        state = self._states(told, self._dealt) if known and self._dealt else None
        value, delta = (None, 0.0) if state is None else (state.value, -self._size * state.delta)
        account = self._path.account
        position, expected = account.position(self._instrument), account.expected(self._instrument)
        edges = self._edges(state)
        asked = self._asked(expected / self._size, edges)
        then = self._past.at(at) if past else account
        held = then.position(self._instrument)
        if self._carry is not None:
            self._carry.settle(row.funding, held, mid)
        hedge = then.cash + held * mid + (0.0 if self._carry is None else self._carry.money)
        worth = self._options.mark(day, mid, self._dealt, value, hedge, then.traded)
        seen = self._situation(at, quote, position, expected - position, delta, told, state, worth)
        reducing = self._path.latch.state is RiskState.REDUCING
        permits = None if past else self._permits
        permitted = 0.0 if permits is None else permits.permitted(at, seen)
        judged = self._overlay.judge(asked, seen, reducing, permitted)
        order = None if past else self._order(at, judged)
        entry = None if past else self._audited(at, edges, asked, order, judged, seen)
        if permits is not None:
            permits.settle(at, asked, judged, seen, self.model)
        if order is not None:
            self.parents.begin(order, entry, quote.bid, quote.ask)
        elif entry is not None:
            self._path.note(entry)
        took = perf_counter_ns() - began
        self._day, self._reference = day, mid
        return Decided(
            at=at,
            dealt=self._dealt,
            lower=self._size * edges.lower,
            upper=self._size * edges.upper,
            position=position,
            working=seen.working,
            asked=asked,
            order=order,
            judged=judged,
            mid=mid,
            seen=seen,
            state=state,
            worth=worth,
            value=value,
            told=told,
            names=self._signals.names,
            numbers=row.numbers,
            took=1e-9 * took,
            refresh=1e-9 * (refreshed - fresh),
            past=past,
        )

    def _asked(self, held: float, edges: Edges) -> float:
        """Return the order that a band asks for, units."""
        target = wanted(held, *edges, self._lot)
        return self._size * (target - held) if abs(target - held) > LEAST else 0.0

    def _edges(self, state: OptionState | None) -> Edges:
        """Return the band; at zero where no option is open, without end where one cannot be decided on."""
        if state is not None:
            return self._answer(state)
        edge = np.inf if self._dealt else 0.0
        return Edges.between(-edge, edge)

    def _situation(
        self,
        at: int,
        quote: Quote,
        position: float,
        working: float,
        delta: float,
        told: DecisionSignals,
        state: OptionState | None,
        worth: Worth,
    ) -> Situation:
        sent, account = self.parents.sent, self._path.account
        while sent and sent[0] <= at - MINUTE:
            sent.popleft()
        resting = account.resting(self._instrument) if account.working else ()
        width = 1.0 if state is None else state.forecast_vol_upper / state.forecast_vol_lower
        day = (worth.turnover, worth.loss, worth.drawdown)
        market = (*quote, self._reference, resting)
        return Situation(
            self._instrument, position, working, *market, delta, len(sent), *day, told.outside, width
        )

    def _order(self, at: int, judged: Judgement) -> Order | None:
        halted = self._path.latch.state is RiskState.HALTED or judged.action is Action.HALT
        if halted or not judged.units:
            return None
        return Order(f"{self._name}-{at}", self._instrument, judged.units, decided=at)

    def _audited(
        self, at: int, edges: Edges, asked: float, order: Order | None, judged: Judgement, seen: Situation
    ) -> Entry | None:
        """Turn the latch where a rule says so; return what is to be written down of a decision.

        That is every one that asks for something or breaks a rule.
        """
        if not (asked or judged.rulings):
            return None
        for ruling in judged.rulings:
            if ruling.action in TIGHTER:
                self._path.turn(TIGHTER[ruling.action], ruling.rule, ruling.said)
        inputs = {
            "band": [self._size * edges.lower, self._size * edges.upper],
            "asked": asked,
            "sent": 0.0 if order is None else order.quantity,
            "position": seen.position,
            "bid": seen.bid,
            "ask": seen.ask,
            "delta": seen.delta,
        }
        why = "; ".join(f"{each.rule}: {each.said}" for each in judged.rulings) or "band"
        return Entry(at, self._policy.name, DECIDES, why, inputs, self.model)


def _check(policy: Policy) -> None:
    if reads_position(policy):
        raise SettingsError(f"policy {policy.name} reads the desk's own state: name another one to go live")
