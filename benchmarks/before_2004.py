"""Whether choices of the forecasts made on 2006-2015 stand on days before 2004, and what more inputs add.

Two sets of days before 2004, walk-forward: SPY's bars from 1998 (judged from 2000-07) and, where a CSV of
them is named, S&P 500 closes from 1990 (judged from 1993; the package skfolio carries them), both with the
VIX and the SKEW. For each target: QLIKE of LightGBM and of its linear start as they ship, and the change in
% with a choice turned back or columns added, with Diebold and Mariano's two-sided p; then the combination;
then coverage and Winkler loss of the interval by its step. VIX9D, VIX3M and VVIX begin after 2004 and cannot
be judged there.

`python -m benchmarks.before_2004 [CLOSES.csv]`; needs ../shared/data; some three minutes of processor time.
"""

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.real_days import VIX, spy_bars
from benchmarks.shared_data import shared
from pipeline.domain.data_settings import FilesData
from pipeline.domain.desk import ForecastSettings
from pipeline.domain.instruments import FloatArray
from pipeline.features.assemble import assemble
from pipeline.forecasts import boosted
from pipeline.forecasts.boosted import LEAF_PENALTY, LightGbm
from pipeline.forecasts.combination import Combination
from pipeline.forecasts.forecaster import Forecaster
from pipeline.forecasts.har import Har
from pipeline.forecasts.harness import training_rows
from pipeline.forecasts.intervals import Calibration, adaptive_interval, log_residuals
from pipeline.forecasts.log_linear import LogLinear
from pipeline.forecasts.scores import diebold_mariano, qlike
from pipeline.forecasts.targets import variance_ahead
from pipeline.forecasts.task import IMPLIED, Task, variance_task
from pipeline.ingest.sources import load_tables

END, EMBARGO, HORIZONS = "2004-01-01", 5, (1, 5, 10, 21)
STEPS = (0.0, 0.002, 0.005, 0.01, 0.02, 0.05)
ADDED = {
    "skew": ("skew", "skew_change_5d"),
    "volatility of volatility": ("vol_of_vol_5d", "vol_of_vol_22d"),
    "dispersion of ranges": ("range_dispersion_22d",),
    "jumps": ("jump_share_22d", "jump_statistic_1d", "jumps_66d"),
    "upside volatility": ("upside_vol_22d", "signed_variation_5d"),
}


@dataclass(frozen=True)
class Variant:
    """One way of forecasting: a model, its task, and the penalty on a leaf's value."""

    model: type[Forecaster]
    task: Task
    penalty: float


def days(bars: Mapping[str, Any]) -> pd.DataFrame:
    """Return the features and the close of every session before 2004."""
    skew = {
        "file": shared("volatility_indices", "SKEW_History.csv"),
        "columns": {"date": "DATE", "value": "SKEW"},
    }
    data = {"source": "files", "implied_vol": VIX, "vol_indices": {"skew": skew}} | dict(bars)
    tables = load_tables(FilesData.model_validate(data))
    features = assemble(tables["bars"], tables["implied_vol"], tables["vol_indices"])["features"]
    found = features.set_index("session").drop(columns="known_time")
    return found.assign(close=tables["bars"].set_index("session")["close"])[lambda table: table.index < END]


def variants(horizon: int, X: pd.DataFrame, implied: bool) -> dict[str, Variant]:
    """Return what ships, and every choice turned back, by a name that begins with the model's."""
    task = variance_task(horizon, tuple(X), implied)
    task = task if implied else task.blind
    usual = LEAF_PENALTY * horizon**2
    turned = {
        "as shipped": (task, usual),
        "without losses and return": (replace(task, inputs=task.inputs[2:]), usual),
        "with realized_vol_66d": (replace(task, logs=("realized_vol_66d",)), usual),
    }
    turned |= {
        f"+ {name}": (replace(task, inputs=(*task.inputs, *new)), usual)
        for name, added in ADDED.items()
        if (new := tuple(column for column in added if column in X))
    }
    found = {f"linear {name}": Variant(LogLinear, *each) for name, each in turned.items()}
    turned |= {
        "without the trees' own columns": (replace(task, tree_inputs=()), usual),
        "penalty 50, not 50 h²": (task, LEAF_PENALTY),
        "penalty 50 h": (task, LEAF_PENALTY * horizon),
        "without implied in the trees": (
            replace(task, tree_inputs=tuple(name for name in task.tree_inputs if name not in IMPLIED)),
            usual,
        ),
    }
    found |= {f"trees {name}": Variant(LightGbm, *each) for name, each in turned.items()}
    return found | {"HAR": Variant(Har, task, usual), "combination": Variant(Combination, task, usual)}


