"""What the decisions before say at a decision, one after another: the numbers of `with_history`."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
from pipeline.features.decision_history import (
    CARRIED,
    EARLY,
    FEWEST_RETURNS,
    HALF_HOUR,
    LEAST_RATE,
    LEAST_VARIANCE,
    LIQUID,
    LIQUID_SPANS,
    LOOK_BACK,
    SPANS,
)
from pipeline.features.decision_row import DecisionRow
from pipeline.features.pairwise_sum import pairwise_sum

IntArray = NDArray[np.int64]
READ: Final = ("mid", "minutes", "trade_intensity_60s", *LIQUID)
LONGEST: Final = max(*SPANS, *LIQUID_SPANS)
ADDED: Final = (
    "return",
    *(f"variance_{span}" for span in SPANS),
    *(f"{name}_{span}" for name in LIQUID for span in LIQUID_SPANS),
    "log_variance_20",
    "log_depth",
    "log_spread",
    "log_rate",
    "log_minutes",
    "half_hour",
)
_SPANS: Final = (np.array(SPANS), np.array(LIQUID_SPANS))
_PLACES: Final = tuple(
    ADDED.index(name) for name in ("variance_20", "depth_5", "half_spread_5", "log_variance_20")
)


class RunningHistory:
    """Rows of the decision grid with their history, in the middle of the decisions.

    Parameters
    ----------
    names : of the numbers of a row without history.
    before : rows until now, `LOOK_BACK` of them or all that there are; what they do not have is NaN.

    Attributes
    ----------
    names : of the numbers of a row with it, which are `step_seconds` too: that of the rows before.
    """

    def __init__(self, names: Sequence[str], before: pd.DataFrame) -> None:
        self.names = (*names, *ADDED, "step_seconds")
        self._places = np.array([names.index(name) if name in names else -1 for name in READ])
        self._step = float(before["step_seconds"].iloc[-1])
        self._windows = np.full((1 + len(LIQUID), LONGEST), np.nan)
        self._last = np.full((1 + len(LIQUID), 2), np.nan)
        self._day = ""
        known = before.reindex(columns=list(names)).iloc[-LOOK_BACK:].to_numpy(dtype=np.float64)
        for day, row in zip(before["day"].iloc[-LOOK_BACK:], known, strict=True):
            self.step(DecisionRow(0, str(day), row))

    def step(self, row: DecisionRow) -> DecisionRow:
        """Return the next decision with its history."""
        own = len(row.numbers)
        values = np.empty(own + len(ADDED) + 1)
        values[:own] = row.numbers
        values[-1] = self._step
        fresh = row.day != self._day
        _step(values, own, self._places, fresh, self._windows, self._last, *_SPANS)
        self._day = row.day
        return DecisionRow(row.at, row.day, values)


@kept(nogil=True, error_model="numpy")
def _step(
    values: FloatArray,
    own: int,
    places: IntArray,
    fresh: bool,
    windows: FloatArray,
    last: FloatArray,
    spans: IntArray,
    liquid_spans: IntArray,
) -> None:
    """Write what is added behind the `own` numbers of a row.

    `windows` [4, LONGEST] are the last squared returns and the last values of `LIQUID`, carried on; `last`
    [4, 2] the log of the last mid, and of each of `LIQUID` its last known value and for how many rows it has
    been carried.
    """
    variance, depth, spread, logs = _PLACES
    out = values[own:]
    logarithm = np.log(values[places[0]])
    out[0] = np.nan if fresh else logarithm - last[0, 0]
    last[0, 0] = logarithm
    _push(windows[0], out[0] * out[0])
    place = 1
    for span in spans:
        mean = _mean(windows[0], span, FEWEST_RETURNS)
        out[place] = LEAST_VARIANCE if mean < LEAST_VARIANCE else mean
        place += 1
    for k in range(1, len(windows)):
        told = values[places[2 + k]]
        if np.isnan(told):
            last[k, 1] += 1.0
            told = last[k, 0] if last[k, 1] <= CARRIED else np.nan
        else:
            last[k, 0], last[k, 1] = told, 0.0
        _push(windows[k], told)
        for span in liquid_spans:
            out[place] = _mean(windows[k], span, 1)
            place += 1
    rate = values[places[2]] if places[2] >= 0 else np.nan
    minutes = values[places[1]]
    out[logs] = np.log(out[variance])
    out[logs + 1] = np.log(out[depth]) if out[depth] > 0.0 else np.nan
    out[logs + 2] = np.log(out[spread])
    out[logs + 3] = np.log((0.0 if np.isnan(rate) else rate) + LEAST_RATE)
    out[logs + 4] = np.log(minutes + EARLY)
    out[logs + 5] = np.floor(minutes / HALF_HOUR)


@njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _push(window: FloatArray, value: float) -> None:
    for k in range(len(window) - 1):
        window[k] = window[k + 1]
    window[-1] = value


@njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _mean(window: FloatArray, span: int, fewest: int) -> float:
    """Return the mean of what is known in the last `span` values; NaN where fewer than `fewest` are."""
    count, known = 0, np.empty(span)
    for k in range(span):
        value = window[len(window) - span + k]
        there = np.isfinite(value)
        known[k] = value if there else 0.0
        count += there
    total = pairwise_sum(known)
    return total / max(count, 1) if count >= fewest else np.nan
