"""One decision of `regime_switched` at a time, for the live path: one compiled call."""

import math

import numpy as np
from numba import njit

from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.kept import kept
from pipeline.domain.option_state import PlainState
from pipeline.policies.base import Policy
from pipeline.policies.certainty_equivalent import AT_THE_MONEY
from pipeline.policies.one_option import Answer, CompiledAnswer
from pipeline.pricing.one_option import d1, density, normal


def live_switched(policy: Policy, sees_cost: bool, liability: Liability) -> Answer:
    """Return the policy's band for one option: that of arrays to 1e-11; a fixed fee is left to these.

    Parameters
    ----------
    policy : a `RegimeSwitched`, fitted.
    sees_cost : whether its band sees the forecast of cost; else the desk's constant one.
    liability : the option.
    """
    given = policy.parameters()
    regimes, forecast = given["regime_weight"], given["forecast_weight"]
    others = ("doubt", "slope_share", "band_scale", "gap_response", "spike_response")
    weights = ((1.0 - regimes) * (1.0 - forecast), (1.0 - regimes) * forecast)
    tilts = (given["slope_tilt"], given["doubt_tilt"], given["aversion_tilt"] ** (-1.0 / 3.0))
    own = (
        float(sees_cost),
        *weights,
        regimes * given["regime_premium"],
        *(given[name] for name in others),
        *tilts,
    )
    signs = {"call": 1.0, "put": -1.0}
    signed = [
        (signs[leg.right], leg.quantity, *(given[f"{leg.right}_{letter}"] for letter in "abc"))
        for leg in liability.legs
    ]
    legs = np.array(signed, dtype=np.float64)
    terms = np.array((*own, AT_THE_MONEY, *liability.position_range), dtype=np.float64)
    return CompiledAnswer(policy, _band, (terms, legs))


@kept(nogil=True, error_model="numpy")
def _band(state: PlainState, terms: FloatArray, legs: FloatArray) -> tuple[float, float]:
    """`RegimeSwitched.band` of one option; `legs` [L, 5] are sign, quantity, a, b, c."""
    sees_cost, on_implied, on_forecast, on_regime, doubt, share, scale, on_gap, on_spike = terms[:9]
    on_slope, on_doubt, on_width, at_the_money, low, high = terms[9:]
    option, strike, aversion, prob = state.option, state.strike, state.risk_aversion, state.regime_prob
    forward, time, implied = option.forward, option.time_to_expiry, option.implied_vol
    cost = option.cost if sees_cost != 0.0 else state.desk_cost
    variance = 0.0
    if on_implied != 0.0:
        variance += on_implied * implied**2
    if on_forecast != 0.0:
        variance += on_forecast * option.forecast_vol**2
    if on_regime != 0.0:
        variance += on_regime * option.regime_vol**2
    vol = math.sqrt(variance)
    loaded = 0.25 * doubt * aversion * forward * at_the_money * vol * math.sqrt(time)
    root = math.sqrt((1.0 + loaded) * _tilted(prob, on_doubt))
    center, adjustment, gamma = 0.0, 0.0, 0.0
    for k in range(len(legs)):
        sign, quantity = legs[k, 0], legs[k, 1]
        own = vol * (1.0 / root if quantity > 0.0 else root)
        center -= quantity * sign * normal(sign * d1(forward, strike, time, own))
        at_implied = d1(forward, strike, time, implied)
        delta = sign * normal(sign * at_implied)
        shift = legs[k, 2] + delta * (legs[k, 3] + delta * legs[k, 4])
        adjustment -= quantity * density(at_implied) * shift
        spread = vol * math.sqrt(time)
        if spread > 0.0:
            gamma += quantity * density(d1(forward, strike, time, vol)) / (forward * spread)
    center += share * _tilted(prob, on_slope) * adjustment
    if scale == 0.0:
        return _within(center, low, high), _within(center, low, high)
    width = np.cbrt(1.5 * forward * gamma * gamma) * np.cbrt(cost) / np.cbrt(aversion)
    width *= (
        scale
        * _tilted(prob, on_width)
        * max(1.0 + on_gap * state.gap_excess + on_spike * state.spike_excess, 0.0)
    )
    return _within(center - width, low, high), _within(center + width, low, high)


@njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _within(edge: float, low: float, high: float) -> float:
    """Return an edge inside its range; NaN stays."""
    edge = low if edge < low else edge
    return high if edge > high else edge


@njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _tilted(prob: FloatArray, tilt: float) -> float:
    """See `regime_switched.by_regime`."""
    regimes = len(prob)
    if tilt == 1.0 or regimes == 1:
        return 1.0
    total = 0.0
    for k in range(regimes):
        total += prob[k] * tilt ** (k / (regimes - 1) - 0.5)
    return total
