"""What a desk sees at a decision and wants of it: option, band, order, the account and the risk.

For a policy whose band is compiled all of it is one compiled call; for others the parts are asked one by one.
"""

from collections.abc import Iterable
from typing import NamedTuple

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
from pipeline.live.one_call import (
    ANY,
    DEALT,
    KNOWN,
    LEFT,
    MID,
    OPEN,
    OPTION,
    OWN,
    REFERENCE,
    SIZE,
    WORTH,
    one_call,
    ratio,
)
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

    lower: float
    upper: float
    dealt: Dealt | None
    state: OptionState | None
    worth: Worth
    seen: Situation


class Look:
    """A desk in the middle of its decisions: the option that is open, and what the account is worth.

    Parameters
    ----------
    desk : settings.
    overlay : its rules.
    states, policy : what is seen of the option, and who answers with a band, both until `adopt`.
    audit : of the journal, see `OptionAccount`.

    Attributes
    ----------
    numbers : of the newest decision, see `one_call`.
    grounds : the first of them as bytes: those of `live.grounds`, of which the time is an integer.
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
        self.numbers = np.full(SIZE, np.nan)
        self.grounds = self.numbers[:OWN].data.cast("B")
        self._overlay, self._options = overlay, OptionAccount(desk, audit, self.numbers[OWN:WORTH])
        self._day = ""
        self._last: tuple[DecisionSignals, Quote, Held]
        wanted(0.0, *Edges.between(0.0, 0.0), 0.0)  # compiled here, not at the first decision
        self.adopt(states, policy)

    def adopt(self, states: OptionStates, policy: Policy) -> None:
        """Go on with other models."""
        answer, compiled = answer_of(policy, states.liability), None
        if isinstance(answer, CompiledAnswer) and not self._fee:
            desk = (self._size, self._lot, self._life, self._overlay.plain, states.aversion, states.desk_cost)
            fixed = (*desk, *self._options.terms, *self._overlay.limit, *states.terms)
            given = np.array(fixed, dtype=np.float64), answer.given
            compiled = at_once(one_call(answer.band), *ANY, np.ones(SIZE), *given)
            self._given = self.numbers, *given
        self._states, self._answer, self._compiled = states, answer, compiled

    def __call__(self, told: DecisionSignals, quote: Quote, today: int, held: Held) -> tuple[float, bool]:
        """Return the order that is wanted at the next decision, units, and whether it breaks no rule.

        Where not, or where that is not known, the overlay has to be asked.

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
        if told.day != self._day:
            self._day = told.day
            self._options.begin(told.day)
            self.numbers[LEFT] = 0.0
        self._last = told, quote, held
        if self._compiled is None:
            return self._by_parts(told, quote, today, held)
        asked, clear = self._compiled(*told[2:16], *quote, *held[:7], told.at, today, *self._given)
        if asked != asked:
            self._answer(self._state(told))  # raises
        return asked, clear

    def _by_parts(self, told: DecisionSignals, quote: Quote, today: int, held: Held) -> tuple[float, bool]:
        mid, known = told.mid, told.known
        dealt = next_dealt(self._dealt, self._life, mid, known, today)
        state = self._states(told, dealt) if known and dealt else None
        value, delta = (None, 0.0) if state is None else (state.value, -self._size * state.delta)
        edges = self._edges(state, dealt)
        here = held.expected / self._size
        target = wanted(here, *edges, self._lot)
        asked = self._size * (target - here) if abs(target - here) > LEAST else 0.0
        hedge = held.cash + held.then * mid + held.carry
        numbers = self.numbers
        numbers[WORTH:OPTION] = self._options.mark(mid, dealt, value, hedge, held.traded)
        if state is not None:
            numbers[OPTION:OPEN] = state.plain().option
        left, at = (0, 0.0) if dealt is None else (dealt.left, dealt.mid)
        numbers[LEFT], numbers[DEALT], numbers[KNOWN] = left, at, state is not None
        numbers[REFERENCE], numbers[MID] = numbers[MID], mid
        numbers[:1].view(np.int64)[0] = told.at
        band = self._size * edges.lower, self._size * edges.upper
        numbers[1:OWN] = (*band, asked, asked, held.position, quote.bid, quote.ask, delta)
        return asked, False

    def _edges(self, state: OptionState | None, dealt: Dealt | None) -> Edges:
        """Return the band; at zero where no option is open, without end where one cannot be decided on."""
        if state is not None:
            return self._answer(state)
        edge = np.inf if dealt else 0.0
        return Edges.between(-edge, edge)

    @property
    def _dealt(self) -> Dealt | None:
        left, at = self.numbers[LEFT : DEALT + 1].tolist()
        return Dealt(at, int(left)) if left else None

    def _state(self, told: DecisionSignals) -> OptionState:
        numbers = self.numbers
        return self._states.of(numbers[OPTION:OPEN].tolist(), told, int(numbers[LEFT]))

    def seen(self) -> Seen:
        """Return what was seen at the newest decision, which an order that is clear need not wait for."""
        told, quote, held = self._last
        numbers = self.numbers.tolist()
        lower, upper, delta = numbers[1], numbers[2], numbers[OWN - 1]
        worth = Worth(*numbers[WORTH:OPTION])
        state = self._state(told) if numbers[KNOWN] else None
        width = 1.0 if state is None else ratio(state.forecast_vol_lower, state.forecast_vol_upper)
        market = (*quote, numbers[REFERENCE], held.resting, delta, held.orders)
        position = held.position
        seen = Situation(
            self._instrument, position, held.expected - position, *market, *worth[:3], told.outside, width
        )
        return Seen(lower, upper, self._dealt, state, worth, seen)