def walked(
    X: pd.DataFrame, start: str, horizon: int, chosen: Mapping[str, Variant], months: int
) -> tuple[dict[str, FloatArray], FloatArray, list[Calibration]]:
    """Return forecasts by name and what came, [T], and the shipped trees' training errors by refit."""
    target = variance_ahead(X["close"], horizon)
    bounds = X.index.searchsorted(pd.date_range(start, END, freq=f"{months}MS"))
    pieces: dict[str, list[FloatArray]] = {name: [] for name in chosen}
    errors = []
    for first, last in pairwise(bounds):
        rows = training_rows(target.known, first, EMBARGO)
        for name, each in chosen.items():
            with patch.object(boosted, "LEAF_PENALTY", each.penalty / horizon**2):
                model = each.model(each.task, ForecastSettings(), 7).fit(X[rows], target.outcome[rows])
            pieces[name].append(model.predict(X.iloc[first:last]))
            if name == "trees as shipped":
                known = log_residuals(each.task.floored(target.outcome[rows]), model.predict(X[rows]))
                errors.append(Calibration(int(first - bounds[0]), known))
    came = np.maximum(target.outcome[bounds[0] : bounds[-1]], 1e-8)
    return {name: np.concatenate(each) for name, each in pieces.items()}, came, errors


def compare(title: str, X: pd.DataFrame, start: str, months: int) -> None:
    """Print every comparison on one set of days."""
    for implied in (True, False):
        tables = []
        for horizon in HORIZONS:
            found, came, errors = walked(X, start, horizon, variants(horizon, X, implied), months)
            usable = np.isfinite([came, *found.values()]).all(axis=0)
            loss = {name: qlike(came[usable], each[usable]) for name, each in found.items()}
            shown = {}
            for name, each in loss.items():
                rival = loss["linear as shipped" if name.startswith("linear ") else "trees as shipped"]
                if each is rival:
                    shown[name] = f"{each.mean():.3f}"
                else:
                    p = diebold_mariano(each, rival, horizon).p_value
                    shown[name] = f"{100 * (each.mean() / rival.mean() - 1):+.1f} % (p {p:.2f})"
            tables.append(pd.Series(shown, name=f"{horizon} ({usable.sum()} rows)"))
            if implied:
                print_steps(title, horizon, found["trees as shipped"], came, errors)
        print(f"\n{title}, {'with' if implied else 'without'} implied volatility, QLIKE")
        print(pd.concat(tables, axis=1).to_string(), flush=True)


def print_steps(
    title: str, horizon: int, forecast: FloatArray, came: FloatArray, errors: list[Calibration]
) -> None:
    """Print coverage and mean Winkler loss of the logs by the interval's step."""
    said = []
    for step in STEPS:
        band = adaptive_interval(forecast, came, horizon, errors, step=step)
        low, high, y = np.log(band.lower), np.log(band.upper), np.log(came)
        loss = high - low + 20.0 * (np.maximum(low - y, 0.0) + np.maximum(y - high, 0.0))
        covered = ((y >= low) & (y <= high))[np.isfinite(loss)].mean()
        said.append(f"{step:g}: {covered:.3f}, {np.nanmean(loss):.3f}")
    print(f"{title}, {horizon} sessions, step: coverage, Winkler loss   " + "   ".join(said))


def main() -> None:
    """Judge SPY's bars, and closes where a file of them is named."""
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(limits=1):
        compare("SPY 2000-2003", days(spy_bars(Path(folder))), "2000-07-01", 6)
        if len(sys.argv) > 1:
            compare("closes 1993-2003", days({"bars": {"file": Path(sys.argv[1])}}), "1993-01-01", 12)


if __name__ == "__main__":
    main()
