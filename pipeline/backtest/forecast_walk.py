"""One forecasting task walked forward: fitted before every window, run through it, judged at the end."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.backtest.continuation import Continuation
from pipeline.backtest.forecast_window import forecast_blind, forecast_window
from pipeline.backtest.windows import Window
from pipeline.domain.desk import Desk
from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.boosted import LightGbm, LightGbmEvent
from pipeline.forecasts.catalogue import restore
from pipeline.forecasts.events import Climatology
from pipeline.forecasts.forecaster import Forecaster
from pipeline.forecasts.from_linear import input_names
from pipeline.forecasts.har import LogHar
from pipeline.forecasts.harness import score_table, training_rows
from pipeline.forecasts.interval_scores import RIVAL
from pipeline.forecasts.intervals import (
    STEP,
    Calibration,
    Interval,
    adaptive_interval,
    log_normal_interval,
)
from pipeline.forecasts.quantile_intervals import QuantileEdges, conformal_interval
from pipeline.forecasts.reliability import reliability_table
from pipeline.forecasts.targets import Target
from pipeline.forecasts.task import Task
from pipeline.ingest.packing import unpacked
from pipeline.ingest.pieces import Pieces

QUANTILE, QUANTILE_ADAPTIVE = "lightgbm_quantile", "lightgbm_quantile_adaptive"


@dataclass(frozen=True)
class Intervals:
    """90 % intervals of one target by model, and what came, over the sessions of all windows.

    `adaptive` is the one around the chosen forecast that policies are given.
    """

    target: str
    horizon: int
    by_model: dict[str, Interval]
    actual: FloatArray
    adaptive: Interval


@dataclass(frozen=True)
class Walk:
    """One task walked forward: forecasts [rows of all windows × models], what came, and the last fits.

    `errors` are the log residuals of each window's training rows, by model; empty for an event. `moved` are
    the absolute contributions to the trees' forecast, [rows, inputs, 2]; `quantiles` the regressed edges of
    each window, none for an event. `best` names the model that the hedgers are given.
    """

    task: Task
    predictions: pd.DataFrame
    actual: FloatArray
    offset: int
    errors: dict[str, list[Calibration]]
    moved: FloatArray
    quantiles: list[QuantileEdges]
    last: dict[str, Forecaster]
    best: str

    @property
    def chosen(self) -> "pd.Series[float]":
        """Its forecasts."""
        return self.predictions[self.best]

    def continuation(
        self,
        sessions: pd.DatetimeIndex,
        windows: Sequence[Window],
        unit: float = 1.0,
        also: tuple[str, ...] = (),
    ) -> Continuation:
        """What is needed to go on after the last window; `also` names further models to keep."""
        first, boundary = windows[0].start, windows[-1].start
        kept = (self.best,) if self.task.kind == "level" else (self.best, Climatology.name)
        return Continuation(
            models={name: self.last[name] for name in dict.fromkeys((*kept, *also))},
            chosen=self.best,
            first=sessions[first],
            boundary=sessions[boundary],
            past=np.asarray(self.chosen, dtype=np.float64)[: boundary - first],
            calibrations=self.errors.get(self.best, []),
            offset=self.offset,
            unit=unit,
        )

    def intervals(self, target: str) -> Intervals:
        """Intervals by residuals and by quantile regression, each adaptive and not; log-HAR's log-normal."""
        y = self.task.floored(self.actual)
        by_model = {}
        forecasts = {name: self.predictions[name].to_numpy(dtype=float) for name in self.errors}
        for name in (each for each in self.errors if each != LogHar.name):
            around = forecasts[name], y, self.offset, self.errors[name]
            by_model[f"{name}_adaptive"] = adaptive_interval(*around)
            by_model[f"{name}_fixed"] = adaptive_interval(*around, step=0.0)
        by_model[QUANTILE] = conformal_interval(self.quantiles, y, self.offset, step=0.0)
        by_model[QUANTILE_ADAPTIVE] = conformal_interval(self.quantiles, y, self.offset, STEP)
        by_model[RIVAL] = log_normal_interval(forecasts[LogHar.name], self.errors[LogHar.name])
        return Intervals(target, self.task.horizon, by_model, y, by_model[f"{self.best}_adaptive"])


