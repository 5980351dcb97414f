"""The Greeks of what is hedged, in units of the hedge instrument: one option, or the net of a book."""

from collections.abc import Mapping
from functools import partial

import numpy as np

from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.market_state import MarketState
from pipeline.policies.remembering import remembered
from pipeline.pricing import delta_gamma as black


def net(values: FloatArray) -> FloatArray:
    """Return what is [N, T] as it is, and the sum over the options of what is [M, N, T]: [N, T].

    Examples
    --------
    >>> net(np.array([[[0.5]], [[-0.2]]])).round(2)
    array([[0.3]])
    """
    total: FloatArray = values.sum(axis=0) if values.ndim == 3 else values
    return total


def held(state: MarketState) -> FloatArray | float:
    """Return the number of options held, bought or sold: 1 in an episode, [N, T] in a net book."""
    return state.lots if isinstance(state.lots, float) else np.sum(state.lots, axis=0)


def typical(state: MarketState, values: FloatArray) -> FloatArray:
    """Return the average of an option's quantity over the options held, weighted by lots: [N, T].

    One option is its own average. Where nothing is held it is the first value.
    """
    if values.ndim < 3:
        return values
    total = np.asarray(held(state))
    share = state.lots / np.where(total > 0.0, total, 1.0)
    average: FloatArray = np.where(total > 0.0, (share * values).sum(axis=0), values[0])
    return average


def target(state: MarketState, vol: FloatArray) -> FloatArray:
    """Return the position that offsets the net delta at volatility `vol`, [N, T] hedge units.

    δ = −∂value/∂F · dF/dprice, summed over the options. A short call gives a positive position.
    """
    return target_and_curvature(state, vol)[0]


def curvature(state: MarketState, vol: FloatArray) -> FloatArray:
    """Return |Γ| = |∂²value/∂price²| of all options together at volatility `vol`, [N, T]."""
    return target_and_curvature(state, vol)[1]


def target_and_curvature(state: MarketState, vol: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return `target` and `curvature` at volatility `vol`, for the price of one of them."""
    made: list[FloatArray] = []

    def compute(which: int) -> FloatArray:
        if not made:
            delta, gamma = greeks(state, state.liability, vol)
            slope = state.forward_slope
            delta *= -slope
            gamma *= slope**2
            made.extend((net(delta), np.abs(net(gamma))))
        return made[which]

    target, curvature = (
        remembered(state, (what,), (vol,), partial(compute, which))
        for which, what in enumerate(("target", "curvature"))
    )
    return target, curvature


def greeks(state: MarketState, liability: Liability, vol: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return ∂value/∂F and ∂²value/∂F² of some of the state's options at volatility `vol`, for their holder.

    By Black's formula, or by the state's own model where it has one.
    """
    if state.model is None:
        terms = (state.forward, state.strike, state.time_to_expiry, vol, state.rate)
        return black.delta_gamma(liability, *terms)
    delta, gamma = state.model.delta_gamma(liability, vol)
    return delta / state.forward_slope, gamma / state.forward_slope**2


def delta(state: MarketState, liability: Liability, vol: FloatArray) -> FloatArray:
    """Return ∂value/∂F of some of the state's options at volatility `vol`, see `greeks`."""
    if state.model is None:
        terms = (state.forward, state.strike, state.time_to_expiry, vol, state.rate)
        return black.delta(liability, *terms)
    return greeks(state, liability, vol)[0]


def position_range(state: MarketState) -> tuple[FloatArray, FloatArray]:
    """Return the least and greatest position that the options' deltas can ask for together, [N, T] each."""
    low, high = state.liability.position_range

    def most() -> FloatArray:
        return np.asarray(state.forward_slope * np.exp(-state.rate * state.time_to_expiry))

    one = remembered(state, ("position_range",), (), most)
    return (
        remembered(state, ("least position",), (one,), lambda: net(low * one)),
        remembered(state, ("greatest position",), (one,), lambda: net(high * one)),
    )


def within_range(state: MarketState, share: FloatArray) -> FloatArray:
    """Return the position [N, T] that is a share of the way through each option's own range of delta.

    Parameters
    ----------
    share : 0 … 1, [N, T], or [M, N, T] in a net book, whose options' positions add up.
    """
    low, high = state.liability.position_range
    unit = state.forward_slope * np.exp(-state.rate * state.time_to_expiry)
    return net(unit * (low + (high - low) * share))


def known(vol: FloatArray, policy: str, what: str) -> FloatArray:
    """Return `vol`, or raise where the market state has none.

    Raises
    ------
    PolicyError
        Naming the policy and the input that is missing.
    """
    if np.isnan(vol).any():
        *_, row, time = np.argwhere(np.isnan(vol))[0]
        raise PolicyError(f"policy {policy}: no {what} in episode {row} at decision time {time}")
    return vol


def blended(state: MarketState, policy: str, parts: Mapping[str, float]) -> FloatArray:
    """Return the volatility [N, T] whose variance is Σ weight · variance over fields of the state.

    Parameters
    ----------
    parts : weight by name of the field; one with weight zero is not read.

    Raises
    ------
    PolicyError
        As `known`.
    """
    used = {name: weight for name, weight in parts.items() if weight}

    def root() -> FloatArray:
        variance = np.zeros_like(state.forward)
        for name, weight in used.items():
            variance += weight * known(getattr(state, name), policy, name) ** 2
        return np.sqrt(variance)

    return remembered(state, ("blended", *used.items()), (), root)


def own(values: FloatArray | None, policy: str, what: str) -> FloatArray:
    """Return `values` of the desk's own state, or raise where the policy was not stepped.

    Raises
    ------
    PolicyError
        Naming the policy and what it reads.
    """
    if values is None:
        raise PolicyError(f"policy {policy}: reads {what}, so it must be stepped: use backtest.stepping")
    return values
