"""Walk-forward forecasts: every forecaster of every task, refitted at every window on what was known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.backtest.windows import Window
from pipeline.domain.desk import Desk
from pipeline.domain.instruments import FloatArray
from pipeline.forecasts import targets
from pipeline.forecasts.boosted import LightGbm, LightGbmEvent
from pipeline.forecasts.events import Climatology
from pipeline.forecasts.forecaster import Forecaster
from pipeline.forecasts.har import LogHar
from pipeline.forecasts.harness import fit_all, predict_all, score_table, training_rows
from pipeline.forecasts.interval_scores import RIVAL
from pipeline.forecasts.intervals import (
    Calibration,
    Interval,
    adaptive_interval,
    log_normal_interval,
    log_residuals,
)
from pipeline.forecasts.targets import Target
from pipeline.forecasts.task import Task, gap_task, illiquidity_task, spike_task, variance_task
from pipeline.forecasts.term_structure import interpolate_variance

INTERVALLED = (LightGbm.name, LogHar.name)
ADAPTIVE, FIXED = "lightgbm_adaptive", "lightgbm_fixed"


@dataclass(frozen=True)
class Intervals:
    """90 % intervals of one target by model, and what came, over the sessions of all windows."""

    target: str
    horizon: int
    by_model: dict[str, Interval]
    actual: FloatArray


@dataclass(frozen=True)
class LearnedForecasts:
    """Out-of-sample forecasts: one row a session from the first window on, scores, and the last fits.

    `signals` holds `forecast_variance_m`, `illiquidity_forecast`, `illiquidity_next` (what came), the
    probabilities `spike_prob`, `gap_prob` and their training base rates; `lower_` and `upper_` edges of the
    adaptive intervals of `variance_h` (h the longest horizon) and of `illiquidity`.
    """

    signals: pd.DataFrame
    scores: pd.DataFrame
    events: pd.DataFrame
    intervals: tuple[Intervals, ...]
    last: dict[str, Forecaster]


@dataclass(frozen=True)
class _Walk:
    """One task walked forward: forecasts [rows of all windows × models], what came, and the last fits.

    `errors` are the log residuals of each window's training rows, by model; empty for an event.
    """

    task: Task
    predictions: pd.DataFrame
    actual: FloatArray
    offset: int
    errors: dict[str, list[Calibration]]
    last: dict[str, Forecaster]

    @property
    def best(self) -> str:
        """Name of the model that the hedgers are given."""
        return LightGbm.name if self.task.kind == "level" else LightGbmEvent.name

    @property
    def chosen(self) -> "pd.Series[float]":
        """Its forecasts."""
        return self.predictions[self.best]

    def intervals(self, target: str) -> Intervals:
        """Intervals of the chosen forecast, adaptive and not, and of log-HAR as a log-normal."""
        forecast, har = (self.predictions[name].to_numpy(dtype=float) for name in INTERVALLED)
        errors, har_errors = (self.errors[name] for name in INTERVALLED)
        y = self.task.floored(self.actual)
        by_model = {
            ADAPTIVE: adaptive_interval(forecast, y, self.offset, errors),
            FIXED: adaptive_interval(forecast, y, self.offset, errors, step=0.0),
            RIVAL: log_normal_interval(har, har_errors),
        }
        return Intervals(target, self.task.horizon, by_model, y)


def learn_forecasts(
    desk: Desk, features: pd.DataFrame, close: "pd.Series[float]", windows: Sequence[Window]
) -> LearnedForecasts:
    """Fit every forecaster before each window and forecast through it.

    A fit learns from rows whose target was complete before the window, less the embargo. Illiquidity is
    relative to its median over the training rows, so 1 is a median session.
    """
    settings, life = desk.forecasts, desk.option.sessions
    illiquidity, range_vol = features["illiquidity_1d"], features["parkinson_1d"]

    def gap(window: Window) -> Target:
        threshold = float(illiquidity.iloc[: window.start].quantile(settings.gap_quantile))
        return targets.gap_ahead(illiquidity, threshold)

    def walk(task: Task, target: Callable[[Window], Target]) -> _Walk:
        return _walk(desk, features, windows, task, target)

    ahead = {h: targets.variance_ahead(close, h) for h in settings.horizons}
    variance = {h: walk(variance_task(h), lambda _, h=h: ahead[h]) for h in settings.horizons}  # type: ignore[misc]
    level = walk(illiquidity_task(), lambda _: targets.level_ahead(illiquidity))
    spike = walk(spike_task(), lambda _: targets.spike_ahead(range_vol, settings.spike_multiple))
    gaps = walk(gap_task(), gap)

    cumulated = np.stack([np.asarray(each.chosen, dtype=np.float64) for each in variance.values()], axis=1)
    median = np.concatenate(
        [np.full(w.stop - w.start, illiquidity.iloc[: w.start].median()) for w in windows]
    )
    signals = pd.DataFrame(
        interpolate_variance(settings.horizons, cumulated, life),
        index=level.predictions.index,
        columns=[f"forecast_variance_{m}" for m in range(1, life + 1)],
    ).assign(
        illiquidity_forecast=level.chosen / median,
        illiquidity_next=level.actual / median,
        spike_prob=spike.chosen,
        spike_base=spike.predictions[Climatology.name],
        gap_prob=gaps.chosen,
        gap_base=gaps.predictions[Climatology.name],
    )
    longest = variance[settings.horizons[-1]].intervals("variance")
    liquid = level.intervals("illiquidity")
    signals = signals.assign(
        **_edges(longest.by_model[ADAPTIVE], f"variance_{longest.horizon}", 1.0),
        **_edges(liquid.by_model[ADAPTIVE], "illiquidity", median),
    )
    tested = np.concatenate([np.full(w.stop - w.start, w.tested) for w in windows])
    levels = [("variance", h, each) for h, each in variance.items()] + [("illiquidity", 1, level)]
    return LearnedForecasts(
        signals,
        pd.concat([_scored(each, tested, target=name, horizon=h) for name, h, each in levels]),
        pd.concat([_scored(each, tested, event=name) for name, each in (("spike", spike), ("gap", gaps))]),
        (longest, liquid),
        {each.task.name: each.last[each.best] for each in (*variance.values(), level, spike, gaps)},
    )


def _walk(
    desk: Desk,
    features: pd.DataFrame,
    windows: Sequence[Window],
    task: Task,
    target: Callable[[Window], Target],
) -> _Walk:
    pieces, actual = [], []
    models: dict[str, Forecaster] = {}
    errors: dict[str, list[Calibration]] = {name: [] for name in INTERVALLED if task.kind == "level"}
    for window in windows:
        goal = target(window)
        rows = training_rows(goal.known, window.start, desk.windows.embargo_sessions)
        models = fit_all(task, features[rows], goal.outcome[rows], desk.forecasts, desk.seed)
        predicted = predict_all(models, features.iloc[: window.stop])
        pieces.append(predicted.iloc[window.start :])
        actual.append(goal.outcome[window.start : window.stop])
        for name, learned in errors.items():
            fitted = predicted[name].to_numpy(dtype=float)[rows[: window.stop]]
            residuals = log_residuals(task.floored(goal.outcome[rows]), fitted)
            learned.append(Calibration(window.start - windows[0].start, residuals))
    return _Walk(task, pd.concat(pieces), np.concatenate(actual), goal.offset, errors, models)


def _edges(interval: Interval, name: str, unit: FloatArray | float) -> dict[str, FloatArray]:
    return {f"lower_{name}": interval.lower / unit, f"upper_{name}": interval.upper / unit}


def _scored(walk: _Walk, tested: NDArray[np.bool_], **labels: str | int) -> pd.DataFrame:
    scores = score_table(walk.predictions[tested], walk.actual[tested], walk.task)
    return scores.reset_index().assign(**labels)
