"""Stoikov's microprice: the mid corrected by where it is going, learned from how quotes have moved.

The best quotes are a Markov chain on (imbalance bucket, spread in ticks). Let Q be the chance to go from one
state to another without a move of the mid, R to go there with one, and r the expected move that comes then.
The expected first move is G = (I − Q)⁻¹ r, the state after it follows B = (I − Q)⁻¹ R, and the expected sum
of all moves to come is g = Σ_i B^i G. Buying and selling are mirror images: every transition is counted with
its mirror too, so that g(1 − I, s) = −g(I, s) and the sum is finite.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from pipeline.domain.errors import FitError
from pipeline.domain.instruments import FloatArray
from pipeline.features.book_at import widened
from pipeline.features.event_feature import Output, Source, Tables, TimeArray, event_feature
from pipeline.features.event_kernel import compiled

BUCKETS: Final = 10
"""Of the imbalance q_b / (q_b + q_a)."""
SPREADS: Final = 4
"""Spreads in ticks that are told apart; a wider one counts as the widest."""
MOVES: Final = 64
"""Terms of the sum over moves; they fade geometrically."""
BOOK: Final = Source("book", ("trusted", "levels", "bid_price", "bid_size", "ask_price", "ask_size"))


@compiled
def _sized(bid_size: float, ask_size: float) -> bool:
    """Tell whether the best quotes hold anything: else they have no imbalance. NaN is nothing."""
    return bool(bid_size >= 0.0 and ask_size >= 0.0 and bid_size + ask_size > 0.0)


@compiled
def _place(spread: float, bid_size: float, ask_size: float, tick: float) -> int:
    bucket = min(int(BUCKETS * bid_size / (bid_size + ask_size)), BUCKETS - 1)
    ticks = min(max(round(spread / tick), 1), SPREADS)
    return bucket * SPREADS + ticks - 1


def adjustments(columns: FloatArray) -> FloatArray:
    """Return the tick and g by state from rows of `book` in the order of time, [1 + buckets · spreads].

    Parameters
    ----------
    columns : [E, 2 + 4 N], see `BookRows`; pairs of rows of which one is not sound, or has no size on both
        sides, are left out.

    Raises
    ------
    FitError
        The mid never moved.
    """
    width = (columns.shape[1] - 2) // 4
    bid, bid_size = columns[:, 2], columns[:, 2 + width]
    ask, ask_size = columns[:, 2 + 2 * width], columns[:, 2 + 3 * width]
    sound = (columns[:, 0] == 1.0) & (bid < ask)
    sound &= (bid_size >= 0.0) & (ask_size >= 0.0) & (bid_size + ask_size > 0.0)
    spread = np.where(sound, ask - bid, np.nan)
    steps = np.abs(np.diff(np.concatenate([bid[sound], ask[sound]])))
    steps = np.append(steps, spread[sound])
    tick = steps[steps > 1e-9 * np.nanmax(ask[sound], initial=1.0)].min(initial=np.inf)
    pair = sound[1:] & sound[:-1]
    move = np.diff(0.5 * (bid + ask))[pair]
    moved = np.abs(move) > 0.25 * tick
    if not moved.any():
        raise FitError("microprice: the mid never moves in the training rows: train on a longer time")
    share = BUCKETS * bid_size / np.where(sound, bid_size + ask_size, 1.0)
    bucket = np.minimum(np.where(sound, share, 0.0).astype(int), BUCKETS - 1)
    ticks = np.clip(np.round(np.where(sound, spread, 0.0) / tick).astype(int), 1, SPREADS) - 1
    state, mirror = bucket * SPREADS + ticks, (BUCKETS - 1 - bucket) * SPREADS + ticks
    changed = moved | (state[1:] != state[:-1])[pair]
    states = BUCKETS * SPREADS
    counts, moves = np.zeros((2, states, states)), np.zeros(states)
    for place, sign in ((state, 1.0), (mirror, -1.0)):
        first, then = place[:-1][pair][changed], place[1:][pair][changed]
        np.add.at(counts, (moved[changed].astype(int), first, then), 1.0)
        np.add.at(moves, first, sign * np.where(moved, move, 0.0)[changed])
    seen = np.maximum(counts.sum(axis=(0, 2)), 1.0)
    stay, go = counts / seen[:, None]
    ahead = np.linalg.solve(np.eye(states) - stay, np.c_[moves / seen, go])
    term = ahead[:, 0]
    total = term.copy()
    for _ in range(MOVES):
        term = ahead[:, 1:] @ term
        total += term
    return np.append(tick, total)


def _fit(training: Sequence[Tables]) -> FloatArray:
    """Learn from all days; a row that is not sound parts each from the next."""
    days = [day["book"].columns for day in training]
    width = max(day.shape[1] for day in days)
    night = np.full((1, width), np.nan)
    return adjustments(np.concatenate([part for day in days for part in (widened(day, width), night)]))


@compiled
def _init(state: FloatArray, times: TimeArray, parameters: FloatArray) -> None:
    state[0] = np.nan


@compiled
def _step(
    state: FloatArray, times: TimeArray, parameters: FloatArray, known_time: int, source: int, row: FloatArray
) -> None:
    width = (row.size - 2) // 4
    bid, ask = row[2], row[2 + 2 * width]
    if row[0] == 1.0 and bid < ask and _sized(row[2 + width], row[2 + 3 * width]):
        place = _place(ask - bid, row[2 + width], row[2 + 3 * width], parameters[0])
        state[0] = 0.5 * (bid + ask) + parameters[1 + place]
    else:
        state[0] = np.nan


@compiled
def _read(state: FloatArray, times: TimeArray, parameters: FloatArray, now: int, values: FloatArray) -> None:
    values[0] = state[0]


MICROPRICE: Final = event_feature(
    "microprice",
    sources=(BOOK,),
    outputs=(Output("book_microprice", "price", "m + g(I, s), I = q_b/(q_b + q_a), g = Σ_i B^i G"),),
    reference="Stoikov (2018), theorem 3.1",
    description="Mid plus the sum of the moves that the best quotes lead one to expect, learned.",
    state_size=1,
    fit=_fit,
    functions=(_init, _step, _read),
)
