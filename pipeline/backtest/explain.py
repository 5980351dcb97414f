"""P&L explain: what a step's change in the value of options comes from, by Taylor's formula."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState
from pipeline.policies.exposure import net
from pipeline.pricing import book


@dataclass(frozen=True)
class StepEnd:
    """Where the options of a `MarketState` stand when the step has passed: [N, T], in a book [M, N, T].

    `time_to_expiry` is zero where the option has expired; its `implied_vol` is not read then.
    """

    time_to_expiry: FloatArray
    forward: FloatArray
    implied_vol: FloatArray

    def episodes(self, rows: NDArray[np.int64]) -> "StepEnd":
        """Return some episodes only."""
        return StepEnd(self.time_to_expiry[rows], self.forward[rows], self.implied_vol[rows])


@dataclass(frozen=True)
class Revaluation:
    """What the options are worth and why that changed over each step, [N, T] money, summed over a book.

    All from the side of the desk that holds them: an option sold has a negative value and a negative gamma.

    Attributes
    ----------
    value : at the decision time.
    delta, gamma, vega, theta : of the options at the decision time; delta and gamma with respect to the hedge
        instrument's price, vega per unit of volatility, theta per year.
    change : full revaluation, value when the step has passed less `value`.
    from_gamma, from_theta, from_vega, from_vanna, from_volga : ½Γ dF², Θ dt, ν dσ, ∂²V/∂F∂σ dF dσ,
        ½ ∂²V/∂σ² dσ².
    financing : Δ (dF − slope · dprice), what a forward's move differs from that of the hedge instrument in:
        the carry of a hedge in the spot, zero in the future.
    residual : what none of them explains; the options' delta times the move of the hedge instrument,
        `delta` · dprice, is the part that is left for the hedge.
    """

    value: FloatArray
    delta: FloatArray
    gamma: FloatArray
    vega: FloatArray
    theta: FloatArray
    change: FloatArray
    from_gamma: FloatArray
    from_theta: FloatArray
    from_vega: FloatArray
    from_vanna: FloatArray
    from_volga: FloatArray
    financing: FloatArray
    residual: FloatArray


def revalue(state: MarketState, end: StepEnd, price_move: FloatArray) -> Revaluation:
    """Explain the change of the options' value over each step, marked at the implied volatility.

    Parameters
    ----------
    state : at the decision times.
    end : where each step ends.
    price_move : [N, T] change of the hedge instrument's price over the step.
    """
    terms = (state.forward, state.strike, state.time_to_expiry, state.implied_vol, state.rate)
    options, slope = state.liability, state.forward_slope
    value, delta, gamma = (of(options, *terms) for of in (book.value, book.delta, book.gamma))
    vega, theta, vanna, volga = (
        of(options, *terms) for of in (book.vega, book.theta, book.vanna, book.volga)
    )
    vol = np.where(end.time_to_expiry > 0.0, end.implied_vol, state.implied_vol)
    after = book.value(options, end.forward, state.strike, end.time_to_expiry, vol, state.rate)
    move, time, vol_move = (
        end.forward - state.forward,
        state.time_to_expiry - end.time_to_expiry,
        vol - terms[3],
    )
    parts = {
        "from_gamma": net(0.5 * gamma * move**2),
        "from_theta": net(theta * time),
        "from_vega": net(vega * vol_move),
        "from_vanna": net(vanna * move * vol_move),
        "from_volga": net(0.5 * volga * vol_move**2),
        "financing": net(delta * (move - slope * price_move)),
    }
    change, hedged = net(after - value), net(delta * slope)
    residual = change - hedged * price_move - sum(parts.values())
    greeks = {"gamma": net(gamma * slope**2), "vega": net(vega), "theta": net(theta)}
    return Revaluation(value=net(value), delta=hedged, change=change, residual=residual, **greeks, **parts)
