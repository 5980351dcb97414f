"""Social media: how much is written, whether it bursts, and how far those who write disagree.

Messages are counted in bins of ten minutes of UTC. A burst is measured on the last bin that is over, against
the bins of the week before it. Disagreement is looked at over the scored messages of the last day.
"""

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.features.event_feature import EventRows, Output, Source, TimeArray, event_feature
from pipeline.features.event_kernel import compiled

Score = Callable[[Sequence[str]], FloatArray]
"""From texts to their sentiment, a number each, NaN where a text says nothing."""

BIN: Final = 600 * 10**9
DAY_OF_BINS: Final = 144
WEEK_OF_BINS: Final = 1008
LOOK_BACK: Final = 86_400 * 10**9
MESSAGES: Final = 512
"""Scored messages that are remembered; of a busier day the last of them are looked at."""
_RING: Final = WEEK_OF_BINS + 2
_SCORES: Final = _RING
_AUTHORS: Final = _SCORES + MESSAGES
_BINS: Final = 2
_TOLD: Final = _BINS + _RING
FIRST_BIN, TAKEN = 0, 1
"""Places in the times: bin of the first message, scored messages so far; then the bins, then their times."""


@compiled
def _init(state: FloatArray, times: TimeArray, parameters: FloatArray) -> None:
    """Nothing written: counts by bin, then score and author of the messages in the ring."""
    state[:] = 0.0
    times[:] = -1
    times[TAKEN] = 0


@compiled
def _step(
    state: FloatArray, times: TimeArray, parameters: FloatArray, known_time: int, source: int, row: FloatArray
) -> None:
    author, count, score = row[0], row[1], row[2]
    place = known_time // BIN
    slot = place % _RING
    if times[FIRST_BIN] < 0:
        times[FIRST_BIN] = place
    if times[_BINS + slot] != place:
        times[_BINS + slot] = place
        state[slot] = 0.0
    state[slot] += count
    if np.isfinite(score):
        at = times[TAKEN] % MESSAGES
        state[_SCORES + at] = score
        state[_AUTHORS + at] = author
        times[_TOLD + at] = known_time
        times[TAKEN] += 1


@compiled
def _count(state: FloatArray, times: TimeArray, place: int) -> float:
    slot = place % _RING
    if times[_BINS + slot] == place:
        return float(state[slot])
    return 0.0


@compiled
def _burst(state: FloatArray, times: TimeArray, last: int) -> float:
    """Return the count of a bin in deviations from the bins of the week before, NaN where those are alike."""
    begin = max(times[FIRST_BIN], last - WEEK_OF_BINS)
    bins = last - begin
    if bins < DAY_OF_BINS:
        return np.nan
    mean, square = 0.0, 0.0
    for place in range(begin, last):
        mean += _count(state, times, place) / bins
    for place in range(begin, last):
        square += (_count(state, times, place) - mean) ** 2
    if square == 0.0:
        return np.nan
    return float((_count(state, times, last) - mean) / math.sqrt(square / (bins - 1)))


@compiled
def _deviation(found: FloatArray) -> float:
    """Return the standard deviation, NaN of fewer than two."""
    if found.size < 2:
        return np.nan
    left = found - found.sum() / found.size
    return float(math.sqrt((left * left).sum() / (found.size - 1)))


@compiled
def _voices(scores: FloatArray, authors: FloatArray) -> FloatArray:
    """Return each author's mean score; who is not known (NaN) is somebody else each time."""
    order = np.argsort(authors)
    means = np.empty(scores.size)
    voices, place = 0, 0
    while place < scores.size:
        author, total, messages = authors[order[place]], 0.0, 0
        while place < scores.size and (messages == 0 or authors[order[place]] == author):
            total += scores[order[place]]
            messages += 1
            place += 1
        means[voices] = total / messages
        voices += 1
    return means[:voices]


