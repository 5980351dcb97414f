"""The machine-readable summary of a run."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.backtest.attribution import COMPONENTS
from pipeline.evaluate.book import Replay
from pipeline.evaluate.comparison import ABLATIONS, BY_REGIME, rows_of
from pipeline.evaluate.data_quality import data_summary
from pipeline.evaluate.evaluate import Evaluation
from pipeline.evaluate.judged import Judged
from pipeline.evaluate.metrics import BPS_PER_UNIT, METRICS
from pipeline.evaluate.own_fills import OWN_FILLS, daily_fills, own_fill_records
from pipeline.evaluate.run_record import RunRecord
from pipeline.regimes.describe import switches_a_year


def summarised(evaluation: Judged, record: RunRecord, own: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `summary.json` holds: plain numbers, lists and text; a missing number is None.

    `own` is what only this kind of desk has: `kind` and `data` among it.
    `policies.<name>` has every metric of `metrics.METRICS` and `ci: {metric: [low, high]}`, `delayed` the
    same with fills one step later, `ablations.<part>`, `trained.<policy>.<rival>` and `tests.<policy>` the
    paired differences.
    `importance.<target>.<horizon>.<input>` says how far an input moves the log of the forecast on average,
    `intervals.<target>.<horizon>.<model>.<regime>` holds coverage, width and Winkler loss, regime `all`
    first. `costs.<view>.<policy>` holds the cost by source in bps.
    """
    tables, tests = evaluation.tables, evaluation.against_delta
    regimes = {
        "states": tables["regimes"].to_dict("records"),
        "transition": tables["transition"].filter(like="to ").to_numpy(float),
    }
    summary = {
        "run": record.run,
        "code_version": record.code_version,
        "dataset_keys": dict(record.dataset_keys),
        "market": dict(record.market),
        "desk": evaluation.settings.model_dump(mode="json"),
        "said": list(evaluation.said),
        "windows": evaluation.windows.to_dict("records"),
        "episodes": evaluation.panel.size,
        "effective_episodes": evaluation.effective,
        "earlier_looks": evaluation.earlier_looks,
        "policies": policy_numbers(evaluation.comparison, METRICS),
        "delayed": {} if evaluation.delayed is None else policy_numbers(evaluation.delayed, METRICS),
        "ablations": ablation_numbers(evaluation.ablations),
        "trained": training_numbers(evaluation.trained),
        "tests": {name: test_numbers(rows) for name, rows in tests.groupby("policy", sort=False)},
        "by_regime": regime_numbers(evaluation.by_regime),
        "forecasts": forecast_numbers(tables["scores"]),
        "events": tables["events"].to_dict("records"),
        "intervals": interval_numbers(tables["intervals"]),
        "importance": importance_numbers(tables["importance"]),
        "reliability": reliability_numbers(tables["reliability"]),
        "costs": cost_by_view(evaluation.costs),
        "verdicts": [vars(verdict) for verdict in evaluation.verdicts],
        "timings_s": dict(record.timings_s),
        "peak_memory_mb": record.peak_memory_mb,
        **own,
        "regimes": {**regimes, **own.get("regimes", {})},
    }
    return {key: json_clean(value) for key, value in summary.items()}


def daily_summary(evaluation: Evaluation, record: RunRecord) -> dict[str, Any]:
    """Return what `summary.json` holds: what every kind has, and what a daily desk has.

    `data` is `data_quality.data_summary`; `regimes.hedging_value.<detector>` holds the differences of the
    flagship on its regimes from the flagship without regimes. `book.<policy>` holds `book.book_metrics`,
    `held_back` the rows of the file of positions that the book lacks, `explained.<view>.<policy>` what
    `backtest.attribution` gives in bps, `own_fills` what the desk's own fills cost by year, and `stress` a
    list of windows: `tested`, and by policy the sums over the days of the book and over the life of the worst
    episode.
    """
    tables = evaluation.tables
    probabilities = tables["signals"].filter(like="regime_prob_").to_numpy(float)
    own = {
        "kind": "daily",
        "data": data_summary(tables),
        "regimes": {
            "switches_a_year": switches_a_year(probabilities),
            "detectors": tables["detectors"].drop(columns="fit_seconds").to_dict("records"),
            "hedging_value": {
                name: test_numbers(rows) for name, rows in evaluation.detectors.groupby("policy", sort=False)
            },
        },
        "book": evaluation.book.to_dict("index"),
        "held_back": tables["held_back"].to_dict("records"),
        "explained": _explained(tables["explained"]),
        "stress": [_stress(replay) for replay in evaluation.replays],
        OWN_FILLS: own_fill_records(daily_fills(evaluation.desk, tables)),
    }
    return summarised(evaluation, record, own)


