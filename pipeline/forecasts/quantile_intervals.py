"""Intervals whose width depends on the day: conformalised quantile regression around the linear forecast."""

from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import pandas as pd

from pipeline.domain.desk import ForecastSettings
from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.boosted import LEAST_LEAF_ROWS, tree_parameters
from pipeline.forecasts.from_linear import all_inputs
from pipeline.forecasts.intervals import COVERAGE, Interval
from pipeline.forecasts.log_linear import LogLinear
from pipeline.forecasts.task import Task

HORIZONS_A_LEAF = 20
"""Outcomes that do not overlap a leaf must hold: a 5 % quantile of fewer is a guess."""


@dataclass(frozen=True)
class QuantileEdges:
    """What one window's quantile regression gives.

    Attributes
    ----------
    start : first row of the forecasts that they stand for; they hold until the next ones start.
    raw : edges of the rows from `start` on, as regressed.
    scores : [M] sorted log(distance) of held-out outcomes from their own raw edges, positive outside:
        max(log l − log y, log y − log u).
    """

    start: int
    raw: Interval
    scores: FloatArray


def regress_quantiles(
    task: Task, settings: ForecastSettings, seed: int, features: pd.DataFrame, learned: FloatArray, start: int
) -> QuantileEdges:
    r"""Fit trees to the outer quantiles of what the log-linear model leaves, and hold rows out to judge them.

    .. math:: \log \hat q_a(x) = \log \hat y^{\text{linear}}(x) + c_a + \sum_m g^{(a)}_m(x), \qquad
        a \in \{α/2,\ 1 - α/2\}

    Linear model, constants c and trees g (pinball loss, half as many as the forecast's) learn from the first
    two thirds of the training rows, less those whose target runs into the last third; the last third gives
    the scores.

    Parameters
    ----------
    task, settings, seed : what is forecast, and how.
    features : [stop rows] of the feature matrix until the window ends.
    learned : [n] targets of the first n rows, those that may be learned from.
    start : first row of the window.

    Raises
    ------
    DataError
        No held-out row has a target and a forecast.

    References
    ----------
    Romano, Patterson, Candès (2019), Conformalized quantile regression, eqs. 6 to 8.
    """
    judged = len(learned) - len(learned) // 3
    fitted = max(judged - task.horizon, 0)
    linear = LogLinear(task, settings, seed).fit(features.iloc[:fitted], learned[:fitted])
    centre, inputs = linear.score(features), all_inputs(task, features)
    logs = np.log(task.floored(learned))
    tail = (1.0 - COVERAGE) / 2.0
    rows = np.flatnonzero(np.isfinite(centre[:fitted]) & np.isfinite(logs[:fitted]))
    low, high = (
        _quantile(task, settings, seed, level, centre, inputs, logs, rows) for level in (tail, 1.0 - tail)
    )
    low, high = np.minimum(low, high), np.maximum(low, high)
    held = slice(judged, len(learned))
    scores = np.maximum(low[held] - logs[held], logs[held] - high[held])
    scores = np.sort(scores[np.isfinite(scores)])
    if not len(scores):
        raise DataError(f"task {task.name}: no held-out row has a target and a forecast")
    return QuantileEdges(start, Interval(np.exp(low[start:]), np.exp(high[start:])), scores)


def _quantile(
    task: Task,
    settings: ForecastSettings,
    seed: int,
    level: float,
    centre: FloatArray,
    inputs: FloatArray,
    logs: FloatArray,
    rows: np.ndarray,
) -> FloatArray:
    begin = centre + np.quantile(logs[rows] - centre[rows], level)
    parameters = tree_parameters("quantile", task.horizon, settings, seed) | {
        "alpha": level,
        "lambda_l2": 0.0,
        "min_data_in_leaf": max(LEAST_LEAF_ROWS, HORIZONS_A_LEAF * task.horizon),
    }
    training = lgb.Dataset(inputs[rows], logs[rows], init_score=begin[rows])
    trees = lgb.train(parameters, training, num_boost_round=max(settings.trees // 2, 1))
    return np.asarray(begin + trees.predict(inputs, raw_score=True, num_threads=1), dtype=np.float64)


def conformal_interval(
    windows: Sequence[QuantileEdges], y: FloatArray, offset: int, step: float, coverage: float = COVERAGE
) -> Interval:
    r"""Return the regressed edges, moved outwards or inwards by a quantile of the held-out scores.

    .. math:: [l_t e^{-Q(1 - α_t)},\ u_t e^{Q(1 - α_t)}], \qquad
        α_{t+1} = α_t + γ \big(α - 1\{y_s \notin [\cdot]_s\}\big), \quad s = t + 1 - \mathrm{offset}

    as in `intervals.adaptive_interval`; with γ = 0 it is split conformal. Edges that would cross meet in
    their geometric middle.

    Parameters
    ----------
    windows : by increasing `start`, the first at row 0, together as long as `y`.
    y : [T] outcomes, floored so that they are positive; NaN does not count.
    offset : rows until an outcome is known.
    step : γ.
    coverage : 1 − α.

    References
    ----------
    Romano, Patterson, Candès (2019); Gibbs, Candès (2021), eq. 2.

    Examples
    --------
    >>> edges = Interval(np.full(3, 0.5), np.full(3, 2.0))
    >>> window = QuantileEdges(0, edges, np.linspace(-1.0, 1.0, 201))
    >>> conformal_interval([window], np.array([99.0, 1.0, 1.0]), 1, step=0.0).upper.round(3)
    array([4.451, 4.451, 4.451])
    """
    lower, upper = np.full(len(y), np.nan), np.full(len(y), np.nan)
    miscoverage = 1.0 - coverage
    for window in windows:
        levels = np.linspace(0.0, 1.0, len(window.scores))
        for place in range(len(window.raw.lower)):
            t, s = window.start + place, window.start + place - offset
            if s >= 0 and np.isfinite(y[s]) and np.isfinite(lower[s]):
                missed = not lower[s] <= y[s] <= upper[s]
                miscoverage += step * (1.0 - coverage - missed)
            tail = min(max(miscoverage, 0.0), 1.0)
            moved = float(np.interp(1.0 - tail, levels, window.scores))
            low, high = window.raw.lower[place], window.raw.upper[place]
            moved = max(moved, -0.5 * float(np.log(high / low)))
            lower[t], upper[t] = low * np.exp(-moved), high * np.exp(moved)
    return Interval(lower, upper)
