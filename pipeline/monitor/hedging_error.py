"""What the hedge of each option missed, before the cost of trading."""

from math import isfinite
from typing import NamedTuple

import numpy as np

from pipeline.domain.desk import BPS
from pipeline.domain.instruments import Liability
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.monitor.alarm import Observed


class _Open(NamedTuple):
    """An option that is hedged: its first mid, its decisions left, and what has been gained, a unit."""

    mid: float
    left: int
    gained: float


class HedgingErrors:
    """Follows the options of a desk; gives `error` and its size `miss` of each when it has ended.

    error = payoff − value when dealt + Σ position (mid_{t+1} − mid_t), of one option, in bps of its mid;
    payoff and value are negative for what is sold. An option whose value was not known has none.
    """

    def __init__(self, desk: IntradayDesk) -> None:
        self._size, self._moneyness = desk.hedge.size, desk.option.moneyness
        self._liability = Liability.of(desk.option.kind, desk.option.side)
        self._open: _Open | None = None
        self._mid, self._day, self._left = float("nan"), "", 0

    def step(self, seen: Observed) -> dict[str, float]:
        """Return both where the next decision ends an option; else nothing."""
        if seen.day != self._day:
            self._open, self._day = None, seen.day
        opened, dealt = self._open, seen.dealt
        found: dict[str, float] = {}
        if opened is not None:
            gained = opened.gained + seen.position / self._size * (seen.mid - self._mid)
            opened = _Open(opened.mid, dealt.left if dealt else 0, gained)
            if dealt is None or dealt.left >= self._left:
                found, opened = self._ended(opened, seen.mid), None
        if opened is None and dealt is not None and isfinite(seen.value):
            opened = _Open(seen.mid, dealt.left, -seen.value * seen.mid)
        self._open, self._mid = opened, seen.mid
        self._left = dealt.left if dealt else 0
        return found

    def _ended(self, opened: _Open, mid: float) -> dict[str, float]:
        strike = np.array([self._moneyness * opened.mid])
        payoff = float(self._liability.payoff(np.array([mid]), strike)[0])
        error = (payoff + opened.gained) / opened.mid / BPS
        return {"error": error, "miss": abs(error)} if isfinite(error) else {}
