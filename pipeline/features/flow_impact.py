"""Market impact as observed: the move of the mid after flow of the size of the desk's order, less the drift.

A run of trades on one side, none more than a second after the one before, counts each time its volume
reaches the size. Its impact after h seconds is s[(m_{e+h} − m_b) − (m_b − m_{b−h})]/m_b, with m_b the mid
quoted before the instant in which the run begins and e when the size is reached: the trend that was there
before is not the run's doing. Mids before are those of a grid of tenths of a second.
"""

from typing import Final

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.features.event_feature import Output, Source, TimeArray, event_feature
from pipeline.features.event_kernel import compiled

HORIZONS: Final = (1, 5, 30)
"""Seconds."""
SIZE: Final = 1.0
"""Units of the underlying, where no desk asks for its own."""
FADED: Final = 0.98
"""What a run's weight becomes with each one that follows: the last fifty count."""
PAUSE: Final = 10**9
TENTH: Final = 10**8
PAST: Final = 310
"""Tenths of a second of mids that are kept."""
WAITING: Final = 1024
MID, BEFORE, SIDE, VOLUME = 0, 1, 2, 3
DRIFTS, SUMS, WEIGHTS, RUNS, MIDS = 4, 7, 10, 13, 13 + 5 * WAITING
"""Places in the state: the mid; mid before the run, its side, its volume and the three drifts before it; sums
and weights by horizon; runs that wait (mid, side, drifts); mids of the past tenths."""
LAST, TICK, HEAD, TAILS, TIMES = 0, 1, 2, 3, 6
"""Places in the times: last trade of the run, the last tenth, how many runs, of these settled by horizon;
then the times of the waiting runs."""
SOURCES: Final = (Source("trades", ("size", "side")), Source("quotes", ("bid_price", "ask_price")))
TRADE: Final = 0
"""Place of the trades among the sources: before the quotes, see `event_feature.EventFeature`."""


@compiled
def _init(state: FloatArray, times: TimeArray, parameters: FloatArray) -> None:
    """Nothing quoted, nothing waiting; the parameter is the size."""
    state[:] = 0.0
    state[MID] = np.nan
    state[MIDS:] = np.nan


@compiled
def _horizon(place: int) -> int:
    return 10**9 * (1 if place == 0 else 5 if place == 1 else 30)


@compiled
def _impact(state: FloatArray, run: int, place: int) -> float:
    at = RUNS + 5 * (run % WAITING)
    mid, side, drift = state[at], state[at + 1], state[at + 2 + place]
    return float(1e4 * side * ((state[MID] - mid) - drift) / mid)


@compiled
def _settle(state: FloatArray, times: TimeArray, now: int) -> None:
    """Take in every run whose horizon ended before `now`: the mid is still the one of that time."""
    for place in range(3):
        while times[TAILS + place] < times[HEAD]:
            run = times[TAILS + place]
            if times[TIMES + run % WAITING] + _horizon(place) >= now:
                break
            impact = _impact(state, run, place)
            if np.isfinite(impact):
                state[SUMS + place] = FADED * state[SUMS + place] + impact
                state[WEIGHTS + place] = FADED * state[WEIGHTS + place] + 1.0
            times[TAILS + place] += 1


@compiled
def _remember(state: FloatArray, times: TimeArray, now: int) -> None:
    """Write the mid into every tenth of a second that began since the last event, up to the ring's length."""
    tenth = now // TENTH
    first = max(times[TICK] + 1, tenth - PAST + 1)
    for tick in range(first, tenth + 1):
        state[MIDS + tick % PAST] = state[MID]
    times[TICK] = tenth


@compiled
def _step(
    state: FloatArray, times: TimeArray, parameters: FloatArray, known_time: int, source: int, row: FloatArray
) -> None:
    _settle(state, times, known_time)
    _remember(state, times, known_time)
    if source != TRADE:
        if 0.0 < row[0] <= row[1]:
            state[MID] = 0.5 * (row[0] + row[1])
        return
    size, side = row[0], row[1]
    if side == 0.0 or not state[MID] > 0.0:
        return
    if side != state[SIDE] or known_time - times[LAST] > PAUSE:
        state[SIDE], state[VOLUME], state[BEFORE] = side, 0.0, state[MID]
        for place in range(3):
            earlier = state[MIDS + ((known_time - _horizon(place)) // TENTH) % PAST]
            state[DRIFTS + place] = state[BEFORE] - earlier
    state[VOLUME] += size
    times[LAST] = known_time
    if state[VOLUME] >= parameters[0] and times[HEAD] - times[TAILS + 2] < WAITING:
        run = times[HEAD]
        at = RUNS + 5 * (run % WAITING)
        state[at], state[at + 1] = state[BEFORE], side
        state[at + 2 : at + 5] = state[DRIFTS : DRIFTS + 3]
        times[TIMES + run % WAITING] = known_time
        times[HEAD] += 1
        state[SIDE] = 0.0


@compiled
def _read(state: FloatArray, times: TimeArray, parameters: FloatArray, now: int, values: FloatArray) -> None:
    for place in range(3):
        total, weight = state[SUMS + place], state[WEIGHTS + place]
        run = times[TAILS + place]
        while run < times[HEAD] and times[TIMES + run % WAITING] + _horizon(place) <= now:
            impact = _impact(state, run, place)
            if np.isfinite(impact):
                total, weight = FADED * total + impact, FADED * weight + 1.0
            run += 1
        values[place] = total / weight if weight > 0.0 else np.nan


def _of_desk(order_size: float, depth_bps: float) -> FloatArray:
    return np.array([order_size])


FLOW_IMPACT: Final = event_feature(
    "flow_impact",
    sources=SOURCES,
    outputs=tuple(
        Output(f"flow_impact_{h}s", "bps of mid", f"Σ w s[(m_(e+{h}s) − m_b) − (m_b − m_(b−{h}s))]/m_b / Σ w")
        for h in HORIZONS
    ),
    reference="Bouchaud, Farmer, Lillo (2009), section 2, the response function",
    description="Move of the mid 1, 5 and 30 seconds after flow of the desk's order size, net of the drift.",
    state_size=MIDS + PAST,
    times_size=TIMES + WAITING,
    parameters=(SIZE,),
    functions=(_init, _step, _read),
    of_desk=_of_desk,
)
