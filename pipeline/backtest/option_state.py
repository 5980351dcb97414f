"""What a hedger sees of the option that is open now, from the signals of one decision."""

from math import sqrt

from pipeline.backtest.decision_signals import DecisionSignals
from pipeline.backtest.episodes import START_SPOT
from pipeline.backtest.lane import Dealt
from pipeline.domain.desk import BPS
from pipeline.domain.instruments import Liability
from pipeline.domain.intraday_desk import YEAR_SECONDS, IntradayDesk
from pipeline.domain.option_state import OptionState


class OptionStates:
    """The numbers of `intraday_state` at one decision.

    Parameters
    ----------
    desk : settings.
    desk_cost : of `intraday_state.known_cost`.
    crossing : what crossing the book costs times what it shows; None: what `desk` says.
    """

    def __init__(self, desk: IntradayDesk, desk_cost: float, crossing: float | None = None) -> None:
        self.liability = Liability.of(desk.option.kind, desk.option.side)
        self._aversion, self._strike = desk.risk.aversion, START_SPOT * desk.option.moneyness
        self._fee, self._fixed = desk.costs.fee_bps * BPS, desk.costs.fixed_fee / desk.hedge.size
        self._unwind, self._desk_cost = desk.costs.unwind, desk_cost
        self._dearer = desk.costs.crossing if crossing is None else crossing

    def __call__(self, told: DecisionSignals, dealt: Dealt) -> OptionState:
        """Return the state of the option that was dealt."""
        step = told.step_seconds / YEAR_SECONDS
        to_expiry, scale = dealt.left * step, START_SPOT / dealt.mid
        forecast, lower, upper, mark, regime = told.curves[:, dealt.left - 1].tolist()
        fee, dearer = self._fee, self._dearer
        return OptionState(
            liability=self.liability,
            risk_aversion=self._aversion,
            interval=step,
            time_to_expiry=to_expiry,
            strike=self._strike,
            forward=scale * told.mid,
            implied_vol=sqrt(mark / to_expiry),
            forecast_vol=sqrt(forecast / to_expiry),
            forecast_vol_lower=sqrt(lower / to_expiry),
            forecast_vol_upper=sqrt(upper / to_expiry),
            regime_vol=sqrt(regime / to_expiry),
            regime_prob=told.regime_prob,
            regime_moves=told.regime_moves,
            regime_variance=told.regime_variance,
            unwind=self._unwind,
            cost=fee + dearer * told.cost,
            cost_lower=fee + dearer * told.cost_lower,
            cost_upper=fee + dearer * told.cost_upper,
            desk_cost=self._desk_cost,
            fixed_fee=self._fixed * scale,
            spike_prob=told.spike_prob,
            gap_prob=told.gap_prob,
            spike_base=told.spike_base,
            gap_base=told.gap_base,
        )
