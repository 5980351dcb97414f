"""What holding a perpetual costs: its funding as it was known, an annual rate that the long side pays."""

from typing import Final

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.features.event_feature import Output, Source, TimeArray, event_feature
from pipeline.features.event_kernel import compiled

HOURS_A_YEAR: Final = 365.0 * 24.0
WINDOW: Final = 24 * 3_600_000_000_000
PLACES: Final = 64
"""Settlements that are remembered: no venue settles so often in a day."""


@compiled
def _init(state: FloatArray, times: TimeArray, parameters: FloatArray) -> None:
    """Nothing settled: the state is a ring of rates, one of hours, and how many there were."""
    state[:] = 0.0


@compiled
def _step(
    state: FloatArray, times: TimeArray, parameters: FloatArray, known_time: int, source: int, row: FloatArray
) -> None:
    place = int(state[2 * PLACES]) % PLACES
    state[place], state[PLACES + place], times[place] = row[0], row[1], known_time
    state[2 * PLACES] += 1.0


@compiled
def _read(state: FloatArray, times: TimeArray, parameters: FloatArray, now: int, values: FloatArray) -> None:
    values[:] = np.nan
    count = int(state[2 * PLACES])
    rate, hours = 0.0, 0.0
    for back in range(1, min(count, PLACES) + 1):
        place = (count - back) % PLACES
        if times[place] <= now - WINDOW:
            break
        rate += state[place]
        hours += state[PLACES + place]
        if back == 1:
            values[0] = rate / hours * HOURS_A_YEAR
        values[1] = rate / hours * HOURS_A_YEAR


FUNDING_LEVEL: Final = event_feature(
    "funding_level",
    sources=(Source("funding", ("rate", "hours")),),
    outputs=(
        Output("funding_level", "annual rate", "f/h · 8760, of the newest settlement within 24 h"),
        Output("funding_mean_24h", "annual rate", "Σ f / Σ h · 8760 over the settlements of 24 h"),
    ),
    reference="Ackerer, Hugonnier and Jermann (2024), Perpetual futures pricing",
    description="Funding of a perpetual, of the newest settlement and on average over a day.",
    state_size=2 * PLACES + 1,
    times_size=PLACES,
    functions=(_init, _step, _read),
)
