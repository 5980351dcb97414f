"""One decision of a trained network at a time, for the live path: one compiled call, nothing allocated."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numba import njit

from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.kept import kept
from pipeline.policies.network import forward as answer_rows
from pipeline.policies.network_band import INPUTS, MOST_SHIFT, MOST_STRETCH, NetworkBand


@dataclass(frozen=True)
class LiveBand:
    """A `NetworkBand` for one option, asked with numbers instead of a market state: the same band to 1e-12.

    It is compiled when it is made, which takes seconds at first; a call takes microseconds.

    Attributes
    ----------
    policy : with a network.
    liability : the option, on one strike.
    cost : proportional, one way; a fixed fee and impact are not answered here.
    aversion : per unit of money.
    interval : years between two decisions.
    rate : continuous, annual.

    Raises
    ------
    PolicyError
        The policy has no network, or sees more of the market than it is told here.

    Examples
    --------
    >>> from pipeline.policies.network import Layer, Network
    >>> nothing = Layer(((0.0,) * 7,) * 2, (0.0, 0.0))
    >>> network = Network((nothing,), (0.0,) * 7, (1.0,) * 7, (-9.0,) * 7, (9.0,) * 7)
    >>> live = LiveBand(NetworkBand(network), Liability.of("call", "short"), 1e-3, 1.0, 1 / 252)
    >>> lower, upper = live(forward=100.0, strike=100.0, time=21 / 252, vol=0.2, price=100.0)
    >>> round(lower, 3), round(upper, 3)  # Zakamouline's band
    (0.463, 0.561)
    """

    policy: NetworkBand
    liability: Liability
    cost: float
    aversion: float
    interval: float
    rate: float = 0.0

    def __post_init__(self) -> None:
        if self.policy.network is None:
            raise PolicyError(f"policy {self.policy.name}: no network to decide with: train one")
        if self.policy.sees or self.policy.paced:
            seen = ", ".join(self.policy.sees) or "impact"
            raise PolicyError(f"policy {self.policy.name}: it sees {seen} too: ask one_option.answer_of")
        self(100.0, 100.0, self.interval, 0.2, 100.0)

    def __call__(
        self, forward: float, strike: float, time: float, vol: float, price: float, slope: float = 1.0
    ) -> tuple[float, float]:
        """Return the edges of the no-trade band, in units of the hedge instrument.

        Parameters
        ----------
        forward, strike, time, vol : of the option: time in years to expiry, vol at which it is marked.
        price, slope : of the hedge instrument, and dF/dprice.

        Raises
        ------
        PolicyError
            A number is NaN, or a bought option at so high a cost has no adjusted variance.
        """
        state = (forward, strike, time, vol, price, slope)
        return checked(self._decide(*state), state, self.policy.name)

    @cached_property
    def _decide(self) -> Callable[..., tuple[float, float]]:
        network = self.policy.network
        assert network is not None
        scaling, weights, biases = network.arrays
        most = max(len(INPUTS), *(len(bias) for bias in biases))
        seen, answer = np.empty((1, len(INPUTS))), np.empty((1, 2))
        terms, legs = constants(self.liability, self.cost, self.aversion, self.interval, self.rate)

        def decide(*state: float) -> tuple[float, float]:
            found: tuple[float, float] = _band(
                *state, terms, legs, scaling, weights, biases, most, seen, answer
            )
            return found

        return decide


def constants(
    liability: Liability, cost: float, aversion: float, interval: float, rate: float
) -> tuple[FloatArray, FloatArray]:
    """Return what `prior` takes that does not change from decision to decision: terms and legs."""
    legs = np.array([(1.0 if leg.right == "call" else -1.0, leg.quantity) for leg in liability.legs])
    low, high = (float(end) for end in liability.position_range)
    return np.array([cost, aversion, interval, rate, low, high]), legs


def checked(edges: tuple[float, float], state: tuple[float, ...], policy: str) -> tuple[float, float]:
    """Return the edges, or raise where there is no band in a state.

    Raises
    ------
    PolicyError
        Naming the numbers of the state.
    """
    lower, upper = edges
    if not (lower <= upper):
        forward, strike, time, vol, price, _ = state
        raise PolicyError(
            f"policy {policy}: no band at forward {forward}, strike {strike}, time {time}, "
            f"volatility {vol}, price {price}: a number is NaN, or the cost too high for an option bought"
        )
    return edges


@kept(error_model="numpy")
def _band(
    forward: float,
    strike: float,
    time: float,
    vol: float,
    price: float,
    slope: float,
    terms: FloatArray,
    legs: FloatArray,
    scaling: FloatArray,
    weights: Any,
    biases: Any,
    most: int,
    seen: FloatArray,
    answer: FloatArray,
) -> tuple[float, float]:
    """`NetworkBand.band` of one option at one time."""
    center, half, low, high = prior(forward, strike, time, vol, price, slope, terms, legs, seen[0])
    if math.isnan(center) or math.isnan(half):
        return math.nan, math.nan
    answer_rows(seen, scaling, weights, biases, most, answer)
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
    terms: FloatArray,
    legs: FloatArray,
    seen: FloatArray,
) -> tuple[float, float, float, float]:
    """Write `network_band.INPUTS` into `seen`; return the prior and the range of the position.

    See `zakamouline.unclipped` for the formulas. Where a number is NaN, so is the centre.
    """
    cost, aversion, interval, rate = terms[0], terms[1], terms[2], terms[3]
    discount = math.exp(-rate * time)
    low, high = terms[4] * slope * discount, terms[5] * slope * discount
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
    center += half * MOST_SHIFT * math.tanh(answer[0])
    half *= math.exp(MOST_STRETCH * math.tanh(answer[1]))
    return min(max(center - half, low), high), min(max(center + half, low), high)
