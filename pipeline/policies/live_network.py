"""One decision of a trained network at a time, for the live path: what `network_band` answers, compiled."""

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.kept import kept
from pipeline.domain.option_state import PlainState
from pipeline.policies.base import Policy
from pipeline.policies.correction import corrected
from pipeline.policies.engineered_state import COLUMNS, columns_of_one
from pipeline.policies.network import Network, forward
from pipeline.policies.one_option import Answer, CompiledAnswer

IntArray = NDArray[np.int64]
OWN: Final = 7
"""Of `network_band.INPUTS`, before what a network sees beside them."""


def live_network(
    policy: Policy, network: Network | None, sees: tuple[str, ...], liability: Liability
) -> Answer:
    """Return the policy's band for one option: that of arrays to 1e-12; a fixed fee is left to these.

    Parameters
    ----------
    policy : a `NetworkBand` that has this network and sees these columns.
    liability : the option.
    """
    order = list(COLUMNS)
    columns = np.array([order.index(name) for name in sees], dtype=np.int64)
    numbers = np.empty(0) if network is None else network.numbers
    return CompiledAnswer(policy, _band, (*constants(liability), columns, numbers))


def constants(liability: Liability) -> tuple[FloatArray, FloatArray]:
    """Return what `prior` takes of an option: its position's range, and [L, 2] sign and quantity of legs."""
    legs = [(1.0 if leg.right == "call" else -1.0, leg.quantity) for leg in liability.legs]
    return np.array(liability.position_range, dtype=np.float64), np.array(legs)


@kept(nogil=True, error_model="numpy")
def _band(
    state: PlainState, ends: FloatArray, legs: FloatArray, columns: IntArray, network: FloatArray
) -> tuple[float, float]:
    """`NetworkBand.band` of one option; `columns` are the places in `COLUMNS` of what it sees."""
    seen, answer = np.empty((1, OWN + len(columns))), np.zeros((1, 2))
    own, strike = state.option, state.strike
    option = (own.forward, strike, own.time_to_expiry, own.implied_vol, own.forward, 1.0)
    desk = (state.desk_cost, state.risk_aversion, own.interval, 0.0)
    center, half, low, high = prior(*option, *desk, ends, legs, seen[0])
    if math.isnan(center) or math.isnan(half):
        return math.nan, math.nan
    if len(network):
        further = columns_of_one(state)
        for k in range(len(columns)):
            seen[0, OWN + k] = further[columns[k]]
            if not math.isfinite(seen[0, OWN + k]):
                return math.nan, math.nan
        forward(seen, network, answer)
    edges: tuple[float, float] = near(center, half, low, high, answer[0])
    return edges


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def prior(
    forward: float,
    strike: float,
    time: float,
    vol: float,
    price: float,
    slope: float,
    cost: float,
    aversion: float,
    interval: float,
    rate: float,
    ends: FloatArray,
    legs: FloatArray,
    seen: FloatArray,
) -> tuple[float, float, float, float]:
    """Write `network_band.INPUTS` into `seen`; return the prior and the range of the position.

    See `zakamouline.unclipped` for the formulas. Where a number is NaN, so is the centre.

    Parameters
    ----------
    ends, legs : of `constants`.
    """
    discount = math.exp(-rate * time)
    low, high = ends[0] * slope * discount, ends[1] * slope * discount
    deviation = vol * math.sqrt(time)
    moneyness = math.log(forward / strike) / deviation
    density = math.exp(-0.5 * (moneyness + 0.5 * deviation) ** 2) / math.sqrt(2.0 * math.pi)
    gamma = 0.0
    for k in range(len(legs)):
        gamma += legs[k, 1] * discount * density / (forward * deviation)
    gamma = abs(gamma * slope**2)
    ratio = (discount / vol) ** 0.25
    half = cost / (aversion * price * vol**2 * time)
    half += 1.12 * cost**0.31 * time**0.05 * ratio * math.sqrt(gamma / aversion)
    half = min(half, high - low)
    shift = -4.76 * cost**0.78 * time**-0.02 * ratio * (aversion * price**2 * gamma) ** 0.15
    center = 0.0
    for k in range(len(legs)):
        adjusted = deviation * math.sqrt(1.0 + np.sign(legs[k, 1]) * shift)
        d1 = math.log(forward / strike) / adjusted + 0.5 * adjusted
        delta = legs[k, 0] * discount * 0.5 * math.erfc(-legs[k, 0] * d1 / math.sqrt(2.0))
        center -= legs[k, 1] * delta * slope
    seen[0] = moneyness
    seen[1] = math.log(deviation)
    seen[2] = math.log(time / interval)
    seen[3] = math.log(max(cost, 1e-9))
    seen[4] = math.log(aversion * strike)
    seen[5] = center
    seen[6] = half
    for k in range(7):
        if math.isnan(seen[k]):
            return math.nan, half, low, high
    return center, half, low, high


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def near(center: float, half: float, low: float, high: float, answer: FloatArray) -> tuple[float, float]:
    """Return the edges of a prior as a network's answer (a, b) corrects it, inside [low, high]."""
    center, half = corrected(center, half, math.tanh(answer[0]), math.tanh(answer[1]))
    return min(max(center - half, low), high), min(max(center + half, low), high)
