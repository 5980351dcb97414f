"""What a desk sees at a decision and wants of it: option, band, order, the account and the risk.

For a policy whose band is compiled all of it is one compiled call; for others the parts are asked one by one.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from pipeline.backtest.decision_signals import DecisionSignals
from pipeline.backtest.lane import Dealt, next_dealt
from pipeline.backtest.option_state import OptionStates
from pipeline.backtest.wanted import wanted
from pipeline.domain.edges import Edges
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.option_state import OptionState
from pipeline.domain.orders import LEAST
from pipeline.features.running_book import Quote
from pipeline.live.journal import Entry
from pipeline.live.one_call import ANY, OUT, one_call, ratio
from pipeline.live.option_account import OptionAccount, Worth
from pipeline.policies.base import Policy
from pipeline.policies.one_option import CompiledAnswer, answer_of
from pipeline.risk.overlay import Overlay
from pipeline.risk.situation import Situation


class Held(NamedTuple):
    """What a desk holds at a decision, units and money.

    Attributes
    ----------
    position, expected : held, and held once all that works is filled.
    then, cash, traded : held, and the money of its fills, at the time of the decision: of one that is past
        less than now.
    carry : funding that was received.
    resting : of `Situation`.
    orders : sent in the last minute.
    """

    position: float
    expected: float
    then: float
    cash: float
    traded: float
    carry: float
    resting: tuple[tuple[float, float], ...]
    orders: int


class Seen(NamedTuple):
    """What is seen at a decision, see `hedger.Decided`."""

    dealt: Dealt | None
    state: OptionState | None
    worth: Worth
    seen: Situation


class Looked(NamedTuple):
    """What a decision wants.

    Attributes
    ----------
    lower, upper : the band, in units of the state.
    asked, delta : the order, and what would offset the option's delta, units.
    clear : whether the order breaks no rule; False where the overlay has to be asked.
    all : gives what was seen, which an order that is clear need not wait for; until the next decision.
    """

    lower: float
    upper: float
    asked: float
    delta: float
    clear: bool
    all: Callable[[], Seen]


class Look:
    """A desk in the middle of its decisions: the option that is open, and what the account is worth.

    Parameters
    ----------
    desk : settings.
    overlay : its rules.
    states, policy : what is seen of the option, and who answers with a band, both until `adopt`.
    audit : of the journal, see `OptionAccount`.
    """

    def __init__(
        self,
        desk: IntradayDesk,
        overlay: Overlay,
        states: OptionStates,
        policy: Policy,
        audit: Iterable[Entry] = (),
    ) -> None:
        self._instrument, self._size, self._life = desk.data.instrument, desk.hedge.size, desk.option.steps
        self._lot, self._fee = desk.hedge.lot / desk.hedge.size, desk.costs.fixed_fee
        self._overlay, self._options = overlay, OptionAccount(desk, audit)
        self._dealt: Dealt | None = None
        self._day, self._reference = "", np.nan
        self._out, self._given = np.empty(OUT), tuple[np.ndarray, ...]()
        wanted(0.0, *Edges.between(0.0, 0.0), 0.0)  # compiled here, not at the first decision
        self.adopt(states, policy)

    def adopt(self, states: OptionStates, policy: Policy) -> None:
        """Go on with other models."""
        answer, compiled, given = answer_of(policy, states.liability), None, self._given
        if isinstance(answer, CompiledAnswer) and not self._fee:
            desk = (self._size, self._lot, self._life, states.aversion, states.desk_cost)
            terms = np.array((*desk, *states.terms), dtype=np.float64)
            given = (terms, self._options.terms, self._overlay.limit, self._out, *answer.given)
            compiled = one_call(answer.band)
            compiled(*ANY, self._options.own.copy(), *given)  # compiled here
        self._states, self._answer, self._compiled, self._given = states, answer, compiled, given

    def __call__(self, told: DecisionSignals, quote: Quote, today: int, held: Held) -> Looked:
        """Return what is seen and wanted at the next decision.

        Parameters
        ----------
        told, quote : the signals, and the best prices.
        today : decisions that are left until the close.
        held : by the desk.

        Raises
        ------
        PolicyError
            There is no band.
        """
        before = self._dealt if told.day == self._day else None
        look = self._by_parts if self._compiled is None else self._at_once
        looked = look(before, told, quote, today, held)
        self._day, self._reference = told.day, told.mid
        return looked

    def _by_parts(
        self, before: Dealt | None, told: DecisionSignals, quote: Quote, today: int, held: Held
    ) -> Looked:
        mid, known = told.mid, told.known
        dealt = self._dealt = next_dealt(before, self._life, mid, known, today)
        state = self._states(told, dealt) if known and dealt else None
        value, delta = (None, 0.0) if state is None else (state.value, -self._size * state.delta)
        edges = self._edges(state, dealt)
        here = held.expected / self._size
        target = wanted(here, *edges, self._lot)
        asked = self._size * (target - here) if abs(target - here) > LEAST else 0.0
        hedge = held.cash + held.then * mid + held.carry
        worth = self._options.mark(told.day, mid, dealt, value, hedge, held.traded)
        reference = self._reference
        seen = self._situation(told, quote, held, reference, delta, worth, state)
        found = Seen(dealt, state, worth, seen)
        return Looked(edges.lower, edges.upper, asked, delta, False, lambda: found)

    def _edges(self, state: OptionState | None, dealt: Dealt | None) -> Edges:
        """Return the band; at zero where no option is open, without end where one cannot be decided on."""
        if state is not None:
            return self._answer(state)
        edge = np.inf if dealt else 0.0
        return Edges.between(-edge, edge)

    def _at_once(
        self, before: Dealt | None, told: DecisionSignals, quote: Quote, today: int, held: Held
    ) -> Looked:
        at, left = before or (0.0, 0)
        reference, out = self._reference, self._out
        assert self._compiled is not None
        left, at, known, clear, lower, upper, asked, delta = self._compiled(
            told.curves,
            told.regime_prob,
            told.mid,
            told.step_seconds,
            told.cost,
            told.cost_lower,
            told.cost_upper,
            told.gap_prob - told.gap_base,
            told.spike_prob - told.spike_base,
            told.outside,
            quote.bid,
            quote.ask,
            quote.age,
            reference,
            today,
            left,
            at,
            self._options.fresh(told.day, told.mid),
            held.position,
            held.expected,
            held.then,
            held.cash,
            held.traded,
            held.carry,
            held.orders,
            self._options.own,
            *self._given,
        )
        dealt = self._dealt = Dealt(at, left) if left else None
        if known and not lower <= upper:
            self._answer(self._states.of(out[5:].tolist(), told, left))  # raises

        def found() -> Seen:
            numbers = out.tolist()
            worth, state = Worth(*numbers[:5]), self._states.of(numbers[5:], told, left) if known else None
            seen = self._situation(told, quote, held, reference, delta, worth, state)
            return Seen(dealt, state, worth, seen)

        return Looked(lower, upper, asked, delta, clear, found)

    def _situation(
        self,
        told: DecisionSignals,
        quote: Quote,
        held: Held,
        reference: float,
        delta: float,
        worth: Worth,
        state: OptionState | None,
    ) -> Situation:
        width = 1.0 if state is None else ratio(state.forecast_vol_lower, state.forecast_vol_upper)
        market = (*quote, reference, held.resting, delta, held.orders)
        position = held.position
        return Situation(
            self._instrument, position, held.expected - position, *market, *worth[:3], told.outside, width
        )
