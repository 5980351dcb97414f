"""What the options of a live desk brought and are worth, and with the hedge what the day has made of it."""

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np

from pipeline.backtest.episodes import START_SPOT
from pipeline.backtest.lane import Dealt
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.kept import kept
from pipeline.live.journal import Entry
from pipeline.pricing.one_option import net_quantities

WORTH: Final = "worth"
"""Of a line of the audit about what the account was worth: `day`, `options` and `highest`."""
LEFT, DEALT, CASH, VALUE, FIRST, HIGHEST, TRADED, DRAWDOWN, HEDGE, OPTIONS, FRESH = range(11)
"""Of the account's numbers: the open option (`LEFT` 0 for none), the sums, what was last worth, and whether
the day has had no mid yet."""
_NOTHING: Final = np.array([0.0] * HIGHEST + [-np.inf] + [0.0] * (OPTIONS - HIGHEST) + [1.0])


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
    own : room for the numbers that `marked` goes on with.

    Attributes
    ----------
    terms : the numbers that stay.
    """

    def __init__(
        self, desk: IntradayDesk, audit: Iterable[Entry] = (), own: FloatArray | None = None
    ) -> None:
        self._kept = [each.inputs for each in audit if each.what == WORTH]
        quantities = net_quantities(Liability.of(desk.option.kind, desk.option.side))
        self._own, self._valued = np.empty(FRESH + 1) if own is None else own, False
        self._own[:] = _NOTHING
        self.terms = np.array([desk.hedge.size, desk.option.moneyness, *quantities], dtype=np.float64)

    def begin(self, day: str) -> None:
        """Go on to another day."""
        self._valued = self._valued or not self._own[FRESH]
        for before in () if self._valued else self._kept:
            if before["day"] < day:
                self._own[CASH], self._own[HIGHEST] = before["options"], before["highest"]
        self._own[FRESH] = 1.0

    def mark(
        self, mid: float, dealt: Dealt | None, value: float | None, hedge: float, traded: float
    ) -> Worth:
        """Return what the account is worth at a decision; before the first mid of a day what it was worth.

        Parameters
        ----------
        mid : of the decision, NaN before the first of its day.
        dealt, value : the option that is open, and its mark at a spot of `START_SPOT` when it was dealt;
            None where it cannot be marked now.
        hedge, traded : what the hedge is worth with its cash, and what was ever turned over.
        """
        left, at = (0, 0.0) if dealt is None else (dealt.left, dealt.mid)
        known, told = value is not None, 0.0 if value is None else value
        return Worth(*marked(self._own, self.terms, mid, left, at, known, told, hedge, traded))


@kept(nogil=True)
def marked(
    own: FloatArray,
    terms: FloatArray,
    mid: float,
    left: int,
    dealt: float,
    known: bool,
    value: float,
    hedge: float,
    traded: float,
) -> tuple[float, float, float, float, float]:
    """Go on to a decision; return the numbers of `Worth`.

    Parameters
    ----------
    own, terms : of `OptionAccount`; the first is written.
    mid, left, dealt : of the market, and the option that is open: the decisions until it ends, 0 for none,
        and the mid at which it was dealt.
    known, value : whether it is marked now, and its mark.
    hedge, traded : as of `OptionAccount.mark`.
    """
    if math.isnan(mid):
        return 0.0, 0.0, own[DRAWDOWN], own[HEDGE], own[OPTIONS]
    size = terms[0]
    if own[LEFT] > 0.0 and (left == 0 or left >= own[LEFT]):
        scale = START_SPOT / own[DEALT]
        above = mid * scale - START_SPOT * terms[1]
        call, put = 0.0 if above < 0.0 else above, 0.0 if above > 0.0 else -above
        own[CASH] += size / scale * (terms[2] * call + terms[3] * put)
        own[LEFT], own[VALUE] = 0.0, 0.0
    if known and left > 0:
        money = size * dealt / START_SPOT * value
        if own[LEFT] == 0.0:
            own[CASH] -= money
        own[LEFT], own[DEALT], own[VALUE] = left, dealt, money
    options = own[CASH] + own[VALUE]
    worth = hedge + options
    if own[FRESH]:
        own[FIRST], own[TRADED], own[FRESH] = worth, traded, 0.0
    if worth > own[HIGHEST]:
        own[HIGHEST] = worth
    lost = own[FIRST] - worth
    lost = 0.0 if lost < 0.0 else lost
    own[DRAWDOWN], own[HEDGE], own[OPTIONS] = own[HIGHEST] - worth, hedge, options
    return traded - own[TRADED], lost, own[DRAWDOWN], hedge, options
