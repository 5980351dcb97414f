"""What a hedger sees of the option that is open now, from the signals of one decision."""

import math
from collections.abc import Sequence

import numpy as np

from pipeline.backtest.decision_signals import DecisionSignals
from pipeline.backtest.episodes import START_SPOT
from pipeline.backtest.lane import Dealt
from pipeline.domain.desk import BPS
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.intraday_desk import YEAR_SECONDS, IntradayDesk
from pipeline.domain.kept import kept
from pipeline.domain.option_state import OptionNumbers, OptionState
from pipeline.pricing.one_option import net_quantities, value_and_delta


class OptionStates:
    """The numbers of `intraday_state` at one decision.

    Parameters
    ----------
    desk : settings.
    desk_cost : of `intraday_state.known_cost`.
    crossing : what crossing the book costs times what it shows; None: what `desk` says.

    Attributes
    ----------
    liability, aversion, desk_cost, terms : what does not change; `terms` are those of `option_numbers`.
    """

    def __init__(self, desk: IntradayDesk, desk_cost: float, crossing: float | None = None) -> None:
        self.liability = Liability.of(desk.option.kind, desk.option.side)
        self.aversion, self._strike = desk.risk.aversion, START_SPOT * desk.option.moneyness
        self._unwind, self.desk_cost, self._life = desk.costs.unwind, desk_cost, desk.option.steps
        dearer = desk.costs.crossing if crossing is None else crossing
        fixed = desk.costs.fixed_fee / desk.hedge.size
        own = (desk.costs.fee_bps * BPS, dearer, fixed, self._strike, *net_quantities(self.liability))
        self.terms = np.array((*own, YEAR_SECONDS, START_SPOT), dtype=np.float64)
        option_numbers(np.ones((5, 1)), 1, 100.0, 100.0, 1.0, 0.0, 0.0, 0.0, self.terms)  # compiled here

    def __call__(self, told: DecisionSignals, dealt: Dealt) -> OptionState:
        """Return the state of the option that was dealt."""
        costs = (told.cost, told.cost_lower, told.cost_upper)
        market = (told.curves, dealt.left, dealt.mid, told.mid, told.step_seconds)
        return self.of(option_numbers(*market, *costs, self.terms), told, dealt.left)

    def of(self, numbers: Sequence[float], told: DecisionSignals, left: int) -> OptionState:
        """Return the state that has these `option_numbers`, of an option with so many decisions left."""
        found = OptionNumbers(*numbers)
        return OptionState(
            self.liability,
            self.aversion,
            found.interval,
            self._life - left,
            found.time_to_expiry,
            self._strike,
            found.forward,
            found.implied_vol,
            found.forecast_vol,
            found.forecast_vol_lower,
            found.forecast_vol_upper,
            found.regime_vol,
            told.regime_prob,
            told.regime_moves,
            told.regime_variance,
            self._unwind,
            found.cost,
            found.cost_lower,
            found.cost_upper,
            self.desk_cost,
            found.fixed_fee,
            told.spike_prob,
            told.gap_prob,
            told.spike_base,
            told.gap_base,
            found.value,
            found.delta,
        )


@kept(nogil=True, error_model="numpy")
def option_numbers(
    curves: FloatArray,
    left: int,
    dealt: float,
    mid: float,
    step_seconds: float,
    cost: float,
    cost_lower: float,
    cost_upper: float,
    terms: FloatArray,
) -> OptionNumbers:
    """Return what follows for an option from the signals of a decision.

    `dealt` is the mid at which the option was dealt; `curves` are those of `DecisionSignals`.
    """
    fee, dearer, fixed, strike, calls, puts, year_seconds, start_spot = terms
    step = step_seconds / year_seconds
    to_expiry, scale = left * step, start_spot / dealt
    forward = scale * mid
    forecast, lower, upper, implied, regime = [
        math.sqrt(curves[kind, left - 1] / to_expiry) for kind in range(5)
    ]
    value, delta = value_and_delta(calls, puts, forward, strike, to_expiry, implied)
    return OptionNumbers(
        step,
        to_expiry,
        forward,
        implied,
        forecast,
        lower,
        upper,
        regime,
        fee + dearer * cost,
        fee + dearer * cost_lower,
        fee + dearer * cost_upper,
        fixed * scale,
        value,
        delta,
    )
