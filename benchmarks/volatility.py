"""Volatility models on realised measures of the S&P 500, 1, 5 and 22 sessions ahead.

Prints, for every model, losses, ratios to HAR, tests and the model confidence set; measures the best without
and with implied volatility against the targets, and what the trees add to the linear model they start from.
"""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import product
from time import perf_counter

import numpy as np
import pandas as pd
from arch.bootstrap import MCS
from scipy.stats import t as student_t
from threadpoolctl import threadpool_limits

from benchmarks.measurement import Measurement
from benchmarks.shared_data import shared
from benchmarks.volatility_models import (
    FIRST_FORECAST,
    MODELS,
    POOLS,
    ahead,
    combined,
    forecast,
    inputs,
    market,
)
from pipeline.forecasts.scores import diebold_mariano, qlike

HORIZONS = (1, 5, 22)
CHOSEN = {"without_vix": "combination", "with_vix": "combination + VIX"}
STARTS = {"without_vix": ("lightgbm L", "linear L"), "with_vix": ("lightgbm LV", "linear LV")}
RIVAL = "log-SHARQ"


def measure() -> Iterator[Measurement]:
    """Walk all models forward at the three horizons and judge them."""
    started = perf_counter()
    tables = walk()
    scored = {horizon: scores(horizon, *tables[horizon]) for horizon in HORIZONS}
    seconds = perf_counter() - started
    for horizon, table in scored.items():
        print(f"\n{horizon} sessions ahead, {len(tables[horizon][1])} forecasts")
        print(table.to_string(float_format=lambda value: f"{value:.4f}"))
    yield Measurement("volatility.seconds", "s", seconds, detail={"models": len(MODELS) + len(POOLS)})
    for horizon, kind in product(HORIZONS, CHOSEN):
        yield from judged(horizon, kind, *tables[horizon])


def walk() -> dict[int, tuple[pd.DataFrame, np.ndarray]]:
    """Forecasts of every model and what came, by horizon, on all cores."""
    shared("realized"), shared("volatility_indices"), shared("daily")
    jobs = [(model, horizon) for model in MODELS for horizon in HORIZONS]
    with ProcessPoolExecutor(min(len(jobs), os.cpu_count() or 1)) as pool:
        found = dict(zip(jobs, pool.map(one, *zip(*jobs, strict=True)), strict=True))
    data, tables = market(shared()), {}
    for horizon in HORIZONS:
        y = ahead(data, horizon)[FIRST_FORECAST:]
        known = np.isfinite(y)
        each = {model: found[model, horizon][known] for model in MODELS}
        pools = {
            name: combined({model: each[model] for model in members}, y[known], horizon)
            for name, members in POOLS.items()
        }
        tables[horizon] = (pd.DataFrame(each | pools, index=data.index[FIRST_FORECAST:][known]), y[known])
    return tables


def one(model: str, horizon: int) -> np.ndarray:
    """One model at one horizon, on one thread."""
    with threadpool_limits(limits=1):
        data, X = prepared()
        return forecast(model, X, ahead(data, horizon), horizon)


@cache
def prepared() -> tuple[pd.DataFrame, Mapping[str, np.ndarray]]:
    """The market and its inputs, once a process."""
    data = market(shared())
    return data, inputs(data)


def scores(horizon: int, table: pd.DataFrame, y: np.ndarray) -> pd.DataFrame:
    """Losses, ratios to HAR, one-sided p of no gain over HAR and log-SHARQ, and the model confidence set."""
    losses = table.apply(lambda column: qlike(y, column.to_numpy()))
    squares = table.apply(lambda column: (y - column) ** 2)
    early = table.index < "2006"
    confident = MCS(losses, size=0.1, block_size=max(2 * horizon, 10), reps=500, seed=7)
    confident.compute()
    return pd.DataFrame(
        {
            "QLIKE": losses.mean(),
            "before 2006": losses[early].mean(),
            "/ HAR": losses.mean() / losses["HAR"].mean(),
            "MSE / HAR": squares.mean() / squares["HAR"].mean(),
            "p, HAR": [no_gain(losses[name], losses["HAR"], horizon) for name in table],
            "p, log-SHARQ": [no_gain(losses[name], losses[RIVAL], horizon) for name in table],
            "in the set": [name in confident.included for name in table],
        }
    )


def judged(horizon: int, kind: str, table: pd.DataFrame, y: np.ndarray) -> Iterator[Measurement]:
    """The chosen forecast's loss and its test against log-SHARQ; the trees' own share beside."""
    losses = {name: qlike(y, table[name].to_numpy()) for name in table}
    trees, start = STARTS[kind]
    detail = {
        "model": CHOSEN[kind],
        "rows": len(y),
        "log_sharq": losses[RIVAL].mean(),
        "lightgbm_alone": losses[trees].mean(),
        "its_linear_start": losses[start].mean(),
        "p_no_gain_of_the_trees": no_gain(losses[trees], losses[start], horizon),
    }
    ours = losses[CHOSEN[kind]]
    yield Measurement(
        f"volatility.qlike_{horizon}_{kind}", "QLIKE", ours.mean(), losses[RIVAL].mean(), None, {}, detail
    )
    p = no_gain(ours, losses[RIVAL], horizon)
    yield Measurement(f"volatility.p_over_log_sharq_{horizon}_{kind}", "p-value", p, detail={"rows": len(y)})


def no_gain(loss: np.ndarray, rival: np.ndarray, horizon: int) -> float:
    """p-value of the hypothesis that the rival is as good or better, with lags for the overlap."""
    compared = diebold_mariano(np.asarray(loss), np.asarray(rival), horizon)
    return float(student_t.cdf(compared.statistic, len(loss) - 1)) if compared.difference else np.nan
