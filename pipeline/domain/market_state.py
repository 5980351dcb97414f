"""What a hedger may look at when it decides."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.instruments import FloatArray, Liability

WIDE = ("price", "regime_prob", "regime_moves", "regime_variance")
"""Fields with further axes behind [N, T]; every other field with three axes has the options in front."""


class OptionModel(Protocol):
    """How options are valued where it is not by Black's formula, at the decision times of a `MarketState`."""

    def delta_gamma(self, liability: Liability, vol: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return ∂value/∂price and ∂²value/∂price² of the options at `vol`, [N, T], for their holder."""
        ...

    def selected(self, select: Callable[[FloatArray], FloatArray]) -> Self:
        """Return the model at some of the decision times: `select` takes them from an array [N, T]."""
        ...


@dataclass(frozen=True)
class MarketState:
    """Everything known at the decision times of N episodes × T times; live, T is 1.

    Volatilities are annual decimals on the calendar clock (ACT/365): `vol**2 * time_to_expiry` is the
    variance to expiry whichever clock the forecast was made on. Costs are one-way fractions of the traded
    value. Money is per unit of starting spot = 100. No array holds NaN except `implied_vol` and the
    learned columns of a market that has none; a policy that needs one of those says so.

    The edges around a forecast are those of a 90 % interval of what *comes*, out of sample, as it was known
    at the decision: they hold the chance in the outcome as well as the doubt about its expectation. A
    volatility over few sessions is scattered by chance alone, so the interval widens towards expiry however
    sure the forecast is. What a policy can read from it is how far it is wider or narrower than usual, and
    to which side. In a market whose volatility or cost is known both edges are the forecast.

    A *net book* of M options that is hedged as one position has the same fields with an axis of options in
    front of what belongs to an option: `time_to_expiry`, `strike`, `forward`, `forward_slope`, `lots`, `age`,
    the volatilities and the legs' quantities are [M, N, T]; what belongs to the path stays as it is. A policy
    works on either, as long as it sums over the options with `policies.exposure`.

    Attributes
    ----------
    liability : the options.
    risk_aversion : absolute, per unit of money (γ). In a net book [N, T]: that of one option over the
        number of options held, so that n equal options are hedged as n times one.
    interval : years between two decision times (Δt).
    rate : continuously compounded interest rate, annual.
    step : [T] decision times since the start of the episode: 0, 1, …
    time_to_expiry : [N, T] years, ACT/365.
    strike : [N, T] money.
    forward : [N, T] forward price of the underlying for the option's expiry.
    price : [N, T, H] mid prices of the hedge instruments.
    forward_slope : [N, T] dF/dprice of the first hedge instrument: 1 for the future, exp((r − q)τ) for spot.
    implied_vol : [N, T] at-the-money implied volatility.
    forecast_vol : [N, T] forecast volatility to expiry.
    forecast_vol_lower, forecast_vol_upper : [N, T] edges of the interval around it, for the volatility that
        is realised to expiry; interpolated by maturity like the forecast.
    regime_vol : [N, T] volatility to expiry under the filtered regime probabilities.
    regime_prob : [N, T, K] filtered probabilities, regime 0 the calmest.
    regime_moves : [N, T, K, K] transition matrix per decision time, as the detector of that time has it; None
        in a market that has no model of its regimes.
    regime_variance : [N, T, K] mean squared return over a decision time in each regime; None as before.
    cost : [N, T] forecast cost of trading now.
    cost_lower, cost_upper : [N, T] edges of the interval around it, for the cost that is charged.
    desk_cost : the desk's constant cost, with no forecast in it.
    spike_prob, gap_prob : [N, T] forecast probabilities of a volatility spike and of a liquidity gap.
    spike_base, gap_base : [N, T] the same probabilities in the training rows: climatology.
    unwind : whether the trade that closes the hedge at expiry is charged.
    fixed_fee : [N, T] what a trade of any size costs beside it, money; 0 where there is none.
    impact : [N, T] forecast of how far trading one unit at once moves the price, a fraction of it (see
        `execution.impact`); 0 where there is none.
    lots : how many of each option are held, bought or sold: 1 in an episode, [M, N, T] in a net book.
    age : decision times since each option was dealt, [M, N, T]; None in an episode, where it is `step`.
    starts_together : how many successive episodes start at the same time, as options of many strikes do; what
        is learned from episodes must not count them as independent.
    inventory : [N, T] hedge units held before the trade. This and what follows is the desk's own state, which
        depends on what was answered before: None unless the policy is stepped (`backtest.stepping`).
    realised_pnl : [N, T] gains and carry of the hedge less cost so far, money.
    marked_pnl : [N, T] P&L so far of hedge and options at their marks, money.
    position_room, loss_room : [N, T] share of the desk's limit that is left, 1 to 0; 1 without a limit.
    model : values the options where it is not by Black's formula: American ones; None where it is.
    """

    liability: Liability
    risk_aversion: float | FloatArray
    interval: float
    rate: float
    step: NDArray[np.int64]
    time_to_expiry: FloatArray
    strike: FloatArray
    forward: FloatArray
    price: FloatArray
    forward_slope: FloatArray
    implied_vol: FloatArray
    forecast_vol: FloatArray
    forecast_vol_lower: FloatArray
    forecast_vol_upper: FloatArray
    regime_vol: FloatArray
    regime_prob: FloatArray
    cost: FloatArray
    cost_lower: FloatArray
    cost_upper: FloatArray
    desk_cost: float
    spike_prob: FloatArray
    gap_prob: FloatArray
    spike_base: FloatArray
    gap_base: FloatArray
    regime_moves: FloatArray | None = None
    regime_variance: FloatArray | None = None
    unwind: bool = True
    fixed_fee: FloatArray | float = 0.0
    impact: FloatArray | float = 0.0
    lots: FloatArray | float = 1.0
    age: FloatArray | None = None
    starts_together: int = 1
    inventory: FloatArray | None = None
    realised_pnl: FloatArray | None = None
    marked_pnl: FloatArray | None = None
    position_room: FloatArray | None = None
    loss_room: FloatArray | None = None
    model: OptionModel | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """N episodes, T decision times."""
        rows, times = self.forward.shape[-2:]
        return rows, times

    def episodes(self, rows: NDArray[np.int64] | slice) -> "MarketState":
        """Return the state of some episodes only."""
        return self._map(lambda array: array[rows])

    def at(self, time: int) -> "MarketState":
        """Return the state at one decision time, as the live loop would build it (T = 1)."""
        one = self._map(lambda array: array[:, time : time + 1])
        return replace(one, step=self.step[time : time + 1])

    def until(self, time: int) -> "MarketState":
        """Return the state at all decision times up to one: the path that led there."""
        path = self._map(lambda array: array[:, : time + 1])
        return replace(path, step=self.step[: time + 1])

    @property
    def dealt(self) -> NDArray[np.bool_]:
        """Whether an option was dealt at this decision time: [N, T], or [M, N, T] in a net book."""
        first = self.step == 0 if self.age is None else self.age == 0.0
        return np.broadcast_to(first, self.forward.shape)

    def _map(self, select: Callable[[FloatArray], FloatArray]) -> "MarketState":
        def of_each(options: FloatArray) -> FloatArray:
            return np.stack([select(option) for option in options])

        changed: dict[str, Any] = {
            field.name: (of_each if value.ndim == 3 and field.name not in WIDE else select)(value)
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), np.ndarray) and field.name != "step"
        }
        if self.model is not None:
            changed["model"] = self.model.selected(select)
        return replace(self, liability=self.liability.selected(of_each), **changed)
