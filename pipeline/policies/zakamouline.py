"""Zakamouline's band (2006), fitted by its author to the exact optimum of an exponential-utility hedger."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numba.extending import register_jitable

from pipeline.domain.band import Band
from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.market_state import MarketState
from pipeline.policies import exposure
from pipeline.policies.base import Untrained
from pipeline.policies.batched import batched
from pipeline.policies.trading_rule import Numbers, charged, traded


@dataclass(frozen=True)
class Zakamouline(Untrained):
    """Δ(σ_m) ± (H0 + H1), with a volatility that is adjusted for cost and a band that never closes.

    H0 = c/(γ S σ² τ), H1 = 1.12 c^0.31 τ^0.05 (e^(−rτ)/σ)^0.25 (|Γ|/γ)^0.5,
    K = −4.76 c^0.78 τ^−0.02 (e^(−rτ)/σ)^0.25 (γ S² |Γ|)^0.15, σ_m² = σ²(1 + K) for options bought and
    σ²(1 − K) for options sold. Γ is at σ. H0 grows without bound as τ falls: the band is cut at the range
    of the book's own delta. In a net book every option has its own σ_m; Γ is the net one, and the widths are
    at the average σ and τ of the options held.
    """

    name: ClassVar[str] = "zakamouline"

    @batched
    def band(self, state: MarketState) -> Band:
        """Return Zakamouline's band at the desk's constant cost.

        Raises
        ------
        PolicyError
            A bought option at so high a cost that 1 + K is negative has no adjusted variance.
        """
        center, half_width, cost, vol = unclipped(state, self.name)
        band = traded(state, center, half_width, cost, vol)
        return band.clipped(*exposure.position_range(state))


def unclipped(
    state: MarketState, policy: str
) -> tuple[FloatArray, FloatArray, FloatArray | float, FloatArray]:
    """Return Zakamouline's centre and half-width [N, T], uncut, with cost and volatility.

    Raises
    ------
    PolicyError
        As `Zakamouline.band`, in the name of `policy`.
    """
    vol = exposure.known(state.implied_vol, policy, "implied_vol")
    cost, aversion, time = charged(state, state.desk_cost), state.risk_aversion, state.time_to_expiry
    spot, gamma = state.price[..., 0], exposure.curvature(state, vol)
    sigma, tau = exposure.typical(state, vol), exposure.typical(state, time)
    half_width = width(cost, aversion, spot, sigma, tau, state.rate, gamma)
    shift = adjustment(cost, aversion, spot, vol, time, state.rate, gamma)

    center = np.zeros_like(state.forward)
    for leg in state.liability.legs:
        variance = vol**2 * (1.0 + np.sign(leg.quantity) * shift)
        if np.any(variance <= 0.0):
            raise PolicyError(
                f"policy {policy}: a bought option at a cost of {state.desk_cost / 1e-4:g} bps has no "
                f"adjusted variance (1 + K is negative): lower the cost or leave {policy} out"
            )
        center -= exposure.delta(state, Liability((leg,)), np.sqrt(variance)) * state.forward_slope
    return exposure.net(center), half_width, cost, vol


@register_jitable  # type: ignore[untyped-decorator]
def width(
    cost: Numbers, aversion: Numbers, price: Numbers, vol: Numbers, time: Numbers, rate: float, gamma: Numbers
) -> Any:
    """Return H0 + H1, see `Zakamouline`."""
    h0 = cost / (aversion * price * vol**2 * time)
    ratio = (np.exp(-rate * time) / vol) ** 0.25
    h1 = 1.12 * cost**0.31 * time**0.05 * ratio * np.sqrt(gamma / aversion)
    return h0 + h1


@register_jitable  # type: ignore[untyped-decorator]
def adjustment(
    cost: Numbers, aversion: Numbers, price: Numbers, vol: Numbers, time: Numbers, rate: float, gamma: Numbers
) -> Any:
    """Return K, see `Zakamouline`."""
    ratio = (np.exp(-rate * time) / vol) ** 0.25
    return -4.76 * cost**0.78 * time**-0.02 * ratio * (aversion * price**2 * gamma) ** 0.15
