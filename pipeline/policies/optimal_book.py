"""From the optimal bands of single options to the band of what is held: sides, strikes, net books."""

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.band import Band
from pipeline.domain.instruments import FloatArray, Kind, Side
from pipeline.domain.market_state import MarketState
from pipeline.policies import exposure
from pipeline.policies.trading_rule import charged, traded

AVERSION_UNIT, AVERSION_RATIO = 100.0, 1.5
FEWEST_STEPS = 32
IntArray = NDArray[np.int64]
Edges = tuple[FloatArray, FloatArray]
Solved = Callable[[Kind, Side, int, float, NDArray[np.bool_]], Edges]
"""Edges of the cells in a mask: of a kind and side, at so many steps and at an aversion × strike."""


def steps_left(state: MarketState) -> IntArray:
    """Return the whole number of decision times to expiry, at least one."""
    return np.maximum(np.rint(state.time_to_expiry / state.interval), 1.0).astype(np.int64)


def optimal_band(state: MarketState, vol: FloatArray, solved: Solved) -> Band:
    """Return the band of one option or a net book from those of its options.

    Each option is hedged as if it were alone at the aversion of one option, γ × number held: n equal options
    at γ/n have n times the band, which is exact. Spot and money scale with the strike, so one table for
    an aversion × strike serves every strike, and between the tables of a fixed ladder (ratio 1.5) edges are
    lines in the logarithm. The middles of different options add up. Half-widths go with gamma to the power ⅔
    (Whalley, Wilmott 1997), so they add up to the power 3/2, those of options bought against those of options
    sold: |Σ ± h^1.5|^⅔ n^⅓.

    Edges of the forward in units of the hedge are × dF/dprice × e^(−rτ). A fixed fee and impact are answered
    as `trading_rule.traded` does.
    """
    shape = state.forward.shape
    aversion = np.broadcast_to(np.asarray(state.risk_aversion * exposure.held(state)) * state.strike, shape)
    left = np.broadcast_to(steps_left(state), shape)
    middle, weight = np.zeros(shape), np.zeros(shape)
    for kind, side, amount in _options(state):
        lower, upper = np.zeros(shape), np.zeros(shape)
        for steps, rung, share, cells in _rungs(left, aversion, amount > 0.0):
            low, high = solved(kind, side, steps, rung, cells)
            lower[cells] += share[cells] * low
            upper[cells] += share[cells] * high
        unit = state.forward_slope * np.exp(-state.rate * state.time_to_expiry)
        middle += amount * unit * 0.5 * (lower + upper)
        sign = 1.0 if side == "short" else -1.0
        weight += sign * (amount * unit * 0.5 * (upper - lower)) ** 1.5 / np.sqrt(np.maximum(amount, 1e-300))
    count = np.sqrt(np.asarray(exposure.held(state)))
    half = np.abs(exposure.net(weight) * count) ** (2.0 / 3.0)
    band = traded(state, exposure.net(middle), half, charged(state, state.desk_cost), vol)
    return band.clipped(*exposure.position_range(state))


def _options(state: MarketState) -> Iterator[tuple[Kind, Side, FloatArray]]:
    """Return what is held by kind and side, with the number in each cell: a call and a put are a straddle."""
    held = {"call": np.zeros(state.forward.shape), "put": np.zeros(state.forward.shape)}
    for leg in state.liability.legs:
        held[leg.right] = held[leg.right] + leg.quantity
    same = np.sign(held["call"]) * (np.sign(held["call"]) == np.sign(held["put"]))
    both = same * np.minimum(np.abs(held["call"]), np.abs(held["put"]))
    amounts: dict[Kind, FloatArray] = {
        "straddle": both, "call": held["call"] - both, "put": held["put"] - both,
    }  # fmt: skip
    sides: tuple[tuple[Side, float], ...] = (("short", -1.0), ("long", 1.0))
    for (kind, amount), (side, sign) in product(amounts.items(), sides):
        if (sign * amount > 0.0).any():
            yield kind, side, np.maximum(sign * amount, 0.0)


def _rungs(
    left: IntArray, aversion: FloatArray, wanted: NDArray[np.bool_]
) -> Iterator[tuple[int, float, FloatArray, NDArray[np.bool_]]]:
    """Return the programmes that the wanted cells need: steps, aversion, weight of each cell, cells."""
    longest = np.maximum(FEWEST_STEPS, 2 ** np.ceil(np.log2(left)).astype(np.int64))
    for steps in np.unique(longest[wanted]).tolist():
        for rung, share in ladder(aversion / AVERSION_UNIT, AVERSION_RATIO, wanted):
            cells = wanted & (longest == steps) & (share > 0.0)
            if cells.any():
                yield steps, AVERSION_UNIT * rung, share, cells


def ladder(values: FloatArray, ratio: float, wanted: NDArray[np.bool_]) -> Iterator[tuple[float, FloatArray]]:
    """Return the rungs ratio^k around the wanted values, and the weight of each value on the rung.

    Weights are linear in the logarithm, and on a rung (within a billionth) all on it. A rung does not depend
    on what else is asked.

    Examples
    --------
    >>> [(r, w.tolist()) for r, w in ladder(np.array([4.0, 1.0]), 4.0, np.ones(2, bool))]
    [(1.0, [0.0, 1.0]), (4.0, [1.0, 0.0])]
    """
    place = np.log(values) / np.log(ratio)
    place = np.where(np.abs(place - np.rint(place)) < 1e-9, np.rint(place), place)
    low, high = int(np.floor(place[wanted].min())), int(np.ceil(place[wanted].max()))
    for rung in range(low, high + 1):
        share = np.maximum(1.0 - np.abs(place - rung), 0.0)
        if (share[wanted] > 0.0).any():
            yield ratio**rung, share
