"""What a perpetual costs over the coin itself: the pressure that its funding answers."""

from typing import Final

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.features.event_feature import Output, Source, TimeArray, event_feature
from pipeline.features.event_kernel import compiled


@compiled
def _init(state: FloatArray, times: TimeArray, parameters: FloatArray) -> None:
    """No mid of either known."""
    state[:] = np.nan


@compiled
def _step(
    state: FloatArray, times: TimeArray, parameters: FloatArray, known_time: int, source: int, row: FloatArray
) -> None:
    state[source] = 0.5 * (row[0] + row[1]) if 0.0 < row[0] <= row[1] else np.nan


@compiled
def _read(state: FloatArray, times: TimeArray, parameters: FloatArray, now: int, values: FloatArray) -> None:
    values[0] = (state[0] - state[1]) / state[1]


PERPETUAL_BASIS: Final = event_feature(
    "perpetual_basis",
    sources=(
        Source("perpetual_quotes", ("bid_price", "ask_price")),
        Source("spot_quotes", ("bid_price", "ask_price")),
    ),
    outputs=(Output("perpetual_basis", "fraction of spot", "(m_perpetual − m_spot)/m_spot"),),
    reference="Ackerer, Hugonnier and Jermann (2024), Perpetual futures pricing",
    description="How far the mid of a perpetual stands above that of its spot market.",
    state_size=2,
    functions=(_init, _step, _read),
)
