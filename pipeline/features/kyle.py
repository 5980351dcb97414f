"""Kyle's lambda: how far a unit of signed volume moves the price."""

import math
from typing import Final

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.features.event_feature import Output, Source, TimeArray, event_feature
from pipeline.features.event_kernel import compiled

INTERVAL: Final = 60 * 10**9
"""Of Kyle's regression, in nanoseconds."""
MEMORY: Final = 60.0
"""Intervals after which one counts half."""
NEVER: Final = np.iinfo(np.int64).min
MID, OPENED, FLOW, CROSS, SQUARE, SEEN = 0, 1, 2, 3, 4, 5
SOURCES: Final = (Source("trades", ("size", "side")), Source("quotes", ("bid_price", "ask_price")))
TRADE: Final = 0
"""Place of the trades among the sources: before the quotes, see `event_feature.EventFeature`."""


@compiled
def _init(state: FloatArray, times: TimeArray, parameters: FloatArray) -> None:
    """No interval yet: the state is mid, mid at its opening, its signed flow, Σ ΔP Q, Σ Q² and how many."""
    state[:] = 0.0
    state[MID] = np.nan
    state[OPENED] = np.nan
    times[0] = NEVER


@compiled
def _sums(state: FloatArray, passed: int) -> tuple[float, float, float]:
    """Return Σ ΔP Q, Σ Q² and the count when the open interval has ended and `passed` − 1 more after it."""
    cross, square, seen = state[CROSS], state[SQUARE], state[SEEN]
    move = state[MID] - state[OPENED]
    kept = 0.5 ** (1.0 / MEMORY)
    if math.isfinite(move):
        cross = cross * kept + move * state[FLOW]
        square = square * kept + state[FLOW] * state[FLOW]
        seen += 1.0
    rest = kept ** (passed - 1)
    return cross * rest, square * rest, seen


@compiled
def _step(
    state: FloatArray, times: TimeArray, parameters: FloatArray, known_time: int, source: int, row: FloatArray
) -> None:
    interval = known_time // INTERVAL
    if times[0] == NEVER:
        times[0] = interval
    if interval > times[0]:
        state[CROSS], state[SQUARE], state[SEEN] = _sums(state, interval - times[0])
        state[OPENED], state[FLOW], times[0] = state[MID], 0.0, interval
    if source == TRADE:
        state[FLOW] += row[0] * row[1]
    else:
        sound = 0.0 < row[0] <= row[1]
        state[MID] = 0.5 * (row[0] + row[1]) if sound else state[MID]
        if math.isnan(state[OPENED]):
            state[OPENED] = state[MID]


@compiled
def _read(state: FloatArray, times: TimeArray, parameters: FloatArray, now: int, values: FloatArray) -> None:
    cross, square, seen = state[CROSS], state[SQUARE], state[SEEN]
    passed = now // INTERVAL - times[0]
    if times[0] != NEVER and passed > 0:
        cross, square, seen = _sums(state, passed)
    values[0] = np.nan
    if seen >= 2.0 and square > 0.0 and state[MID] > 0.0:
        values[0] = 1e4 * cross / square / state[MID]


KYLE: Final = event_feature(
    "kyle",
    sources=SOURCES,
    outputs=(
        Output("kyle_lambda_60s", "bps of mid a unit", "10⁴/m · Σ w ΔP Q / Σ w Q² over intervals of 60 s"),
    ),
    reference="Kyle (1985), equation 4.1; regression without an intercept, intervals decayed",
    description="Change of the mid a unit of signed volume, by decayed least squares over minutes.",
    state_size=6,
    times_size=1,
    functions=(_init, _step, _read),
)
