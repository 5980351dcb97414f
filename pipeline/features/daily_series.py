"""Daily series that are revised, as they were known: news sentiment, and the fees of a network.

The state is what is known now of each of the last `WINDOW` days. A value that is published later, of a new
day or of an old one, takes its place when it becomes known and not before, so that a later vintage changes
nothing that was read earlier. All numbers are formed from the days as they are known at the time of reading.
"""

import math
from typing import Final

import numpy as np

from pipeline.domain.errors import FitError
from pipeline.domain.instruments import FloatArray
from pipeline.features.event_feature import Days, Output, Source, TimeArray, event_feature
from pipeline.features.event_kernel import compiled

HALF_LIFE: Final = 30.0
"""Days after which a day counts half in the mean."""
WINDOW: Final = 300
"""Days that are remembered: one older would count less than a thousandth."""
FEWEST: Final = 30
"""Days that a mean or a fit needs."""
LONGEST_GAP: Final = 7
"""Days to the day before, over which a step is still one step."""
DAY: Final = 86_400e9
LATEST: Final = 0
_DAYS: Final = 1
_VALUES: Final = _DAYS + WINDOW


def autoregression(days: FloatArray, values: FloatArray) -> tuple[float, float, float]:
    """Return constant, slope and deviation of x_d = c + φ x_(d−1) + σ e by least squares.

    Parameters
    ----------
    days, values : [D] in the order of days; a pair more than `LONGEST_GAP` days apart is left out.

    Raises
    ------
    FitError
        There are fewer than `FEWEST` pairs, or the series does not move.

    Examples
    --------
    >>> x = 0.5 ** np.arange(40.0) + 2.0 + 0.01 * (-1.0) ** np.arange(40)
    >>> constant, slope, deviation = autoregression(np.arange(40.0), x)
    >>> round(constant / (1 - slope), 2)
    2.0
    """
    pair = (np.diff(days) <= LONGEST_GAP) & np.isfinite(values[1:]) & np.isfinite(values[:-1])
    before, after = values[:-1][pair], values[1:][pair]
    if len(before) < FEWEST:
        raise FitError(f"sentiment: {len(before)} days with a day before: train on {FEWEST} or more")
    about = before - before.mean()
    spread = float(about @ about)
    slope = float(about @ after) / spread if spread > 0.0 else 0.0
    constant = float(after.mean() - slope * before.mean())
    left = after - constant - slope * before
    deviation = math.sqrt(float(left @ left) / (len(left) - 2))
    if not deviation > 0.0:
        raise FitError("sentiment: it never moves in the training rows: train on a longer time")
    return constant, slope, deviation


def _fit(training: Days) -> FloatArray:
    """Learn from each training day as it was known last."""
    columns = np.concatenate([part["news_sentiment"].columns for day in training for part in day])
    days, place = np.unique(columns[::-1, 0], return_index=True)
    values = columns[::-1, 1][place]
    return np.array([HALF_LIFE, *autoregression(days, values)])


@compiled
def _init(state: FloatArray, times: TimeArray, parameters: FloatArray) -> None:
    """No day is known: the state is the latest day, then the days and values of the window."""
    state[:] = np.nan


@compiled
def _put(state: FloatArray, day: float, value: float) -> None:
    if not np.isfinite(day) or day <= state[LATEST] - WINDOW:
        return
    slot = int(day) % WINDOW
    state[_DAYS + slot] = day
    state[_VALUES + slot] = value
    if not state[LATEST] >= day:
        state[LATEST] = day


@compiled
def _at(state: FloatArray, day: float) -> float:
    slot = int(day) % WINDOW
    if state[_DAYS + slot] == day:
        return float(state[_VALUES + slot])
    return np.nan


@compiled
def _mean_before(state: FloatArray, half_life: float) -> float:
    """Return the decayed mean of the days before the latest one, NaN where there are too few."""
    total, weight, days = 0.0, 0.0, 0
    for back in range(1, WINDOW):
        value = _at(state, state[LATEST] - back)
        if not np.isnan(value):
            kept = 0.5 ** (back / half_life)
            total += kept * value
            weight += kept
            days += 1
    return total / weight if days >= FEWEST else np.nan


@compiled
def _day_before(state: FloatArray) -> float:
    for back in range(1, LONGEST_GAP + 1):
        value = _at(state, state[LATEST] - back)
        if not np.isnan(value):
            return float(value)
    return np.nan


@compiled
def _step(
    state: FloatArray, times: TimeArray, parameters: FloatArray, known_time: int, source: int, row: FloatArray
) -> None:
    _put(state, row[0], row[1])


@compiled
def _step_log(
    state: FloatArray, times: TimeArray, parameters: FloatArray, known_time: int, source: int, row: FloatArray
) -> None:
    _put(state, row[0], math.log(row[1]) if row[1] > 0.0 else np.nan)


@compiled
def _read_sentiment(
    state: FloatArray, times: TimeArray, parameters: FloatArray, now: int, values: FloatArray
) -> None:
    if np.isnan(state[LATEST]):
        values[:] = np.nan
        return
    level = _at(state, state[LATEST])
    values[0] = level
    values[1] = level - _mean_before(state, parameters[0])
    values[2] = (level - parameters[1] - parameters[2] * _day_before(state)) / parameters[3]
    values[3] = now / DAY - state[LATEST]


@compiled
def _read_fees(
    state: FloatArray, times: TimeArray, parameters: FloatArray, now: int, values: FloatArray
) -> None:
    if np.isnan(state[LATEST]):
        values[:] = np.nan
        return
    level = _at(state, state[LATEST])
    values[0] = math.exp(level)
    values[1] = level - _mean_before(state, parameters[0])


NEWS_SENTIMENT: Final = event_feature(
    "news_sentiment",
    sources=(Source("news_sentiment", ("day", "value")),),
    outputs=(
        Output("news_sentiment_level", "index points", "x_D, D the latest day known"),
        Output(
            "news_sentiment_momentum_30d", "index points", "x_D − Σ w x_d / Σ w, d < D, w = 2^(−(D − d)/30)"
        ),
        Output("news_sentiment_surprise", "standard deviations", "(x_D − c − φ x_(D−1))/σ"),
        Output("news_sentiment_age", "days", "t − end of D"),
    ),
    reference="Shapiro, Sudhof, Wilson (2022); the surprise is the innovation of an AR(1)",
    description="News sentiment of the latest day known, against its decayed mean and the day before it.",
    state_size=_VALUES + WINDOW,
    fit=_fit,
    functions=(_init, _step, _read_sentiment),
)

NETWORK_FEES: Final = event_feature(
    "network_fees",
    sources=(Source("network_fees", ("day", "value")),),
    outputs=(
        Output("network_fees_day", "money a day", "F_D, D the latest day known"),
        Output("network_fees_momentum_30d", "log", "ln F_D − Σ w ln F_d / Σ w, d < D, w = 2^(−(D − d)/30)"),
    ),
    reference="Easley, O'Hara, Basu (2019) for what fees say of demand for the network",
    description="Fees paid on a network in the latest day known, and against their decayed mean.",
    state_size=_VALUES + WINDOW,
    parameters=(HALF_LIFE,),
    functions=(_init, _step_log, _read_fees),
)
