"""What was learned about a market, at one decision within the day: signals as plain numbers."""

from math import isnan
from typing import NamedTuple

from pipeline.domain.instruments import FloatArray


class DecisionSignals(NamedTuple):
    """One row of `stream_intraday` as what follows it reads it.

    Attributes
    ----------
    at, day : ns since 1970 UTC, and the day by the clock of the grid's zone.
    mid, step_seconds : of the row.
    curves : [5, M] variance of the next 1 … M decisions, in the order of `CURVES`.
    cost, cost_lower, cost_upper : forecast crossing cost and its interval.
    half_spread, depth : forecasts.
    spike_prob, spike_base, gap_prob, gap_base : of events; 0 where they are not forecast.
    outside : share of what the models read outside the range that it had before.
    regime_prob, regime_moves, regime_variance : [K], [K, K] and [K].
    """

    at: int
    day: str
    mid: float
    step_seconds: float
    curves: FloatArray
    cost: float
    cost_lower: float
    cost_upper: float
    half_spread: float
    depth: float
    spike_prob: float
    spike_base: float
    gap_prob: float
    gap_base: float
    outside: float
    regime_prob: FloatArray
    regime_moves: FloatArray
    regime_variance: FloatArray

    @property
    def known(self) -> bool:
        """Whether everything is known without which nothing is decided, see `intraday_state.NEEDED`."""
        curves = self.curves.item
        return not isnan(self.mid + self.cost + curves(0, 0) + curves(3, 0) + self.regime_prob.item(0))


CURVES = ("forecast", "lower", "upper", "mark", "regime")
"""Names of the rows of `DecisionSignals.curves`; their columns are `<name>_variance_m`."""
