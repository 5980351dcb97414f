"""What a hedger sees of one option at one decision within the day, as plain numbers."""

from typing import NamedTuple

import numpy as np

from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.market_state import MarketState


class OptionNumbers(NamedTuple):
    """What follows for an option from the signals of a decision, under the names of `OptionState`."""

    interval: float
    time_to_expiry: float
    forward: float
    implied_vol: float
    forecast_vol: float
    forecast_vol_lower: float
    forecast_vol_upper: float
    regime_vol: float
    cost: float
    cost_lower: float
    cost_upper: float
    fixed_fee: float
    value: float
    delta: float


class PlainState(NamedTuple):
    """What compiled bands read of an `OptionState`, under its names; there is no fixed fee.

    Attributes
    ----------
    spike_excess, gap_excess : probabilities of events less their base.
    """

    option: OptionNumbers
    strike: float
    regime_prob: FloatArray
    desk_cost: float
    risk_aversion: float
    spike_excess: float
    gap_excess: float


class OptionState(NamedTuple):
    """A `MarketState` of one option at one decision, on a share without interest: N, T, H = 1.

    Attributes
    ----------
    forward : the mid, which is forward and price of the hedge at once.
    step : decisions since it was dealt.
    value, delta : of the option to its holder, at the implied volatility; ∂value/∂forward.
    regime_prob, regime_moves, regime_variance : [K], [K, K] and [K].
    """

    liability: Liability
    risk_aversion: float
    interval: float
    step: int
    time_to_expiry: float
    strike: float
    forward: float
    implied_vol: float
    forecast_vol: float
    forecast_vol_lower: float
    forecast_vol_upper: float
    regime_vol: float
    regime_prob: FloatArray
    regime_moves: FloatArray
    regime_variance: FloatArray
    unwind: bool
    cost: float
    cost_lower: float
    cost_upper: float
    desk_cost: float
    fixed_fee: float
    spike_prob: float
    gap_prob: float
    spike_base: float
    gap_base: float
    value: float
    delta: float

    def plain(self) -> PlainState:
        """Return the numbers alone, for compiled bands."""
        return PlainState(
            OptionNumbers._make(getattr(self, name) for name in OptionNumbers._fields),
            self.strike,
            self.regime_prob,
            self.desk_cost,
            self.risk_aversion,
            self.spike_prob - self.spike_base,
            self.gap_prob - self.gap_base,
        )

    def market(self) -> MarketState:
        """Return the same as arrays, for policies that are asked with them."""

        def one(value: float) -> FloatArray:
            return np.array([[value]])

        return MarketState(
            liability=self.liability,
            risk_aversion=self.risk_aversion,
            interval=self.interval,
            rate=0.0,
            step=np.array([self.step]),
            time_to_expiry=one(self.time_to_expiry),
            strike=one(self.strike),
            forward=one(self.forward),
            price=np.array([[[self.forward]]]),
            forward_slope=np.ones((1, 1)),
            implied_vol=one(self.implied_vol),
            forecast_vol=one(self.forecast_vol),
            forecast_vol_lower=one(self.forecast_vol_lower),
            forecast_vol_upper=one(self.forecast_vol_upper),
            regime_vol=one(self.regime_vol),
            regime_prob=self.regime_prob[None, None],
            regime_moves=self.regime_moves[None, None],
            regime_variance=self.regime_variance[None, None],
            unwind=self.unwind,
            cost=one(self.cost),
            cost_lower=one(self.cost_lower),
            cost_upper=one(self.cost_upper),
            desk_cost=self.desk_cost,
            fixed_fee=one(self.fixed_fee),
            spike_prob=one(self.spike_prob),
            gap_prob=one(self.gap_prob),
            spike_base=one(self.spike_base),
            gap_base=one(self.gap_base),
        )
