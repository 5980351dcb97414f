"""Stoikov's microprice: the mid corrected by where it is going, learned from how quotes have moved.

The best quotes are a Markov chain on (imbalance bucket, spread in ticks). Let Q be the chance to go from one
state to another without a move of the mid, R to go there with one, and r the expected move that comes then.
The expected first move is G = (I − Q)⁻¹ r, the state after it follows B = (I − Q)⁻¹ R, and the expected sum
of all moves to come is g = Σ_i B^i G. Buying and selling are mirror images: every transition is counted with
its mirror too, so that g(1 − I, s) = −g(I, s) and the sum is finite.
"""

from itertools import chain
from typing import Final

import numpy as np

from pipeline.domain.errors import FitError
from pipeline.domain.instruments import FloatArray
from pipeline.features.event_feature import Days, Output, Source, TimeArray, event_feature
from pipeline.features.event_kernel import compiled

BUCKETS: Final = 10
"""Of the imbalance q_b / (q_b + q_a)."""
SPREADS: Final = 4
"""Spreads in ticks that are told apart; a wider one counts as the widest."""
STATES: Final = BUCKETS * SPREADS
TERMS: Final = 64
"""Of the sum over moves; they fade geometrically."""
MOVED: Final = 1
NOTHING: Final = np.full((1, 4), np.nan)
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


def adjustments(training: Days) -> FloatArray:
    """Return the tick and g by state from rows of `book` in the order of time, [1 + buckets · spreads].

    Parameters
    ----------
    training : days of them; pairs of rows of which one is not sound, or has no size on both sides, are left
        out, and so is the night between two days.

    Raises
    ------
    FitError
        The mid never moved.
    """
    tick, counts, moves = _tick(training), np.zeros((2, STATES, STATES)), np.zeros(STATES)
    for day in training:
        before = NOTHING
        for part in day:
            rows = np.concatenate([before, _sound(part["book"].columns)])
            _count(rows, tick, counts, moves)
            before = rows[-1:]
    if not counts[MOVED].any():
        raise FitError("microprice: the mid never moves in the training rows: train on a longer time")
    mirror = (np.arange(STATES).reshape(BUCKETS, SPREADS)[::-1]).ravel()
    counts, moves = counts + counts[:, mirror][:, :, mirror], moves - moves[mirror]
    seen = np.maximum(counts.sum(axis=(0, 2)), 1.0)
    stay, go = counts / seen[:, None]
    ahead = np.linalg.solve(np.eye(STATES) - stay, np.c_[moves / seen, go])
    term = ahead[:, 0]
    total = term.copy()
    for _ in range(TERMS):
        term = ahead[:, 1:] @ term
        total += term
    return np.append(tick, total)


def _sound(columns: FloatArray) -> FloatArray:
    """Return bid, its size, ask and its size [E, 4] of rows of a book; NaN where it is not sound."""
    width = (columns.shape[1] - 2) // 4
    best = columns[:, [2, 2 + width, 2 + 2 * width, 2 + 3 * width]]
    bid, bid_size, ask, ask_size = best.T
    sound = (columns[:, 0] == 1.0) & (bid < ask)
    sound &= (bid_size >= 0.0) & (ask_size >= 0.0) & (bid_size + ask_size > 0.0)
    return np.where(sound[:, None], best, np.nan)


def _tick(training: Days) -> float:
    """Return the least step of the best prices, or spread, that is not rounding; infinite without any."""
    tick, last = np.inf, NOTHING
    for part in chain.from_iterable(training):
        rows = _sound(part["book"].columns)
        rows = np.concatenate([last, rows[np.isfinite(rows[:, 0])]])
        bid, _, ask, _ = rows.T
        steps = np.stack([np.abs(np.diff(bid)), np.abs(np.diff(ask)), (ask - bid)[1:]])
        tick = steps[steps > 1e-9 * np.maximum(ask[1:], 1.0)].min(initial=tick)
        last = rows[-1:]
    return float(tick)


def _count(rows: FloatArray, tick: float, counts: FloatArray, moves: FloatArray) -> None:
    """Add the changes of state from row to row, with and without a move of the mid, and these moves."""
    bid, bid_size, ask, ask_size = rows.T
    pair = np.isfinite(bid[1:]) & np.isfinite(bid[:-1])
    move = np.diff(0.5 * (bid + ask))[pair]
    moved = np.abs(move) > 0.25 * tick
    share = np.nan_to_num(BUCKETS * bid_size / (bid_size + ask_size))
    ticks = np.clip(np.round(np.nan_to_num((ask - bid) / tick)), 1, SPREADS).astype(int) - 1
    state = np.minimum(share.astype(int), BUCKETS - 1) * SPREADS + ticks
    first, then = state[:-1][pair], state[1:][pair]
    changed = moved | (first != then)
    np.add.at(counts, (moved[changed].astype(int), first[changed], then[changed]), 1.0)
    np.add.at(moves, first[changed], np.where(moved, move, 0.0)[changed])


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
    fit=adjustments,
    functions=(_init, _step, _read),
)
