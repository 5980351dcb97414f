"""What those who traded paid: the effective half-spread, and what of it the other side kept.

The mid of a trade is the last one quoted before its instant, as for its side (`ingest.trade_side`).
"""

from typing import Final

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.features.event_feature import Output, Source, TimeArray, event_feature
from pipeline.features.event_kernel import compiled

HALF_LIFE: Final = 300.0
AFTER: Final = 5 * 10**9
"""Nanoseconds after a trade at which the mid is what the price has settled at."""
WAITING: Final = 4096
"""Trades that may wait for that mid; one more in five seconds counts in the effective spread only."""
SECOND: Final = 1e9
TRADE: Final = 0
"""Place of the trades among the sources: before the quotes, see `event_feature.EventFeature`."""
MID, PAID, TRADED, KEPT, SETTLED = 0, 1, 2, 3, 4
_RING: Final = 5
"""Then, for each waiting trade, signed price over the mid of then, that mid, side and size."""
SINCE, HEAD, TAIL = 0, 1, 2
"""Places in the times: of the last change of the sums of the effective spread, of the settled ones, …"""
SETTLED_SINCE, DUE = 3, 4


@compiled
def _init(state: FloatArray, times: TimeArray, parameters: FloatArray) -> None:
    """Nothing quoted and nothing waiting."""
    state[:] = 0.0
    state[MID] = np.nan


@compiled
def _faded(since: int, now: int) -> float:
    return float(0.5 ** ((now - since) / SECOND / HALF_LIFE))


@compiled
def _settled(state: FloatArray, place: int) -> tuple[float, float]:
    """Return what the other side kept of one waiting trade, bps times its size, and the size."""
    at = _RING + 3 * (place % WAITING)
    price, side, size = state[at], state[at + 1], state[at + 2]
    return 1e4 * side * (price - state[MID]) / state[MID] * size, size


@compiled
def _step(
    state: FloatArray, times: TimeArray, parameters: FloatArray, known_time: int, source: int, row: FloatArray
) -> None:
    while times[TAIL] < times[HEAD] and times[DUE + times[TAIL] % WAITING] < known_time:
        kept, size = _settled(state, times[TAIL])
        due = times[DUE + times[TAIL] % WAITING]
        faded = _faded(times[SETTLED_SINCE], due)
        state[KEPT] = state[KEPT] * faded + kept
        state[SETTLED] = state[SETTLED] * faded + size
        times[SETTLED_SINCE] = due
        times[TAIL] += 1
    if source != TRADE:
        if 0.0 < row[0] <= row[1]:
            state[MID] = 0.5 * (row[0] + row[1])
        return
    price, size, side = row[0], row[1], row[2]
    if side == 0.0 or not state[MID] > 0.0:
        return
    faded = _faded(times[SINCE], known_time)
    state[PAID] = state[PAID] * faded + 1e4 * side * (price - state[MID]) / state[MID] * size
    state[TRADED] = state[TRADED] * faded + size
    times[SINCE] = known_time
    if times[HEAD] - times[TAIL] < WAITING:
        at = _RING + 3 * (times[HEAD] % WAITING)
        state[at], state[at + 1], state[at + 2] = price, side, size
        times[DUE + times[HEAD] % WAITING] = known_time + AFTER
        times[HEAD] += 1


@compiled
def _read(state: FloatArray, times: TimeArray, parameters: FloatArray, now: int, values: FloatArray) -> None:
    values[:] = np.nan
    if state[TRADED] > 0.0:
        values[0] = state[PAID] / state[TRADED]
    kept, settled, since, place = state[KEPT], state[SETTLED], times[SETTLED_SINCE], times[TAIL]
    while place < times[HEAD] and times[DUE + place % WAITING] <= now:
        due = times[DUE + place % WAITING]
        faded = _faded(since, due)
        more, size = _settled(state, place)
        kept, settled, since = kept * faded + more, settled * faded + size, due
        place += 1
    if settled > 0.0:
        values[1] = kept / settled


TRADE_COSTS: Final = event_feature(
    "trade_costs",
    sources=(
        Source("trades", ("price", "size", "side")),
        Source("quotes", ("bid_price", "ask_price")),
    ),
    outputs=(
        Output("trade_effective_half_spread", "bps of mid", "Σ w q s (p − m_t)/m_t / Σ w q"),
        Output("trade_realised_half_spread", "bps of mid", "Σ w q s (p − m_{t+5s})/m_{t+5s} / Σ w q"),
    ),
    reference="Huang, Stoll (1996), equations 1 and 2, halved",
    description="Effective half-spread of the trades, and what of it was left five seconds later.",
    state_size=_RING + 3 * WAITING,
    times_size=DUE + WAITING,
    functions=(_init, _step, _read),
)
