"""One window of a forecasting walk: every forecaster of a task fitted before it and run through it."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd

from pipeline.domain.desk import ForecastSettings
from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.boosted import Boosted, LightGbm
from pipeline.forecasts.forecaster import Forecaster
from pipeline.forecasts.garch import Garch, Gjr
from pipeline.forecasts.har import LogHar
from pipeline.forecasts.harness import fit_all, predict_all
from pipeline.forecasts.intervals import log_residuals
from pipeline.forecasts.log_linear import LogLinear
from pipeline.forecasts.lstm import Lstm
from pipeline.forecasts.quantile_intervals import regress_quantiles
from pipeline.forecasts.task import Task, variance_task
from pipeline.ingest.dataset import Output
from pipeline.ingest.packing import packed

INTERVALLED = (LightGbm.name, Lstm.name, LogHar.name)
"""Models of a level whose errors on the training rows make intervals, where they are fitted."""
NO_IMPLIED, NO_FURTHER = "no_implied", "no_further"
"""Endings of the names of models that do not see implied volatility, or the desk's further inputs."""


def fit_processes(returns: FloatArray) -> Output:
    """Fit GARCH and GJR to the returns before a window, once for the variances of every horizon.

    Parameters
    ----------
    returns : [n] daily log returns known before the window, less the embargo.

    Returns
    -------
    `processes.json`, the states of the fitted models by name, for one session ahead; see `Garch.over`.
    """
    task = variance_task(1)
    states = {model.name: model(task).learn(returns).to_state() for model in (Garch, Gjr)}
    return {"processes.json": json.dumps(states).encode()}


def forecast_blind(
    task: Task,
    blind: Task,
    ending: str,
    settings: ForecastSettings,
    seed: int,
    features: pd.DataFrame,
    learned: FloatArray,
    start: int,
) -> Output:
    """Fit trees and linear start without some inputs before a window, and forecast through it.

    Parameters
    ----------
    As of `forecast_window`; `blind` is the same task without these inputs, `ending` what its models are named
    by, such as `NO_IMPLIED`.

    Returns
    -------
    The table `predictions`: rows start … stop − 1, one column for each of the two whose inputs differ, such
    as `lightgbm_no_implied`. A session that lacks realised measures has none, for nothing is scored there.
    """
    rows, blind = len(learned), replace(blind, spare_levels=())
    linear = LogLinear(blind, settings, seed).fit(features.iloc[:rows], learned)
    models: list[Forecaster] = [
        LightGbm(blind, settings, seed).fit_from(linear, features.iloc[:rows], learned)
    ]
    if blind.inputs != task.inputs:
        models.append(linear)
    table = {f"{model.name}_{ending}": model.predict(features)[start:] for model in models}
    return {"predictions": pd.DataFrame(table, index=features.index[start:])}


def forecast_window(
    task: Task,
    settings: ForecastSettings,
    seed: int,
    features: pd.DataFrame,
    learned: FloatArray,
    start: int,
    processes: bytes | None = None,
) -> Output:
    """Fit every forecaster of a task before a window and forecast through it.

    Parameters
    ----------
    task, settings, seed : what is forecast, and how.
    features : [stop rows] of the feature matrix until the window ends.
    learned : [n] targets of the first n rows, those that may be learned from.
    start : first row of the window.
    processes : what `fit_processes` saved; None for a task that is no variance.

    Returns
    -------
    The table `predictions` (one column a model, rows start … stop − 1), `residuals.npz` (log residuals of the
    training rows by model; none of an event), `contributions.npz` (`absolute` [rows of the window, inputs,
    2]: how far each input moves the score of the trees, see `Boosted.contributions`), and `models.json`, the
    states of the fitted models. Of a level also `quantiles.npz`: `lower`, `upper` [rows of the window] and
    `scores` of the quantile regression, see `quantile_intervals`.
    """
    rows = len(learned)
    states = json.loads(processes) if processes else {}
    fitted = {model.name: model.from_state(states[model.name]) for model in (Garch, Gjr) if states}
    models = fit_all(task, features.iloc[:rows], learned, settings, seed, fitted)
    predicted = predict_all(models, features)
    names = [name for name in INTERVALLED if name in models and task.kind == "level"]
    residuals = {
        name: log_residuals(task.floored(learned), predicted[name].to_numpy(dtype=float)[:rows])
        for name in names
    }
    (trees,) = (model for model in models.values() if isinstance(model, Boosted))
    quantiles: Output = {}
    if task.kind == "level":
        found = regress_quantiles(task, settings, seed, features, learned, start)
        edges = {"lower": found.raw.lower, "upper": found.raw.upper, "scores": found.scores}
        quantiles = {"quantiles.npz": packed(edges)}
    return {
        **quantiles,
        "predictions": predicted.iloc[start:],
        "residuals.npz": packed(residuals),
        "contributions.npz": packed({"absolute": np.abs(trees.contributions(features.iloc[start:]))}),
        "models.json": json.dumps({name: model.to_state() for name, model in models.items()}).encode(),
    }
