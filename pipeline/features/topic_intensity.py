"""How much is written about each topic of the headlines: decayed counts, and how far one topic rules."""

import math
from typing import Final

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.features.event_feature import Output, Source, TimeArray, event_feature
from pipeline.features.event_kernel import compiled
from pipeline.features.headline_topics import TOPICS

HALF_LIFE: Final = 6 * 3600.0
"""Seconds after which a headline counts half."""
SECOND: Final = 1e9
HOUR: Final = 3600.0
ALL: Final = TOPICS


@compiled
def _init(state: FloatArray, times: TimeArray, parameters: FloatArray) -> None:
    """Nothing written: the state is the decayed count by topic, then that of all headlines."""
    state[:] = 0.0


@compiled
def _kept(since: int, now: int, half_life: float) -> float:
    return float(0.5 ** ((now - since) / SECOND / half_life))


@compiled
def _step(
    state: FloatArray, times: TimeArray, parameters: FloatArray, known_time: int, source: int, row: FloatArray
) -> None:
    kept = _kept(times[0], known_time, parameters[0])
    for topic in range(TOPICS + 1):
        state[topic] *= kept
    if 0.0 <= row[0] < TOPICS:
        state[int(row[0])] += 1.0
    state[ALL] += 1.0
    times[0] = known_time


@compiled
def _read(state: FloatArray, times: TimeArray, parameters: FloatArray, now: int, values: FloatArray) -> None:
    if state[ALL] == 0.0:
        values[:] = np.nan
        return
    rate = math.log(2.0) / parameters[0] * HOUR * _kept(times[0], now, parameters[0])
    told, spread = 0.0, 0.0
    for topic in range(TOPICS):
        values[topic] = rate * state[topic]
        told += state[topic]
    for topic in range(TOPICS):
        if state[topic] > 0.0:
            share = state[topic] / told
            spread -= share * math.log(share)
    values[TOPICS] = rate * state[ALL]
    values[TOPICS + 1] = 1.0 - spread / math.log(TOPICS) if told > 0.0 else np.nan


TOPIC_INTENSITY: Final = event_feature(
    "topic_intensity",
    sources=(Source("headline_topics", ("topic",)),),
    outputs=(
        *(
            Output(f"headline_topic_{topic}_6h", "headlines an hour", f"ln 2/h · Σ w 1[k = {topic}], h = 6 h")
            for topic in range(TOPICS)
        ),
        Output("headline_intensity_6h", "headlines an hour", "ln 2/h · Σ w, w = 2^(−(t − t_n)/h), h = 6 h"),
        Output("headline_concentration_6h", "share, 0 to 1", "1 + Σ_k p_k ln p_k / ln K, p_k of Σ w 1[k]"),
    ),
    reference="Bybee, Kelly, Manela, Xiu (2024) for attention to topics of news",
    description="Headlines an hour by topic, decayed, and how far one topic rules.",
    state_size=TOPICS + 1,
    times_size=1,
    parameters=(HALF_LIFE,),
    functions=(_init, _step, _read),
)
