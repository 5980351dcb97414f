"""A hedge on paper of the option that a live desk hedges: bands and P&L, no orders."""

from collections.abc import Sequence
from math import inf, isnan

from pipeline.backtest.decision_signals import DecisionSignals
from pipeline.backtest.lane import Dealt
from pipeline.backtest.option_state import OptionStates
from pipeline.backtest.wanted import wanted
from pipeline.domain.desk import BPS
from pipeline.domain.edges import Edges
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.orders import LEAST
from pipeline.features.running_funding import PERPETUAL
from pipeline.live.carry import Carry
from pipeline.live.learned import Learned
from pipeline.policies.one_option import answer_of


class PaperHedge:
    """Fills at once and whole at the best price, and pays the desk's fees; without latency and impact.

    Two of them differ by their models alone. Held perpetuals pay their funding.

    Parameters
    ----------
    desk, learned : settings and models.
    crossing : times what crossing half the spread costs.

    Attributes
    ----------
    position, cash : units of the hedge, money.
    """

    def __init__(self, desk: IntradayDesk, learned: Learned, crossing: float = 1.0) -> None:
        self._states, self._crossing = OptionStates(desk, learned.desk_cost, learned.crossing), crossing
        self._answer = answer_of(learned.policy, self._states.liability)
        self._size, self._lot = desk.hedge.size, desk.hedge.lot / desk.hedge.size
        self._fee, self._fixed = desk.costs.fee_bps * BPS, desk.costs.fixed_fee
        self.position = self.cash = 0.0
        self._carry = Carry() if desk.hedge.instrument == PERPETUAL else None

    def settle(self, at: int, mid: float, funding: Sequence[tuple[int, float]]) -> None:
        """Pay what is known at a decision to be settled, before it trades; see `Carry`."""
        if self._carry is not None:
            self._carry.settle(at, self.position, mid, funding)

    def worth(self, mid: float) -> float:
        """Return what it has brought and is worth at a mid, money."""
        paid = 0.0 if self._carry is None else self._carry.money
        return self.cash + self.position * mid + paid

    def step(self, told: DecisionSignals, dealt: Dealt | None, bid: float, ask: float) -> None:
        """Decide, and trade; nothing is done where a price or what the band needs is not known."""
        target = wanted(self.position / self._size, *self._edges(told, dealt), self._lot)
        trade = self._size * target - self.position
        mid, half = 0.5 * (bid + ask), 0.5 * self._crossing * (ask - bid)
        price = mid + half if trade > 0.0 else mid - half
        if abs(trade) <= LEAST * self._size or isnan(price):
            return
        self.cash -= trade * price + self._fee * abs(trade) * price + self._fixed
        self.position += trade

    def _edges(self, told: DecisionSignals, dealt: Dealt | None) -> Edges:
        if dealt is None:
            return Edges.between(0.0, 0.0)
        return self._answer(self._states(told, dealt)) if told.known else Edges.between(-inf, inf)
