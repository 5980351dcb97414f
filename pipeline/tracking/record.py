"""What a pipeline run leaves in MLflow: one parent run, a child for every policy and every forecaster."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.data.pandas_dataset import from_pandas
from pydantic import BaseModel

from pipeline.evaluate.comparison import FLAGSHIP
from pipeline.evaluate.data_quality import data_metrics, data_tables
from pipeline.evaluate.evaluate import Evaluation
from pipeline.evaluate.judged import Judged
from pipeline.evaluate.metrics import BASELINE, METRICS
from pipeline.ingest.store import Dataset
from pipeline.policies.catalogue import POLICIES
from pipeline.tracking.runs import log_numbers, log_settings, log_tags, tracked_run

TABLES = (
    "comparison",
    "delayed",
    "against_delta",
    "ablations",
    "by_regime",
    "attribution",
    "costs",
    "windows",
    "book",
)
"""Tables of an evaluation that are logged as CSV."""
COMPARED = (
    "pnl_mean_bps",
    "market_beta",
    "pnl_sd_bps",
    "cvar95_bps",
    "risk_bps",
    "cost_bps",
    "trades",
    "gain_vs_delta",
)
"""Metrics of every policy that a pipeline run shows beside its flagship's."""
NOTE = "mlflow.note.content"
"""Tag that MLflow's pages show as the description of a run."""


def log_parent(
    client: MlflowClient,
    run_id: str,
    evaluation: Judged,
    folder: Path,
    timings: Mapping[str, float],
    tables: Sequence[str] = TABLES,
) -> None:
    """Log settings, metrics, seconds, looks, counts of data, report, tables and a description.

    `tables` are those parts of the evaluation that are logged as CSV.

    The flagship's metrics have plain names; those of every policy are `metric/policy`, so that two runs can
    be compared without opening their children.
    """
    log_settings(client, run_id, flattened(evaluation.settings))
    shown = FLAGSHIP if FLAGSHIP in evaluation.comparison.index else BASELINE
    times = {f"seconds/{stage}": seconds for stage, seconds in timings.items()}
    looks = {"earlier_looks": float(evaluation.earlier_looks)}
    log_numbers(
        client,
        run_id,
        policy_metrics(evaluation.comparison, shown) | times | looks | data_metrics(evaluation.tables),
    )
    log_numbers(client, run_id, side_by_side(evaluation.comparison))
    log_tags(client, run_id, {NOTE: description(evaluation, folder.name)})
    mlflow.log_artifacts(str(folder), "report", run_id=run_id)
    for name in tables:
        table = getattr(evaluation, name)
        if table is not None:
            mlflow.log_text(table.to_csv(), f"tables/{name}.csv", run_id=run_id)
    for name, table in data_tables(evaluation.tables).items():
        mlflow.log_text(table.to_csv(index=False), f"tables/{name}.csv", run_id=run_id)


def log_inputs(market: Dataset, signals: Dataset, prices: str = "bars") -> None:
    """Note in the active run which tables it read; `prices` is that of the market."""
    for dataset, table, context in ((market, prices, "ingest"), (signals, "signals", "backtest")):
        frame = dataset[table].select_dtypes("number").astype(float)
        source = str(dataset.path / f"{table}.parquet")
        with warnings.catch_warnings():
            # How MLflow 3.17 resolves a local source and calls pandas 3.1; the result is right.
            warnings.filterwarnings("ignore", "The specified dataset source can be interpreted")
            warnings.simplefilter("ignore", pd.errors.Pandas4Warning)
            mlflow.log_input(from_pandas(frame, source=source, name=dataset.key), context)


def log_policies(
    client: MlflowClient,
    experiment: str,
    evaluation: Judged,
    tags: Mapping[str, str],
    further: Callable[[str], Mapping[str, float]],
) -> None:
    """Open a child run for every policy, all with the same metric names, and its last tuned parameters.

    `further` gives the metrics of a policy that only this kind of desk has.
    """
    tuned = evaluation.tables["tuned"]
    last = tuned[tuned["window"] == tuned["window"].max()]
    for policy in evaluation.comparison.index:
        chosen = last[last["policy"] == policy].set_index("parameter")["value"]
        params = {"policy": policy, **{str(name): value for name, value in chosen.items()}}
        said = (POLICIES[str(policy)].__doc__ or "").partition("\n")[0]
        marks = {**tags, "kind": "policy", NOTE: said}
        with tracked_run(experiment, str(policy), marks, nested=True) as child:
            log_settings(client, child, params)
            log_numbers(client, child, policy_metrics(evaluation.comparison, policy))
            log_numbers(client, child, dict(further(str(policy))))
            log_numbers(client, child, cost_numbers(evaluation.costs, str(policy)))


