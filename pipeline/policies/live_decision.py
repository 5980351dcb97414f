"""What a trained network answers for one option at one decision, compiled: the edges of its policy's band."""

import math
from typing import Any, Final

import numpy as np
from numba import njit

from pipeline.domain.edges import Edges
from pipeline.domain.instruments import FloatArray
from pipeline.policies.correction import corrected, quickened
from pipeline.policies.live_option import (
    OPTION,
    Option,
    Owed,
    Prior,
    Terms,
    a_unit,
    describe,
    prior,
)
from pipeline.policies.network import forward
from pipeline.policies.network_slope import MOST_SLOPE
from pipeline.policies.recurrent_network import step
from pipeline.policies.trading_rule import around_fee, slowed
from pipeline.pricing.one_option import d1, density, normal

BAND: Final = 0
POSITION: Final = 1
SLOPE: Final = 2
"""What a policy makes of its network's answer: see `network_band`, `network_position`, `network_slope`."""
MOST: Final = OPTION + 2
"""Columns that each of them sees at most, before what it sees beside the option."""


def forgotten(units: int) -> FloatArray:
    """Return the memory [U + 2] of an option that was not decided on yet.

    It is the state of the GRU, if there is one, then the logarithm of the forward at the last decision and
    the deviation of a step that the option was marked at.
    """
    return np.append(np.zeros(units), (math.nan, math.nan))


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def decided(
    kind: int,
    option: Option,
    terms: Terms,
    owed: Owed,
    beside: FloatArray,
    network: FloatArray,
    gru: Any,
    memory: FloatArray,
) -> Edges:
    """Return the edges and remember the decision, or NaN and remember nothing.

    Parameters
    ----------
    kind : `BAND`, `POSITION` or `SLOPE`.
    beside : [M] what it sees beside the option.
    network : `Network.numbers` of its layers; without any, the answer is zero.
    gru : `Gru.arrays`, None of a network that reads no path.
    memory : see `forgotten`.
    """
    nothing = Edges(math.nan, math.nan, math.nan, math.nan, math.nan)
    moved, units, heard = memory.copy(), len(memory) - 2, 0
    moved[units], moved[units + 1] = math.log(option.forward), option.vol * math.sqrt(terms.interval)
    seen, answer = np.empty((1, units + 2 + MOST + len(beside))), np.zeros((1, 3))
    if gru is not None:
        heard = units + 2
        if not _recalled(gru, network, memory, moved, seen[0]):
            return nothing
    start = prior(option, terms, owed) if kind == BAND else Prior(0.0, 0.0, 0.0, 0.0)
    if not _saw(kind, option, terms, start, beside, seen[0, heard:]):
        return nothing
    outputs = int(network[1 + int(network[0])]) if len(network) else 0
    if outputs:
        forward(seen, network, answer[:, :outputs])
    if kind == BAND:
        opening, paced = math.isnan(memory[units]), outputs == 3
        found = _band(option, terms, owed, start, np.tanh(answer[0]), paced, opening)
    elif kind == POSITION:
        share, (low, high) = 0.5 + 0.5 * math.tanh(answer[0, 0]), owed.ends
        found = _at(a_unit(option, terms) * (low + (high - low) * share))
    else:
        found = _at(_sloped(option, terms, owed, MOST_SLOPE * math.tanh(answer[0, 0] / MOST_SLOPE)))
    if not (found.lower <= found.upper) or math.isnan(found.to_lower + found.to_upper + found.speed):
        return nothing
    memory[:] = moved
    edges: Edges = found
    return edges


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _recalled(gru: Any, network: FloatArray, memory: FloatArray, moved: FloatArray, seen: FloatArray) -> bool:
    """Read the last move as `RecurrentNetwork.recalled` does, into `moved`; write what the layers read of it.

    Nothing is read, and False returned, where the move is NaN.
    """
    units, layers, width = len(memory) - 2, int(network[0]), int(network[1])
    scaling = network[layers + 2 : layers + 2 + 4 * width].reshape(4, width)
    opening = math.isnan(memory[units])
    move = 0.0 if opening else (moved[units] - memory[units]) / memory[units + 1]
    if math.isnan(move):
        return False
    heard, gates = np.empty(2), np.empty((2, 3 * units))
    seen[units], seen[units + 1] = move, abs(move)
    for k in range(2):
        mean, scale, low, high = scaling[:, units + k]
        heard[k] = (min(max(seen[units + k], low), high) - mean) / scale
    step(heard, gru[0], gru[1], gru[2], gru[3], moved[:units], gates)
    seen[:units] = moved[:units]
    return True


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _saw(kind: int, option: Option, terms: Terms, start: Prior, beside: FloatArray, seen: FloatArray) -> bool:
    """Write what a kind of policy sees of the present, and tell whether all of it is known."""
    count = OPTION
    if kind == SLOPE:
        count = 3
        seen[0] = normal(d1(option.forward, option.strike, option.time, option.vol))
        seen[1], seen[2] = math.log(option.time), math.log(option.vol)
    else:
        describe(option, terms, seen)
    if kind == BAND:
        seen[count], seen[count + 1] = start.center, start.half_width
        count += 2
    seen[count : count + len(beside)] = beside
    return bool(not np.isnan(seen[:count]).any() and np.isfinite(beside).all())


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _band(
    option: Option,
    terms: Terms,
    owed: Owed,
    start: Prior,
    answer: FloatArray,
    paced: bool,
    opening: bool,
) -> Edges:
    """Return what `network_band.corrected_band` does with an answer."""
    center, half = corrected(start.center, start.half_width, answer[0], answer[1])
    price, inner, outer, speed = option.price, half, half, 1.0
    risk = terms.aversion * (option.vol * price) ** 2
    if terms.fixed_fee != 0.0:
        inner, outer = around_fee(half, terms.fixed_fee, start.cost * price, risk * option.time)
    if option.impact != 0.0:
        middle, wide = (start.center, start.half_width) if paced else (center, half)
        move = start.gamma * option.vol * price * math.sqrt(terms.interval)
        open_all = abs(middle) if opening else 0.0
        speed = slowed(move, open_all, wide, risk * terms.interval, option.impact * price)
        if paced:
            speed = quickened(speed, answer[2])
    low, high = owed.ends * a_unit(option, terms)
    return Edges(
        min(max(center - outer, low), high),
        min(max(center + outer, low), high),
        min(max(center - inner, low), high),
        min(max(center + inner, low), high),
        speed,
    )


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _sloped(option: Option, terms: Terms, owed: Owed, slope: float) -> float:
    """Return what `NetworkSlope.band` is around, see there."""
    unit, at = a_unit(option, terms), d1(option.forward, option.strike, option.time, option.vol)
    position = 0.0
    for k in range(len(owed.legs)):
        sign, quantity = owed.legs[k, 0], owed.legs[k, 1]
        position -= quantity * unit * (sign * normal(sign * at) + density(at) * slope)
    return position


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _at(position: float) -> Edges:
    return Edges(position, position, position, position, 1.0)
