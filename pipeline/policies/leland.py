"""Leland's delta (1985): the volatility is enlarged by what the trading will cost."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pipeline.domain.band import Band
from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import FloatArray, Leg, Liability
from pipeline.domain.market_state import MarketState
from pipeline.policies import exposure
from pipeline.policies.base import Untrained
from pipeline.policies.batched import batched


@dataclass(frozen=True)
class Leland(Untrained):
    """Delta at σ̂² = σ²(1 ± Le), Le = √(2/π) · 2c/(σ√Δt), + for options sold, − for options bought."""

    name: ClassVar[str] = "leland"

    @batched
    def band(self, state: MarketState) -> Band:
        """Return the zero-width band at Leland's delta.

        Raises
        ------
        PolicyError
            A bought option whose Leland number reaches one has no adjusted variance.
        """
        vol = exposure.known(state.implied_vol, self.name, "implied_vol")
        center = np.zeros_like(state.forward)
        for leg in state.liability.legs:
            adjusted = leland_vol(vol, state.desk_cost, state.interval, leg)
            center -= exposure.delta(state, Liability((leg,)), adjusted) * state.forward_slope
        return Band.around(exposure.net(center))


def leland_vol(vol: FloatArray, cost: float, interval: float, leg: Leg) -> FloatArray:
    """Return Leland's adjusted volatility for one leg (Leland 1985, eq. 11).

    Examples
    --------
    >>> leland_vol(np.array([0.2]), 0.001, 1 / 365, Leg("call", -1.0)).round(4)
    array([0.2147])
    """
    number = np.sqrt(2.0 / np.pi) * 2.0 * cost / (vol * np.sqrt(interval))
    variance = vol**2 * (1.0 - np.sign(leg.quantity) * number)
    if np.any(variance <= 0.0):
        raise PolicyError(
            f"policy leland: a bought option at a cost of {cost / 1e-4:g} bps has no adjusted variance "
            f"(Leland number {float(np.max(number)):.2f}, must be below 1): lower the cost or drop leland"
        )
    adjusted: FloatArray = np.sqrt(variance)
    return adjusted