def log_forecasters(
    client: MlflowClient, experiment: str, tables: Mapping[str, pd.DataFrame], tags: Mapping[str, str]
) -> None:
    """Open a child run for every forecaster; a metric is `score/target_horizon` or `score/event`."""
    for model, metrics in forecast_metrics(tables["scores"], tables["events"]).items():
        with tracked_run(experiment, model, {**tags, "kind": "forecaster"}, nested=True) as child:
            log_settings(client, child, {"forecaster": model})
            log_numbers(client, child, metrics)


def policy_metrics(comparison: pd.DataFrame, policy: str) -> dict[str, float]:
    """Return the metrics of one policy by name."""
    return {name: float(comparison.loc[policy, name]) for name in METRICS}  # type: ignore[arg-type]


def side_by_side(comparison: pd.DataFrame) -> dict[str, float]:
    """Return the metrics that runs are compared by, of every policy.

    Examples
    --------
    >>> table = pd.DataFrame({metric: [1.5] for metric in COMPARED}, index=["delta_implied"])
    >>> side_by_side(table)["risk_bps/delta_implied"]
    1.5
    """
    return {
        f"{metric}/{policy}": float(comparison.loc[policy, metric])
        for metric in COMPARED
        for policy in comparison.index
    }


def description(evaluation: Judged, report: str) -> str:
    """Return what the run's page says first, in Markdown: the verdicts, then the policies side by side."""
    verdicts = [f"- **{verdict.question}** {verdict.sentence}" for verdict in evaluation.verdicts]
    table = evaluation.comparison[list(COMPARED)].round(2)
    rows = [
        f"| `{policy}` | {' | '.join(map(str, row))} |"
        for policy, row in zip(table.index, table.to_numpy(), strict=True)
    ]
    heading = f"| policy | {' | '.join(COMPARED)} |"
    return "\n".join(
        [
            f"{evaluation.desk.description or evaluation.desk.name}. Report: `report/report.html` among the "
            f"artifacts, {report} under data/reports.",
            "",
            *verdicts,
            "",
            heading,
            f"|---{'|--:' * len(COMPARED)}|",
            *rows,
        ]
    )


def book_numbers(evaluation: Evaluation, policy: str) -> dict[str, float]:
    """Return what one policy made of the net position, and how well its P&L is explained, by metric name."""
    numbers = {f"book/{name}": value for name, value in evaluation.book.T[policy].to_dict().items()}
    explained = evaluation.tables["explained"]
    for row in explained[explained["policy"] == policy].to_dict("records"):
        judged = ("spearman", "ks", "residual_of_options", "residual_of_hedged")
        numbers |= {f"explained/{row['view']}/{name}": float(row[name]) for name in judged}
    return numbers


def cost_numbers(costs: pd.DataFrame, policy: str) -> dict[str, float]:
    """Return the cost by source of one policy, by metric name.

    Examples
    --------
    >>> cost_numbers(pd.DataFrame([{"view": "book", "policy": "none", "fee": 0.0, "cost": 0.0}]), "none")
    {'cost/book/fee_bps': 0.0, 'cost/book/cost_bps': 0.0}
    """
    return {
        f"cost/{row['view']}/{name}_bps": float(row[name])
        for row in costs[costs["policy"] == policy].drop(columns="policy").to_dict("records")
        for name in row
        if name != "view"
    }


def forecast_metrics(scores: pd.DataFrame, events: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return the scores of every forecaster by metric name.

    Examples
    --------
    >>> scores = pd.DataFrame([{"target": "variance", "horizon": 5, "model": "har", "qlike": 0.2, "n": 9}])
    >>> forecast_metrics(scores, pd.DataFrame(columns=["event", "model"]))
    {'har': {'qlike/variance_5': 0.2, 'n/variance_5': 9.0}}
    """
    found: dict[str, dict[str, float]] = {}
    for table, labels in ((scores, ("target", "horizon")), (events, ("event",))):
        for row in table.to_dict("records"):
            task = "_".join(str(row.pop(label)) for label in labels)
            metrics = found.setdefault(str(row.pop("model")), {})
            metrics |= {f"{score}/{task}": float(value) for score, value in row.items()}
    return found


def flattened(desk: BaseModel) -> dict[str, str]:
    """Return every setting of a desk by its dotted key.

    Examples
    --------
    >>> from pipeline.domain.desk import load_desk
    >>> flattened(load_desk("spx-daily"))["costs.fee_bps"]
    '0.2'
    """

    def leaves(prefix: str, value: Any) -> dict[str, str]:
        if isinstance(value, Mapping):
            nested = (leaves(f"{prefix}.{key}" if prefix else str(key), item) for key, item in value.items())
            return {key: leaf for part in nested for key, leaf in part.items()}
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        return {prefix: text}

    return leaves("", desk.model_dump(mode="json"))
