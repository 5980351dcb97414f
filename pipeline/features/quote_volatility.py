"""Volatility of the mid that the noise of the quotes does not inflate, and the share of it that is jumps.

The mid is taken every second and every ten (the last one known by then). Two scales: squared moves over
`SCALE` seconds, averaged over their offsets, less what single-second noise adds. Sums are decayed.
"""

import math
from typing import Final

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.features.event_feature import Output, Source, TimeArray, event_feature
from pipeline.features.event_kernel import compiled

SCALE: Final = 30
"""Seconds of the slow scale, and how many mids are kept."""
COARSE: Final = 10
"""Seconds of the returns of the bipower variation."""
HALF_LIFE: Final = 900.0
LONGEST: Final = 3600
"""Seconds without an event over which no returns are formed: a night, a halt."""
SECOND: Final = 10**9
MID, SLOW, FAST, WEIGHT, SQUARES, PRODUCTS, BEFORE, TICKS = 0, 1, 2, 3, 4, 5, 6, 7
_RING: Final = 8
NEVER: Final = np.iinfo(np.int64).min


@compiled
def _init(state: FloatArray, times: TimeArray, parameters: FloatArray) -> None:
    """No mid yet; the state is laid out as `MID` … `TICKS`, then log mids of the last `SCALE` seconds."""
    state[:] = 0.0
    state[MID] = np.nan
    state[BEFORE] = np.nan
    state[_RING:] = np.nan
    times[0] = NEVER


@compiled
def _tick(state: FloatArray, second: int) -> None:
    """Take the mid of one second into the sums."""
    level, kept = math.log(state[MID]), 0.5 ** (1.0 / HALF_LIFE)
    place, ticks = second % SCALE, state[TICKS]
    last, old = state[_RING + (second - 1) % SCALE], state[_RING + place]
    for part in (SLOW, FAST, WEIGHT, SQUARES, PRODUCTS):
        state[part] *= kept
    if ticks >= SCALE:
        state[SLOW] += (level - old) ** 2 / SCALE
        state[FAST] += (level - last) ** 2
        state[WEIGHT] += 1.0
    if second % COARSE == 0 and ticks >= COARSE:
        move = level - state[_RING + (second - COARSE) % SCALE]
        if math.isfinite(state[BEFORE]):
            state[SQUARES] += 0.5 * (move * move + state[BEFORE] ** 2)
            state[PRODUCTS] += 0.5 * math.pi * abs(move) * abs(state[BEFORE])
        state[BEFORE] = move
    state[_RING + place] = level
    state[TICKS] = ticks + 1.0


@compiled
def _advance(state: FloatArray, times: TimeArray, now: int) -> None:
    """Take every second that ended before `now` into the sums; start anew after a long pause."""
    second = now // SECOND
    if times[0] == NEVER or math.isnan(state[MID]):
        times[0] = second
        return
    if second - times[0] > LONGEST:
        state[_RING:] = np.nan
        state[BEFORE] = np.nan
        state[TICKS] = 0.0
        times[0] = second
    while times[0] < second:
        _tick(state, times[0])
        times[0] += 1


@compiled
def _step(
    state: FloatArray, times: TimeArray, parameters: FloatArray, known_time: int, source: int, row: FloatArray
) -> None:
    _advance(state, times, known_time)
    if 0.0 < row[0] <= row[1]:
        state[MID] = 0.5 * (row[0] + row[1])


@compiled
def _read(state: FloatArray, times: TimeArray, parameters: FloatArray, now: int, values: FloatArray) -> None:
    then, at = state.copy(), times.copy()
    _advance(then, at, now)
    values[:] = np.nan
    if then[WEIGHT] > 0.0:
        variance = (then[SLOW] - then[FAST] / SCALE) / (1.0 - 1.0 / SCALE) / then[WEIGHT]
        values[0] = 1e4 * math.sqrt(60.0 * max(variance, 0.0))
    if then[SQUARES] > 0.0:
        values[1] = math.sqrt(then[PRODUCTS] / then[SQUARES])
        values[2] = max(1.0 - then[PRODUCTS] / then[SQUARES], 0.0)


QUOTE_VOLATILITY: Final = event_feature(
    "quote_volatility",
    sources=(Source("quotes", ("bid_price", "ask_price")),),
    outputs=(
        Output(
            "quote_two_scale_vol",
            "bps a square root of a minute",
            "10⁴ √(60 Σ w [(y_i − y_{i−K})² − (y_i − y_{i−1})²] / (K − 1) / Σ w), y every second, K = 30",
        ),
        Output(
            "quote_bipower_ratio", "ratio", "√(π/2 Σ w |r_i||r_{i−1}| / Σ w (r_i² + r_{i−1}²)/2), r over 10 s"
        ),
        Output(
            "quote_jump_share",
            "share, 0 to 1",
            "max(1 − π/2 Σ w |r_i||r_{i−1}| / Σ w (r_i² + r_{i−1}²)/2, 0)",
        ),
    ),
    reference="Zhang, Mykland, Aït-Sahalia (2005), equation 55; Barndorff-Nielsen, Shephard (2004)",
    description="Two-scale volatility of the mid, and the share of its ten-second variance that jumps make.",
    state_size=_RING + SCALE,
    times_size=1,
    functions=(_init, _step, _read),
)
