"""Delta with a slope of implied volatility on the price that a network has learned from quotes."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pipeline.domain.band import Band
from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState
from pipeline.policies import exposure
from pipeline.policies.base import Untrained
from pipeline.policies.batched import batched
from pipeline.policies.delta import DeltaImplied
from pipeline.policies.network import Network, check_sizes
from pipeline.pricing import black

SLOPE_INPUTS = ("call_delta", "log_time", "log_vol")
"""What the network sees of an option: Black's delta of a call at its strike, log τ and log σ."""
MOST_SLOPE = 1.0
"""Bound on the slope."""


@dataclass(frozen=True)
class NetworkSlope(Untrained):
    r"""The hedge Δ + ν/(F√τ) · g, g = tanh of a network's answer: how volatility moves with the price.

    Hull and White's minimum-variance delta (`minimum_variance`) has a + bΔ + cΔ² in the place of g. A network
    whose last layer is zero, and none at all, is delta at the implied volatility itself. Networks are trained
    by `pipeline.deep.quotes_task`, on the changes of quoted options from day to day, and used without it.

    Attributes
    ----------
    network : one output from `SLOPE_INPUTS`; None is no slope.

    Raises
    ------
    PolicyError
        The network has other inputs or outputs than these.

    References
    ----------
    Nian, Coleman, Li (2021), Learning sequential option hedging models from market data; Hull, White (2017),
    eq. 5, for what the slope multiplies.
    """

    name: ClassVar[str] = "network_slope"
    untrained: ClassVar[str] = DeltaImplied.name
    network: Network | None = None

    def __post_init__(self) -> None:
        check_sizes(self.name, self.network, (len(SLOPE_INPUTS), 1))

    @batched
    def band(self, state: MarketState) -> Band:
        """Return the zero-width band at the hedge, not cut to the range of delta."""
        vol = exposure.known(state.implied_vol, self.name, "implied_vol")
        target = exposure.target(state, vol)
        return Band.around(target if self.network is None else target + self._added(state, self.network))

    def _added(self, state: MarketState, network: Network) -> FloatArray:
        """Return what the slope adds to the delta hedge, [N, T] hedge units."""
        time, vol = state.time_to_expiry, state.implied_vol
        terms = (state.forward, state.strike, time, vol)
        seen = slope_inputs(black.delta("call", *terms), time, vol)
        slope = MOST_SLOPE * np.tanh(network(seen)[..., 0] / MOST_SLOPE)
        vega = black.vega(*terms, state.rate) / np.sqrt(time)
        quantity = sum((leg.quantity for leg in state.liability.legs), np.zeros_like(vega))
        return exposure.net(-quantity * vega / state.forward * slope * state.forward_slope)


def slope_inputs(call_delta: FloatArray, time: FloatArray, vol: FloatArray) -> FloatArray:
    """Return `SLOPE_INPUTS` of options, [..., F].

    Parameters
    ----------
    call_delta : Black's forward delta, undiscounted, of a call at the option's strike.
    time, vol : years to expiry, and implied volatility.
    """
    return np.stack([call_delta, np.log(time), np.log(vol)], axis=-1)
