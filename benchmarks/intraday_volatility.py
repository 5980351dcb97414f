"""Forecasts of the variance ahead within the day: the recurrent network beside its rivals on days of BAC.

The desk is `bac-intraday` as it ships with `[forecasts.lstm]` added: a decision every 30 seconds, all fitted
again every day on the days before, three days judged. One decision ahead the target is a squared return. What
the home of the pipeline already holds is not made again.
"""

import os
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pandas as pd

from benchmarks.measurement import Measurement
from benchmarks.shared_data import shared
from flows.datasets import store_of
from flows.works import works_of
from pipeline.backtest.desk_check import checked_any

STAGES = ("market", "matrix", "signals")
NETWORK, START, TREES = "lstm", "log_linear", "lightgbm"
SHOWN = ["qlike", "mse", "dm_p", "dm_p_log_har", "dm_p_log_linear", "mcs_p", "n"]


def measure() -> Iterator[Measurement]:
    """Walk the forecasters of the desk forward and print what each lost."""
    folder = shared("ticks", "lean_equity", "bac")
    with TemporaryDirectory() as scratch, patch.dict(os.environ, {"HEDGE_DATA": str(folder)}):
        scores, intervals = walked(Path(scratch) / "desk.toml")
    for horizon, table in scores.groupby("horizon", sort=False):
        each = table.set_index("model")
        print(f"\n{horizon} decisions ahead\n{each[SHOWN].to_string(float_format=lambda v: f'{v:.4g}')}")
        detail = {f"qlike_{name}": float(loss) for name, loss in each["qlike"].items()}
        detail |= {f"p_{name}": float(each.loc[NETWORK, f"dm_p_{name}"]) for name in ("log_har", START)}
        ours, trees = float(each.loc[NETWORK, "qlike"]), float(each.loc[TREES, "qlike"])
        yield Measurement(f"intraday_volatility.qlike_{horizon}", "QLIKE", ours, trees, None, {}, detail)
    print(f"\nintervals\n{intervals.to_string(index=False, float_format=lambda v: f'{v:.3f}')}")


def walked(desk: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of the forecasts of variance, and coverage and loss of the intervals."""
    source = resources.files("pipeline.desks").joinpath("bac-intraday.toml").read_text(encoding="utf-8")
    desk.write_text(source.replace("[policies]", "[forecasts.lstm]\n\n[policies]", 1), encoding="utf-8")
    settings, store, keys = checked_any(str(desk)), store_of(None), []
    works = works_of(settings)
    for stage in STAGES:
        work = getattr(works, stage)(settings, *keys)
        keys.append(
            store.derive(
                work.name, work.build, inputs=work.inputs, parameters=work.parameters, pieces=work.pieces
            )
        )
    signals = store.open(keys[-1])
    scores, intervals = signals["scores"], signals["intervals"]
    kept = intervals[(intervals["target"] == "variance") & (intervals["regime"] == "all")]
    columns = ["horizon", "model", "coverage", "ratio", "winkler_log", "dm_p"]
    return scores[scores["target"] == "variance"], kept[columns]
