"""What a desk sees at a decision and wants of it: option, band, order, the account and the risk.

For a policy whose band is compiled all of it is one compiled call; for others the parts are asked one by one.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import numpy as np

from pipeline.backtest.decision_signals import DecisionSignals
from pipeline.backtest.lane import Dealt, next_dealt
from pipeline.backtest.option_state import OptionStates
from pipeline.backtest.wanted import wanted
from pipeline.domain.edges import Edges
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.kept import at_once
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
    orders : sent in the last minute.
    resting : of `Situation`.
    """

    position: float
    expected: float
    then: float
    cash: float
    traded: float
    carry: float
    orders: int
    resting: tuple[tuple[float, float], ...]


class Seen(NamedTuple):
    """What is seen at a decision, see `hedger.Decided`."""

    dealt: Dealt | None
    state: OptionState | None
    worth: Worth
    seen: Situation


Looked = tuple[float, float, float, float, bool]
"""What a decision wants.

It is the lower and the upper edge of the band, in units of the state; the order, and what would offset the
option's delta, units; and whether the order breaks no rule: where not, the overlay has to be asked.
"""
NONE: Final = Dealt(0.0, 0)
"""No option."""


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
        self._out, self._given = np.empty(OUT), tuple[Any, ...]()
        self._found: Seen | None = None
        self._last: tuple[Any, ...] = ()
        wanted(0.0, *Edges.between(0.0, 0.0), 0.0)  # compiled here, not at the first decision
        self.adopt(states, policy)

    def adopt(self, states: OptionStates, policy: Policy) -> None:
        """Go on with other models."""
        answer, compiled, given = answer_of(policy, states.liability), None, self._given
        if isinstance(answer, CompiledAnswer) and not self._fee:
            desk = (self._size, self._lot, self._life, states.aversion, states.desk_cost)
            terms = np.array((*desk, *states.terms), dtype=np.float64)
            fixed = (terms, self._options.terms, self._overlay.limit, self._out, answer.given)
            compiled = at_once(one_call(answer.band), *ANY, self._options.own.copy(), *fixed)
            given = (self._options.own, *fixed)
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
        self._found = Seen(dealt, state, worth, seen)
        return edges.lower, edges.upper, asked, delta, False

    def _edges(self, state: OptionState | None, dealt: Dealt | None) -> Edges:
        """Return the band; at zero where no option is open, without end where one cannot be decided on."""
        if state is not None:
            return self._answer(state)
        edge = np.inf if dealt else 0.0
        return Edges.between(-edge, edge)

    def _at_once(
        self, before: Dealt | None, told: DecisionSignals, quote: Quote, today: int, held: Held
    ) -> Looked:
        (
            _, day, mid, step, curves, cost, cost_lower, cost_upper, half_spread, depth,
            spike, spike_base, gap, gap_base, outside, prob, _, _,
        ) = told  # fmt: skip
        bid, ask, age = quote
        position, expected, then, cash, traded, carry, orders, _ = held
        (at, left), reference = before or NONE, self._reference
        own, terms, account, limit, out, given = self._given
        assert self._compiled is not None
        left, at, known, clear, lower, upper, asked, delta = self._compiled(
            mid, step, curves, cost, cost_lower, cost_upper, half_spread, depth,
            spike, spike_base, gap, gap_base, outside, prob,
            bid, ask, age, position, expected, then, cash, traded, carry, orders,
            reference, today, at, left, self._options.fresh(day, mid), own, terms, account, limit, out, given,
        )  # fmt: skip
        dealt = self._dealt = tuple.__new__(Dealt, (at, left)) if left else None
        if known and not lower <= upper:
            self._answer(self._states.of(self._out[5:].tolist(), told, left))  # raises
        self._last = told, quote, held, reference, delta, dealt, known
        self._found = None
        return lower, upper, asked, delta, clear

    def seen(self) -> Seen:
        """Return what was seen at the newest decision, which an order that is clear need not wait for."""
        return self._found or self._of_numbers(*self._last)

    def _of_numbers(
        self,
        told: DecisionSignals,
        quote: Quote,
        held: Held,
        reference: float,
        delta: float,
        dealt: Dealt | None,
        known: bool,
    ) -> Seen:
        """Return what the compiled call has seen."""
        numbers = self._out.tolist()
        worth = Worth(*numbers[:5])
        state = self._states.of(numbers[5:], told, dealt.left) if dealt and known else None
        seen = self._situation(told, quote, held, reference, delta, worth, state)
        return Seen(dealt, state, worth, seen)

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
