"""What the options of a live desk brought and are worth, and with the hedge what the day has made of it."""

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

from pipeline.backtest.episodes import START_SPOT
from pipeline.backtest.lane import Dealt
from pipeline.domain.instruments import Liability
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.live.journal import Entry
from pipeline.pricing.one_option import net_quantities

WORTH: Final = "worth"
"""Of a line of the audit about what the account was worth: `day`, `options` and `highest`."""


class Worth(NamedTuple):
    """Money of an account at a decision.

    Attributes
    ----------
    turnover, loss : since the day began.
    drawdown : below the highest that there ever was, days before this start included.
    hedge, options : what either side has brought and is worth now.
    """

    turnover: float
    loss: float
    drawdown: float
    hedge: float
    options: float


class OptionAccount:
    """The option side of a desk's account, marked at each decision; money of the data.

    An option brings its mark when it is dealt and costs its payoff at the mid when it has ended. Between two
    decisions that know a mark the last one stands.

    Parameters
    ----------
    desk : settings.
    audit : of the journal: what options had brought and the highest worth before the day that is begun with
        are those of its last line of an earlier day. An option that was open then has ended at its mark.
    """

    def __init__(self, desk: IntradayDesk, audit: Iterable[Entry] = ()) -> None:
        self._kept = [each.inputs for each in audit if each.what == WORTH]
        self._size, self._moneyness = desk.hedge.size, desk.option.moneyness
        self._calls, self._puts = net_quantities(Liability.of(desk.option.kind, desk.option.side))
        self._dealt: Dealt | None = None
        self._cash = self._value = 0.0
        self._day, self._first, self._highest, self._traded = "", 0.0, float("-inf"), 0.0
        self._worth = Worth(0.0, 0.0, 0.0, 0.0, 0.0)

    def mark(
        self,
        day: str,
        mid: float,
        dealt: Dealt | None,
        value: float | None,
        hedge: float,
        traded: float,
    ) -> Worth:
        """Return what the account is worth at a decision; before the first mid of a day what it was worth.

        Parameters
        ----------
        day, mid : of the decision; the mid is NaN before the first of its day.
        dealt, value : the option that is open, and its mark at a spot of `START_SPOT` when it was dealt;
            None where it cannot be marked now.
        hedge, traded : what the hedge is worth with its cash, and what was ever turned over.
        """
        if math.isnan(mid):
            return self._worth._replace(turnover=0.0, loss=0.0)
        if not self._day:
            self._go_on(day)
        if self._dealt is not None and (dealt is None or dealt.left >= self._dealt.left):
            self._cash += self._payoff(self._dealt, mid)
            self._dealt, self._value = None, 0.0
        if value is not None and dealt is not None:
            worth = self._size * dealt.mid / START_SPOT * value
            if self._dealt is None:
                self._cash -= worth
            self._dealt, self._value = dealt, worth
        options = self._cash + self._value
        worth = hedge + options
        if day != self._day:
            self._day, self._first, self._traded = day, worth, traded
        self._highest = max(self._highest, worth)
        lost = max(self._first - worth, 0.0)
        self._worth = Worth(traded - self._traded, lost, self._highest - worth, hedge, options)
        return self._worth

    def _go_on(self, day: str) -> None:
        for kept in self._kept:
            if kept["day"] < day:
                self._cash, self._highest = kept["options"], kept["highest"]

    def _payoff(self, dealt: Dealt, mid: float) -> float:
        scale = START_SPOT / dealt.mid
        above = mid * scale - START_SPOT * self._moneyness
        return self._size / scale * (self._calls * max(above, 0.0) + self._puts * max(-above, 0.0))
