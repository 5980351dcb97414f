"""Fit, predict and score every forecaster of a task on the same rows."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.desk import ForecastSettings
from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.catalogue import forecasters
from pipeline.forecasts.combination import Combination
from pipeline.forecasts.confidence_set import confidence_set
from pipeline.forecasts.forecaster import Forecaster
from pipeline.forecasts.from_linear import FromLinear
from pipeline.forecasts.garch import Garch
from pipeline.forecasts.scores import average_precision, brier, diebold_mariano, mse, qlike
from pipeline.forecasts.task import Task

LEVEL_RIVALS = ("har", "log_har")
START = "log_linear"
"""What the trees start from: a test against it is about their own share."""
SEED = 7
EVENT_RIVALS = ("climatology", "logistic")
NO_PROCESSES: Mapping[str, Garch] = MappingProxyType({})


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
    task: Task,
    X: pd.DataFrame,
    y: FloatArray,
    settings: ForecastSettings,
    seed: int,
    processes: Mapping[str, Garch] = NO_PROCESSES,
) -> dict[str, Forecaster]:
    """Fit every forecaster of a task on training rows.

    Parameters
    ----------
    task : what is forecast.
    X, y : features [T rows] and targets [T] of the training rows, in time order (see `training_rows`).
    settings, seed : of trees and networks; networks are fitted where the settings name them.
    processes : processes of the returns that are fitted already, by name; they serve every horizon.

    Returns
    -------
    dict
        Fitted forecasters by name.

    Raises
    ------
    FitError, DataError
        A forecaster could not be fitted, or a column is missing.
    """
    fitted: dict[str, Forecaster] = {}
    for name, model in forecasters(task, settings).items():
        if name in processes:
            fitted[name] = processes[name].over(task)
            continue
        made = model(task, settings, seed)
        if isinstance(made, Combination):
            fitted[name] = made.join(X, y, [fitted[member.name] for member in made.members])
        elif isinstance(made, FromLinear) and isinstance(
            start := fitted.get(made.starts_from.name), made.starts_from
        ):
            fitted[name] = made.fit_from(start, X, y)
        else:
            fitted[name] = made.fit(X, y)
    return fitted


def predict_all(models: dict[str, Forecaster], X: pd.DataFrame) -> pd.DataFrame:
    """Return the forecasts of every model, one column each, on the index of `X`.

    Pass the history from the start: a recursive forecast (EWMA) at row t reads all rows up to t.
    """
    found: dict[str, FloatArray] = {}
    for name, model in models.items():
        if isinstance(model, Combination) and all(models[each.name] is each for each in model.fitted_):
            found[name] = model.pooled([found[each.name] for each in model.fitted_])
        else:
            found[name] = model.predict(X)
    return pd.DataFrame(found, index=X.index)


def score_table(predictions: pd.DataFrame, y: FloatArray, task: Task) -> pd.DataFrame:
    """Score forecasts against what happened, on the rows that every model and the target have.

    Parameters
    ----------
    predictions : [T rows] one column a model, in time order.
    y : [T] targets.
    task : decides the scores.

    Returns
    -------
    pd.DataFrame
        One row a model. Level: `qlike, mse, dm_p, dm_p_log_har, dm_p_log_linear, mcs_p, n`; the first three
        p-values are two-sided tests of equal QLIKE with `har`, `log_har` and `log_linear` (NaN where it is
        not among the models), the fourth that of the model confidence set. Event: `brier, brier_skill,
        average_precision, base_rate, dm_p, dm_p_logistic, n`; the skill is 1 − Brier/Brier of `climatology`,
        the p-values test equal squared error with `climatology` and with `logistic`. A p-value is NaN for
        the rival itself and where there are no more than 2h rows.

    Raises
    ------
    DataError
        A rival is not among the models, or no row can be scored.
    """
    rivals = LEVEL_RIVALS if task.kind == "level" else EVENT_RIVALS
    if missing := [name for name in rivals if name not in predictions.columns]:
        raise DataError(f"task {task.name}: no forecasts of {missing[0]} to compare with")
    rows = predictions.notna().all(axis=1).to_numpy() & np.isfinite(y)
    if not rows.any():
        raise DataError(f"task {task.name}: no row with a target and a forecast of every model")
    forecasts = {name: predictions[name].to_numpy(dtype=float)[rows] for name in predictions.columns}
    score = _level_scores if task.kind == "level" else _event_scores
    return pd.DataFrame(score(task, forecasts, y[rows])).T.rename_axis("model")


def _level_scores(task: Task, forecasts: dict[str, FloatArray], y: FloatArray) -> dict[str, dict[str, float]]:
    target = task.floored(y)
    losses = {name: qlike(target, forecast) for name, forecast in forecasts.items()}
    against_har, against_log_har = (_p_values(losses, rival, task.horizon) for rival in LEVEL_RIVALS)
    unknown = dict.fromkeys(losses, float("nan"))
    against_start = _p_values(losses, START, task.horizon) if START in losses else unknown
    confident = confidence_set(losses, task.horizon, SEED)
    return {
        name: {
            "qlike": float(losses[name].mean()),
            "mse": mse(y, forecast),
            "dm_p": against_har[name],
            "dm_p_log_har": against_log_har[name],
            "dm_p_log_linear": against_start[name],
            "mcs_p": confident[name],
            "n": len(y),
        }
        for name, forecast in forecasts.items()
    }


def _event_scores(task: Task, forecasts: dict[str, FloatArray], y: FloatArray) -> dict[str, dict[str, float]]:
    losses = {name: (forecast - y) ** 2 for name, forecast in forecasts.items()}
    against_base, against_logistic = (_p_values(losses, rival, task.horizon) for rival in EVENT_RIVALS)
    reference = brier(y, forecasts[EVENT_RIVALS[0]])
    return {
        name: {
            "brier": brier(y, forecast),
            "brier_skill": 1.0 - brier(y, forecast) / reference,
            "average_precision": average_precision(y, forecast),
            "base_rate": float(y.mean()),
            "dm_p": against_base[name],
            "dm_p_logistic": against_logistic[name],
            "n": len(y),
        }
        for name, forecast in forecasts.items()
    }


def _p_values(losses: dict[str, FloatArray], rival: str, horizon: int) -> dict[str, float]:
    enough = len(losses[rival]) > 2 * horizon
    return {
        name: diebold_mariano(loss, losses[rival], horizon).p_value
        if enough and name != rival
        else float("nan")
        for name, loss in losses.items()
    }