def walk_forward(
    desk: Desk,
    features: pd.DataFrame,
    windows: Sequence[Window],
    task: Task,
    target: Callable[[Window], Target],
    pieces: Pieces,
    processes: Sequence[bytes] | None = None,
) -> Walk:
    """Fit every forecaster of a task before each window and forecast through it.

    Parameters
    ----------
    desk, features, windows : settings, one row a session (a decision), and what is forecast when.
    task, target : what is forecast, and its outcome as a window may define it.
    pieces : may know windows whose rows have not changed.
    processes : by window what `forecast_window.fit_processes` saved; None for a task that is no variance.
    """
    predictions, actual, moved = [], [], []
    quantiles: list[QuantileEdges] = []
    errors: dict[str, list[Calibration]] = {}
    numbers = _numbers(features)
    for place, window in enumerate(windows):
        goal = target(window)
        piece = pieces(
            "forecast_window",
            forecast_window,
            task=task,
            settings=desk.forecasts,
            seed=desk.seed,
            features=numbers.iloc[: window.stop],
            learned=goal.outcome[training_rows(goal.known, window.start, desk.windows.embargo_sessions)],
            start=window.start,
            processes=processes[place] if processes else None,
        )
        predictions.append(piece["predictions"])
        moved.append(unpacked(piece.read_bytes("contributions.npz"))["absolute"])
        if task.kind == "level":
            edges = unpacked(piece.read_bytes("quantiles.npz"))
            raw = Interval(edges["lower"], edges["upper"])
            quantiles.append(QuantileEdges(window.start - windows[0].start, raw, edges["scores"]))
        actual.append(goal.outcome[window.start : window.stop])
        for name, residuals in unpacked(piece.read_bytes("residuals.npz")).items():
            learned = errors.setdefault(name, [])
            learned.append(Calibration(window.start - windows[0].start, residuals))
    states = json.loads(piece.read_bytes("models.json"))
    models = {name: restore(state) for name, state in states.items()}
    known, reasons = np.concatenate(actual), np.concatenate(moved)
    best = _given(task, desk.forecasts.chosen)
    return Walk(task, pd.concat(predictions), known, goal.offset, errors, reasons, quantiles, models, best)


def _given(task: Task, chosen: str) -> str:
    """Return the model that the hedgers are given: the desk's choice for a variance, else the trees."""
    if task.kind == "event":
        return LightGbmEvent.name
    return chosen if task.of_variance else LightGbm.name


def reliable(walk: Walk, tested: NDArray[np.bool_], event: str) -> pd.DataFrame:
    """Return how often an event came where it was given about the same probability."""
    tables = [
        reliability_table(walk.actual[tested], walk.predictions[model].to_numpy(dtype=float)[tested]).assign(
            event=event, model=str(model)
        )
        for model in walk.predictions
        if model != Climatology.name
    ]
    return pd.concat(tables, ignore_index=True)


def important(walk: Walk, tested: NDArray[np.bool_], **labels: str | int) -> pd.DataFrame:
    """Return how far each input moves the trees' forecast on average, labelled."""
    mean = np.nanmean(walk.moved[tested], axis=0)
    table = pd.DataFrame({"input": input_names(walk.task), "linear": mean[:, 0], "trees": mean[:, 1]})
    return table.assign(**labels)


def scored(walk: Walk, tested: NDArray[np.bool_], **labels: str | int) -> pd.DataFrame:
    """Return the scores of every model on the tested rows, labelled."""
    scores = score_table(walk.predictions[tested], walk.actual[tested], walk.task)
    return scores.reset_index().assign(**labels)


def walk_blind(
    desk: Desk,
    features: pd.DataFrame,
    windows: Sequence[Window],
    task: Task,
    blind: Task,
    ending: str,
    target: Callable[[Window], Target],
    pieces: Pieces,
) -> pd.DataFrame:
    """Return the forecasts of a level without some inputs, one column a model that would see them.

    `blind` and `ending` are those of `forecast_window.forecast_blind`.
    """
    numbers, found = _numbers(features), []
    for window in windows:
        goal = target(window)
        piece = pieces(
            "forecast_blind",
            forecast_blind,
            task=task,
            blind=blind,
            ending=ending,
            settings=desk.forecasts,
            seed=desk.seed,
            features=numbers.iloc[: window.stop],
            learned=goal.outcome[training_rows(goal.known, window.start, desk.windows.embargo_sessions)],
            start=window.start,
        )
        found.append(piece["predictions"])
    return pd.concat(found)


def _numbers(features: pd.DataFrame) -> pd.DataFrame:
    return features.drop(columns=["session", "known_time"], errors="ignore")
