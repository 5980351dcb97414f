"""One decision of a trained network at a time, for the live path: one compiled call."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.kept import kept
from pipeline.policies.live_network import OWN, constants, near, prior
from pipeline.policies.network import forward as answer_rows
from pipeline.policies.network_band import NetworkBand


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
        desk = (self.cost, self.aversion, self.interval, self.rate)
        given = (*desk, *constants(self.liability), network.numbers)

        def decide(*state: float) -> tuple[float, float]:
            found: tuple[float, float] = _band(*state, *given)
            return found

        return decide


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
    cost: float,
    aversion: float,
    interval: float,
    rate: float,
    ends: FloatArray,
    legs: FloatArray,
    network: FloatArray,
) -> tuple[float, float]:
    """`NetworkBand.band` of one option at one time."""
    seen, answer = np.empty((1, OWN)), np.empty((1, 2))
    option, desk = (forward, strike, time, vol, price, slope), (cost, aversion, interval, rate)
    center, half, low, high = prior(*option, *desk, ends, legs, seen[0])
    if math.isnan(center) or math.isnan(half):
        return math.nan, math.nan
    answer_rows(seen, network, answer)
    edges: tuple[float, float] = near(center, half, low, high, answer[0])
    return edges
