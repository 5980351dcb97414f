"""Where a live desk's P&L comes from: options by their Greeks, the hedge by prices and what trading cost."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pipeline.backtest.episodes import START_SPOT
from pipeline.domain.option_state import OptionState
from pipeline.domain.orders import Report
from pipeline.live.hedger import Decided
from pipeline.live.watch.board import KEPT, Snapshot
from pipeline.pricing.one_option import net_quantities

OF_OPTIONS: Final = ("delta", "gamma", "theta", "vega", "rest")
OF_HEDGE: Final = ("price", "slippage", "fees")


@dataclass
class Explained:
    """The P&L since the first snapshot, money of the data; the parts of either side add up to it.

    Options: `delta`, `gamma`, `theta`, `vega` (with vanna and volga) by Taylor's formula between decisions
    that know a mark (`taylor`), and the `rest`, in which is what was not seen. Hedge: `fees`;
    `slippage`, Σ filled · (price − mid of the decision); `funding` of a perpetual, once any was paid; and
    `price`, what moves of the mid brought.

    Parameters
    ----------
    size : units that one option is on.
    """

    size: float
    options: dict[str, float] = field(default_factory=lambda: dict.fromkeys(OF_OPTIONS, 0.0))
    hedge: dict[str, float] = field(default_factory=lambda: dict.fromkeys(OF_HEDGE, 0.0))
    _first: Snapshot | None = None
    _marked: Decided | None = None
    _mids: dict[int, float] = field(default_factory=dict)
    _heard: int = 0

    def take(self, snapshot: Snapshot, reports: Mapping[str, int], heard: list[Report]) -> None:
        """Take in the next snapshot.

        Parameters
        ----------
        snapshot : in their sequence.
        reports : when each order was decided, by its id.
        heard : every report of the journal, those at least that were taken in until the snapshot.
        """
        decided = snapshot.decided
        if self._first is None:
            self._first, self._heard = snapshot, snapshot.heard
        self._mids[decided.at] = decided.mid
        if len(self._mids) > KEPT:
            del self._mids[next(iter(self._mids))]
        for report in heard[self._heard : snapshot.heard]:
            mid = self._mids.get(reports.get(report.order_id, -1))
            if report.filled and mid is not None:
                self.hedge["slippage"] -= report.filled * (report.price - mid)
        self._heard = max(self._heard, snapshot.heard)
        self._of_options(decided)
        first = self._first
        self.hedge["fees"] = first.fees - snapshot.fees
        if decided.carry:
            self.hedge["funding"] = decided.carry - first.decided.carry
        paid = sum(value for name, value in self.hedge.items() if name != "price")
        self.hedge["price"] = decided.worth.hedge - first.decided.worth.hedge - paid
        known = sum(value for name, value in self.options.items() if name != "rest")
        self.options["rest"] = decided.worth.options - first.decided.worth.options - known

    def _of_options(self, decided: Decided) -> None:
        before = self._marked
        if before is not None and before.state is not None and before.dealt is not None:
            goes_on = decided.dealt is not None and decided.dealt.left < before.dealt.left
            if goes_on and decided.state is None:
                return
            scale, state = START_SPOT / before.dealt.mid, decided.state
            end = (state.time_to_expiry, state.implied_vol) if goes_on and state else None
            for name, value in taylor(before.state, scale * decided.mid, end).items():
                self.options[name] += self.size / scale * value
        self._marked = decided if decided.state is not None else None


def taylor(state: OptionState, forward: float, end: tuple[float, float] | None) -> dict[str, float]:
    """Return what moves the value of an option by Taylor's formula, as `backtest.explain.revalue` does.

    Plain Python: it is asked in a thread beside the loop, where nothing may be compiled.

    Parameters
    ----------
    state : of the option before, with time left and a volatility above zero.
    forward : now.
    end : time to expiry and implied volatility now; None for an option that has ended.
    """
    calls, puts = net_quantities(state.liability)
    spot, vol, root = state.forward, state.implied_vol, math.sqrt(state.time_to_expiry)
    left, now = (0.0, vol) if end is None else end
    d1 = math.log(spot / state.strike) / (vol * root) + 0.5 * vol * root
    d2, density = d1 - vol * root, math.exp(-0.5 * d1 * d1) / math.sqrt(2.0 * math.pi)
    delta = calls - (calls + puts) * 0.5 * math.erfc(d1 * math.sqrt(0.5))
    gamma, vega = ((calls + puts) * each for each in (density / (spot * vol * root), spot * density * root))
    vanna, volga = -(calls + puts) * density * d2 / vol, vega * d1 * d2 / vol
    move, passed, change = forward - spot, state.time_to_expiry - left, now - vol
    return {
        "delta": delta * move,
        "gamma": 0.5 * gamma * move**2,
        "theta": -0.5 * vol**2 * spot**2 * gamma * passed,
        "vega": vega * change + vanna * move * change + 0.5 * volga * change**2,
    }
