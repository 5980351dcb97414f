"""Fit, predict and score every forecaster of a task on the same rows."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.desk import ForecastSettings
from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.catalogue import forecasters
from pipeline.forecasts.forecaster import Forecaster
from pipeline.forecasts.scores import average_precision, brier, diebold_mariano, mse, qlike
from pipeline.forecasts.task import Task


def training_rows(known: NDArray[np.int64], boundary: int, embargo: int = 0) -> NDArray[np.bool_]:
    """Return the rows that a model may learn from when its first forecast is made at row `boundary`.

    Parameters
    ----------
    known : [T] row that completes each row's target (`Target.known`).
    boundary : first row to be forecast.
    embargo : rows left out before it, besides those whose target is not known yet.

    Returns
    -------
    NDArray
        [T] mask of the rows whose target is known before row boundary − embargo.

    Examples
    --------
    >>> training_rows(np.arange(6) + 2, boundary=5, embargo=1)
    array([ True,  True, False, False, False, False])
    """
    return known < boundary - embargo


def fit_all(
    task: Task, X: pd.DataFrame, y: FloatArray, settings: ForecastSettings, seed: int
) -> dict[str, Forecaster]:
    """Fit every forecaster of a task on training rows.

    Parameters
    ----------
    task : what is forecast.
    X, y : features [T rows] and targets [T] of the training rows, in time order (see `training_rows`).
    settings, seed : of the trees.

    Returns
    -------
    dict
        Fitted forecasters by name.

    Raises
    ------
    FitError, DataError
        A forecaster could not be fitted, or a column is missing.
    """
    return {name: model(task, settings, seed).fit(X, y) for name, model in forecasters(task).items()}


def predict_all(models: dict[str, Forecaster], X: pd.DataFrame) -> pd.DataFrame:
    """Return the forecasts of every model, one column each, on the index of `X`.

    Pass the history from the start: a recursive forecast (EWMA) at row t reads all rows up to t.
    """
    return pd.DataFrame({name: model.predict(X) for name, model in models.items()}, index=X.index)


def score_table(
    predictions: pd.DataFrame, y: FloatArray, task: Task, benchmark: str | None = None
) -> pd.DataFrame:
    """Score forecasts against what happened, on the rows that every model and the target have.

    Parameters
    ----------
    predictions : [T rows] one column a model, in time order.
    y : [T] targets.
    task : decides the scores.
    benchmark : the model that the others are compared with; by default `har` for a level and `climatology`
        for an event.

    Returns
    -------
    pd.DataFrame
        One row a model. Level: `qlike, mse, dm_p, n`, where `dm_p` is the two-sided p-value of equal QLIKE
        with the benchmark (NaN for itself). Event: `brier, brier_skill, average_precision, base_rate, n`,
        where the skill is 1 − Brier/Brier of the benchmark.

    Raises
    ------
    DataError
        The benchmark is not among the models, or no row can be scored.
    """
    benchmark = benchmark or ("har" if task.kind == "level" else "climatology")
    if benchmark not in predictions.columns:
        raise DataError(f"task {task.name}: no forecasts of the benchmark {benchmark} to compare with")
    rows = predictions.notna().all(axis=1).to_numpy() & np.isfinite(y)
    if not rows.any():
        raise DataError(f"task {task.name}: no row with a target and a forecast of every model")
    forecasts = {name: predictions[name].to_numpy(dtype=float)[rows] for name in predictions.columns}
    score = _level_scores if task.kind == "level" else _event_scores
    return pd.DataFrame(score(task, forecasts, y[rows], benchmark)).T.rename_axis("model")


def _level_scores(
    task: Task, forecasts: dict[str, FloatArray], y: FloatArray, benchmark: str
) -> dict[str, dict[str, float]]:
    target = task.floored(y)
    losses = {name: qlike(target, forecast) for name, forecast in forecasts.items()}
    tests = {
        name: diebold_mariano(loss, losses[benchmark], task.horizon).p_value
        for name, loss in losses.items()
        if name != benchmark
    }
    return {
        name: {
            "qlike": float(losses[name].mean()),
            "mse": mse(y, forecast),
            "dm_p": tests.get(name, float("nan")),
            "n": len(y),
        }
        for name, forecast in forecasts.items()
    }


def _event_scores(
    task: Task, forecasts: dict[str, FloatArray], y: FloatArray, benchmark: str
) -> dict[str, dict[str, float]]:
    reference = brier(y, forecasts[benchmark])
    return {
        name: {
            "brier": brier(y, forecast),
            "brier_skill": 1.0 - brier(y, forecast) / reference,
            "average_precision": average_precision(y, forecast),
            "base_rate": float(y.mean()),
            "n": len(y),
        }
        for name, forecast in forecasts.items()
    }
