"""The option book's Greeks in units of the hedge instrument."""

import numpy as np

from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState
from pipeline.pricing import book


def target(state: MarketState, vol: FloatArray) -> FloatArray:
    """Return the position that offsets the book's delta at volatility `vol`, [N, T] hedge units.

    δ = −∂value/∂F · dF/dprice. A short call gives a positive position.
    """
    delta = book.delta(state.liability, state.forward, state.strike, state.time_to_expiry, vol, state.rate)
    return -delta * state.forward_slope


def curvature(state: MarketState, vol: FloatArray) -> FloatArray:
    """Return |Γ| = |∂²value/∂price²| at volatility `vol`, [N, T]."""
    gamma = book.gamma(state.liability, state.forward, state.strike, state.time_to_expiry, vol, state.rate)
    return np.abs(gamma) * state.forward_slope**2


def position_range(state: MarketState) -> tuple[FloatArray, FloatArray]:
    """Return the least and greatest position that the book's delta can ask for, [N, T] each."""
    low, high = state.liability.position_range
    most: FloatArray = state.forward_slope * np.exp(-state.rate * state.time_to_expiry)
    return low * most, high * most


def known(vol: FloatArray, policy: str, what: str) -> FloatArray:
    """Return `vol`, or raise where the market state has none.

    Raises
    ------
    PolicyError
        Naming the policy and the input that is missing.
    """
    if np.isnan(vol).any():
        row, time = np.argwhere(np.isnan(vol))[0]
        raise PolicyError(f"policy {policy}: no {what} in episode {row} at decision time {time}")
    return vol
