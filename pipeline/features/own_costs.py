"""What the desk's own fills cost against what had been forecast for them; q is in units of the underlying."""

from typing import Final

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.features.event_feature import Output, Source, TimeArray, event_feature
from pipeline.features.event_kernel import compiled

HALF_LIFE: Final = 86_400.0
"""Seconds after which a fill counts half."""
SECOND: Final = 1e9
FORECAST, FILLED, QUOTED = 0, 1, 2
"""Sources: quotes come after fills of their instant, see `event_feature.EventFeature`."""
MID, AHEAD, PAID, TRADED, EXPECTED, MATCHED, MATCHED_PAID = 0, 1, 2, 3, 4, 5, 6


@compiled
def _init(state: FloatArray, times: TimeArray, parameters: FloatArray) -> None:
    """No quote, no forecast and no fill."""
    state[:] = 0.0
    state[MID] = np.nan
    state[AHEAD] = np.nan


@compiled
def _filled(state: FloatArray, row: FloatArray, multiplier: float) -> None:
    """Add one fill: what it paid over the mid and in fees, money, and what was forecast for its worth."""
    side, size, price, fee, told = row[0], multiplier * row[1], row[2], row[3], row[4]
    mid = told if told > 0.0 else state[MID]
    if not mid > 0.0:
        return
    paid, worth = side * (price - mid) * size + fee, mid * size
    state[PAID] += paid
    state[TRADED] += worth
    if not np.isnan(state[AHEAD]):
        state[EXPECTED] += 1e-4 * state[AHEAD] * worth
        state[MATCHED] += worth
        state[MATCHED_PAID] += paid


@compiled
def _step(
    state: FloatArray, times: TimeArray, parameters: FloatArray, known_time: int, source: int, row: FloatArray
) -> None:
    if source == QUOTED:
        if 0.0 < row[0] <= row[1]:
            state[MID] = 0.5 * (row[0] + row[1])
    elif source == FORECAST:
        state[AHEAD] = row[0]
    else:
        kept = 0.5 ** ((known_time - times[0]) / SECOND / parameters[0])
        for place in range(PAID, MATCHED_PAID + 1):
            state[place] *= kept
        _filled(state, row, parameters[1])
        times[0] = known_time


@compiled
def _read(state: FloatArray, times: TimeArray, parameters: FloatArray, now: int, values: FloatArray) -> None:
    values[:] = np.nan
    if state[TRADED] > 0.0:
        values[0] = 1e4 * state[PAID] / state[TRADED]
    if state[MATCHED] > 0.0:
        values[1] = 1e4 * state[EXPECTED] / state[MATCHED]
        values[2] = 1e4 * (state[MATCHED_PAID] - state[EXPECTED]) / state[MATCHED]


OWN_COSTS: Final = event_feature(
    "own_costs",
    sources=(
        Source("cost_forecasts", ("cost_bps",)),
        Source("fills", ("side", "size", "price", "fee", "mid")),
        Source("quotes", ("bid_price", "ask_price")),
    ),
    outputs=(
        Output("own_cost_bps_1d", "bps of mid", "10⁴ Σ w (s (p − m) q + fee) / Σ w m q, h = 1 day"),
        Output(
            "own_cost_forecast_bps_1d", "bps of mid", "Σ w ĉ m q / Σ w m q, ĉ the last forecast known by then"
        ),
        Output("own_cost_excess_bps_1d", "bps of mid", "cost less forecast over the fills that had one"),
    ),
    reference="Perold (1988), implementation shortfall against the mid",
    description="What the desk's own fills cost over the mid, fees included, and over what was forecast.",
    state_size=MATCHED_PAID + 1,
    times_size=1,
    parameters=(HALF_LIFE, 1.0),
    functions=(_init, _step, _read),
)