def json_clean(value: Any) -> Any:
    """Return `value` made of what JSON knows: NaN and infinities become None, dates and times ISO text.

    Raises
    ------
    TypeError
        For a type that has no plain form.

    Examples
    --------
    >>> json_clean({"a": np.float64("nan"), 1: [np.int64(2), pd.Timestamp("2018-02-05")]})
    {'a': None, '1': [2, '2018-02-05']}
    """
    if isinstance(value, Mapping):
        return {str(key): json_clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [json_clean(item) for item in value]
    if value is None or value is pd.NaT:
        return None
    if isinstance(value, bool | str):
        return value
    if isinstance(value, pd.Timestamp):
        return value.isoformat(sep=" ") if value != value.normalize() else value.date().isoformat()
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    raise TypeError(f"no plain form for {type(value).__name__}")


def cost_by_view(costs: pd.DataFrame) -> dict[str, Any]:
    """Return the cost by source of every policy, by view."""
    return {
        str(view): own.drop(columns="view").set_index("policy").add_suffix("_bps").to_dict("index")
        for view, own in costs.groupby("view", sort=False)
    }


def _explained(explained: pd.DataFrame) -> dict[str, Any]:
    money = [name for name in explained.columns if name.startswith(("mean_", "rms_"))]
    scaled = explained.assign(**{f"{name}_bps": BPS_PER_UNIT * explained[name] for name in money})
    return {
        str(view): group.drop(columns=["view", *money]).set_index("policy").to_dict("index")
        for view, group in scaled.groupby("view", sort=False)
    }


def _stress(replay: Replay) -> dict[str, Any]:
    window = replay.window
    return {
        "name": window.name,
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
        "tested": replay.tested,
        "book": _sums(replay.book),
        "episode": _sums(replay.episode),
    }


def _sums(days: pd.DataFrame) -> dict[str, Any]:
    return {
        str(policy): {f"{name}_bps": BPS_PER_UNIT * own[name].sum() for name in ("pnl", *COMPONENTS)}
        for policy, own in days.groupby("policy", sort=False)
    }


def policy_numbers(table: pd.DataFrame, metrics: tuple[str, ...]) -> dict[str, Any]:
    """Return the metrics of every policy with their intervals, by name."""
    return {
        str(policy): {
            **{metric: row[metric] for metric in metrics},
            "ci": {metric: [row[f"{metric}_low"], row[f"{metric}_high"]] for metric in metrics},
        }
        for policy, row in table.iterrows()
    }


def test_numbers(rows: pd.DataFrame) -> dict[str, Any]:
    """Return paired differences by metric."""
    return {
        test.metric: {
            "difference": test.difference,
            "ci": [test.low, test.high],
            "p": test.p,
            "p_adjusted": test.p_adjusted,
        }
        for test in rows_of(rows)
    }


def ablation_numbers(tests: pd.DataFrame) -> dict[str, Any]:
    """Return what each part of the flagship is worth."""
    return {
        part: {"without": ablation, **test_numbers(tests[tests["baseline"] == ablation])}
        for part, ablation in ABLATIONS.items()
        if (tests["baseline"] == ablation).any()
    }


def training_numbers(tests: pd.DataFrame | None) -> dict[str, Any]:
    """Return what training is worth, by network and by what it is compared with."""
    found: dict[str, Any] = {}
    if tests is not None:
        for (policy, rival), rows in tests.groupby(["policy", "baseline"], sort=False):
            found.setdefault(str(policy), {})[str(rival)] = test_numbers(rows)
    return found


def regime_numbers(table: pd.DataFrame) -> dict[str, Any]:
    """Return the metrics of every policy by regime."""
    return {
        str(name): {
            "episodes": group["episodes"].iloc[0],
            "effective_episodes": group["effective"].iloc[0],
            "policies": policy_numbers(group.set_index("policy"), BY_REGIME),
        }
        for name, group in table.groupby("name", sort=False)
    }


def reliability_numbers(table: pd.DataFrame) -> dict[str, Any]:
    """Return how often each event happened by given probability."""
    found: dict[str, Any] = {}
    for (event, model), group in table.groupby(["event", "model"], sort=False):
        groups = group.drop(columns=["event", "model"]).to_dict("records")
        found.setdefault(str(event), {})[str(model)] = groups
    return found


def importance_numbers(table: pd.DataFrame) -> dict[str, Any]:
    """Return how far each input moves each forecast."""
    found: dict[str, Any] = {}
    for _, row in table.iterrows():
        inputs = found.setdefault(str(row["target"]), {}).setdefault(str(row["horizon"]), {})
        inputs[str(row["input"])] = {"linear": row["linear"], "trees": row["trees"]}
    return found


def forecast_numbers(scores: pd.DataFrame) -> dict[str, Any]:
    """Return the scores of every forecaster by target and horizon."""
    scored = ("qlike", "mse", "dm_p", "dm_p_log_har", "dm_p_log_linear", "mcs_p")
    found: dict[str, Any] = {}
    for _, row in scores.iterrows():
        models = found.setdefault(str(row["target"]), {}).setdefault(str(row["horizon"]), {})
        models[str(row["model"])] = {name: row[name] for name in scored}
    return found


def interval_numbers(table: pd.DataFrame) -> dict[str, Any]:
    """Return coverage, width and loss of every interval."""
    found: dict[str, Any] = {}
    for _, row in table.iterrows():
        models = found.setdefault(str(row["target"]), {}).setdefault(str(row["horizon"]), {})
        names = ("coverage", "below", "above", "ratio", "winkler", "winkler_log", "dm_p", "n")
        models.setdefault(str(row["model"]), {})[str(row["regime"])] = {name: row[name] for name in names}
    return found
