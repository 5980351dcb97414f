"""What the tape says: at which price, how fast and in which direction an instrument has been trading.

All sums are decayed, so that no window has to be kept: a trade counts half after `HALF_LIFE` seconds.
"""

import math
from typing import Final

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.features.event_feature import Output, Source, TimeArray, event_feature
from pipeline.features.event_kernel import compiled

HALF_LIFE: Final = 60.0
SECOND: Final = 1e9
COUNT, VOLUME, SIGNED, MONEY = 0, 1, 2, 3


@compiled
def _init(state: FloatArray, times: TimeArray, parameters: FloatArray) -> None:
    """Nothing has traded: the state is the decayed count, volume, signed volume and money of the trades."""
    state[:] = 0.0


@compiled
def _kept(since: int, now: int, half_life: float) -> float:
    return float(0.5 ** ((now - since) / SECOND / half_life))


@compiled
def _step(
    state: FloatArray, times: TimeArray, parameters: FloatArray, known_time: int, source: int, row: FloatArray
) -> None:
    price, size, side = row[0], row[1], row[2]
    kept = _kept(times[0], known_time, parameters[0])
    state[COUNT] = state[COUNT] * kept + 1.0
    state[VOLUME] = state[VOLUME] * kept + size
    state[SIGNED] = state[SIGNED] * kept + side * size
    state[MONEY] = state[MONEY] * kept + price * size
    times[0] = known_time


@compiled
def _read(state: FloatArray, times: TimeArray, parameters: FloatArray, now: int, values: FloatArray) -> None:
    if state[COUNT] == 0.0:
        values[:] = np.nan
        return
    kept = _kept(times[0], now, parameters[0])
    rate = math.log(2.0) / parameters[0]
    values[0] = state[MONEY] / state[VOLUME]
    values[1] = rate * kept * state[COUNT]
    values[2] = rate * kept * state[VOLUME]
    values[3] = kept * state[SIGNED]
    values[4] = state[SIGNED] / state[VOLUME]


TRADE_TAPE: Final = event_feature(
    "trade_tape",
    sources=(Source("trades", ("price", "size", "side")),),
    outputs=(
        Output("trade_vwap_60s", "price", "Σ w p q / Σ w q, w = 2^(−(t − t_n)/h), h = 60 s"),
        Output("trade_intensity_60s", "trades a second", "ln 2/h · Σ w"),
        Output("trade_volume_rate_60s", "units a second", "ln 2/h · Σ w q"),
        Output("trade_signed_flow_60s", "units", "Σ w s q, s = 1 bought, −1 sold"),
        Output("trade_flow_imbalance_60s", "share, −1 to 1", "Σ w s q / Σ w q"),
    ),
    reference="Berkowitz, Logue, Noser (1988) for VWAP; Hawkes (1971) for the decayed intensity",
    description="Decayed VWAP, intensity, volume rate and signed flow of the trades.",
    state_size=4,
    times_size=1,
    parameters=(HALF_LIFE,),
    functions=(_init, _step, _read),
)