@compiled
def _read(state: FloatArray, times: TimeArray, parameters: FloatArray, now: int, values: FloatArray) -> None:
    values[:] = np.nan
    last = now // BIN - 1
    if times[FIRST_BIN] < 0:
        return
    if last >= times[FIRST_BIN]:
        day = 0.0
        for place in range(last - DAY_OF_BINS + 1, last + 1):
            day += _count(state, times, place)
        values[0] = _count(state, times, last)
        values[1] = day
        values[2] = _burst(state, times, last)
    scores, authors = np.empty(MESSAGES), np.empty(MESSAGES)
    kept = 0
    for place in range(max(times[TAKEN] - MESSAGES, 0), times[TAKEN]):
        at = place % MESSAGES
        if times[_TOLD + at] > now - LOOK_BACK:
            scores[kept] = state[_SCORES + at]
            authors[kept] = state[_AUTHORS + at]
            kept += 1
    if kept > 0:
        values[3] = scores[:kept].sum() / kept
        values[4] = _deviation(scores[:kept])
        values[5] = _deviation(_voices(scores[:kept], authors[:kept]))


def social_events(batches: Sequence[pa.RecordBatch], score: Score | None = None) -> EventRows:
    """Return the events (`author`, `count`, `score`) of `social`, in the order in which they were known.

    Parameters
    ----------
    score : sentiment of texts; without it nothing is scored, and the features of sentiment are NaN. A model
        that was learned must have been learned before the first of the messages.

    Raises
    ------
    DataError
        There are no rows, or the scores are not one a text.

    Examples
    --------
    >>> known = np.array(["2020-01-02"], "datetime64[ns]")
    >>> rows = pa.RecordBatch.from_pydict({"known_time": known, "author": ["0000000000ff01"],
    ...                                    "text": ["up!"], "count": [1.0]})
    >>> social_events([rows], lambda texts: np.array([float("up" in text) for text in texts])).columns
    array([[255.,   1.,   1.]])
    """
    if not batches:
        raise DataError("social: no rows")
    known = np.concatenate([rows.column("known_time").cast(pa.int64()).to_numpy() for rows in batches])
    count = np.concatenate([rows.column("count").to_numpy(zero_copy_only=False) for rows in batches])
    author = [int(name[:12], 16) if name else np.nan for name in _texts(batches, "author")]
    texts = _texts(batches, "text")
    scores = np.full(len(texts), np.nan)
    written = np.array([bool(text) for text in texts])
    if score is not None and written.any():
        found = np.asarray(score([text for text in texts if text]), dtype=np.float64)
        if found.shape != (written.sum(),):
            raise DataError(f"social: scores {found.shape} for {written.sum()} texts: give one number a text")
        scores[written] = found
    order = np.argsort(known, kind="stable")
    return EventRows(known[order], np.c_[author, count, scores][order])


def _texts(batches: Sequence[pa.RecordBatch], name: str) -> list[str]:
    return [text or "" for rows in batches for text in rows.column(name).to_pylist()]


SOCIAL_ACTIVITY: Final = event_feature(
    "social_activity",
    sources=(Source("social", ("author", "count", "score")),),
    outputs=(
        Output("social_volume_10m", "messages", "n_b, b the last bin of 10 minutes that is over"),
        Output("social_volume_1d", "messages", "Σ n over the last 144 bins that are over"),
        Output("social_burst", "standard deviations", "(n_b − mean n)/sd n, of the up to 1008 bins before b"),
        Output("social_sentiment_1d", "units of the score", "mean s of the last 512 messages of a day"),
        Output("social_dispersion_1d", "units of the score", "sd s of the last 512 messages of a day"),
        Output("social_author_dispersion_1d", "units of the score", "sd over authors of their mean s"),
    ),
    reference="Kleinberg (2003) for bursts; Antweiler, Frank (2004) for disagreement",
    description="Messages written, their burst against the week before, and the dispersion of sentiment.",
    state_size=_AUTHORS + MESSAGES,
    times_size=_TOLD + MESSAGES,
    functions=(_init, _step, _read),
)
