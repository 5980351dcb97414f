"""Volatility models on realised measures of the S&P 500, 1, 5 and 22 sessions ahead.

Prints, for every model, losses, ratios to HAR, tests and the model confidence set; measures the best without
and with implied volatility against the targets, and what trees and networks (extra `deep`) add to the linear
model they start from.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import product
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from time import perf_counter

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks.measurement import Measurement
from benchmarks.shared_data import shared
from benchmarks.volatility_judgement import (
    CHOSEN,
    STARTS_FROM,
    Walked,
    against,
    judged,
    print_networks,
    print_shares,
    print_tests,
    scores,
)
from benchmarks.volatility_models import (
    FIRST_FORECAST,
    MODELS,
    NETWORKS,
    POOLS,
    ROLLED,
    ROLLING_ROWS,
    ahead,
    combined,
    forecast,
    inputs,
    market,
)

HORIZONS = (1, 5, 22)


def measure() -> Iterator[Measurement]:
    """Walk all models forward at the three horizons and judge them."""
    started, before = perf_counter(), processor_seconds()
    walked = walk()
    scored = {horizon: scores(horizon, walked[horizon]) for horizon in HORIZONS}
    judgements = [
        (horizon, kind, *judged(horizon, kind, walked[horizon]))
        for horizon, kind in product(HORIZONS, CHOSEN)
    ]
    seconds, processor = perf_counter() - started, processor_seconds() - before
    for horizon, table in scored.items():
        print(f"\n{horizon} sessions ahead, {len(walked[horizon].came)} forecasts")
        print(table.to_string(float_format=lambda value: f"{value:.4f}"))
    print_shares(judgements)
    print_tests(judgements)
    print_networks(walked)
    print(f"\n{seconds:.0f} s, {processor:.0f} s of processor time")
    detail = {"models": len(MODELS) + len(POOLS), "processor_seconds": processor}
    yield Measurement("volatility.seconds", "s", seconds, detail=detail)
    for horizon, model in product(HORIZONS, NETWORKS):
        ours, rival = (float(scored[horizon].loc[name, "QLIKE"]) for name in (model, STARTS_FROM[model]))
        found = against(walked[horizon], model, STARTS_FROM[model], horizon)
        name = f"volatility.qlike_{horizon}_{model.replace(' ', '_').replace('-', '_').lower()}"
        yield Measurement(name, "QLIKE", ours, rival, None, {}, found)
    for horizon, kind, share, tests in judgements:
        ours, rival = share["combination"], share["log_sharq"]
        yield Measurement(f"volatility.qlike_{horizon}_{kind}", "QLIKE", ours, rival, None, {}, share)
        p = tests["p_set_of_the_two"]
        yield Measurement(f"volatility.p_log_sharq_{horizon}_{kind}", "p-value", p, detail=tests)


def processor_seconds() -> float:
    """Processor time of this process and of its children that have ended."""
    used = (getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def walk() -> dict[int, Walked]:
    """Forecasts of every model and what came, by horizon, on all cores."""
    shared("realized"), shared("volatility_indices"), shared("daily")
    jobs = [(model, horizon, None) for model in MODELS for horizon in HORIZONS]
    jobs += [(model, horizon, ROLLING_ROWS) for model in ROLLED for horizon in HORIZONS]
    with ProcessPoolExecutor(min(len(jobs), os.cpu_count() or 1)) as pool:
        found = dict(zip(jobs, pool.map(one, *zip(*jobs, strict=True)), strict=True))
    data, walked = market(shared()), {}
    for horizon in HORIZONS:
        y = ahead(data, horizon)[FIRST_FORECAST:]
        known = np.isfinite(y)
        days = data.index[FIRST_FORECAST:][known]

        def table(models: Sequence[str], rows: int | None) -> pd.DataFrame:
            each = {model: found[model, horizon, rows][known] for model in models}  # noqa: B023
            pools = {
                name: combined({model: each[model] for model in members}, y[known], horizon, rows)  # noqa: B023
                for name, members in POOLS.items()
            }
            return pd.DataFrame(each | pools, index=days)  # noqa: B023

        walked[horizon] = Walked(table(MODELS, None), table(ROLLED, ROLLING_ROWS), y[known])
    return walked


def one(model: str, horizon: int, rows: int | None) -> np.ndarray:
    """One model at one horizon, on one thread."""
    with threadpool_limits(limits=1):
        data, X = prepared()
        return forecast(model, X, ahead(data, horizon), horizon, rows)


@cache
def prepared() -> tuple[pd.DataFrame, Mapping[str, np.ndarray]]:
    """The market and its inputs, once a process."""
    data = market(shared())
    return data, inputs(data)
