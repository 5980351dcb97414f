"""What own fills taught, as the registry knows it: the champion in force, and a retrain's challenger."""

from collections.abc import Mapping
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.models.model import ModelInfo

from pipeline.domain.desk_file import AnyDesk
from pipeline.domain.errors import StoreError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.execution.learned_costs import LearnedCosts
from pipeline.ingest.store import Dataset
from pipeline.monitor.own_cost_score import COSTS, ORDERS
from pipeline.tracking.database import connect
from pipeline.tracking.registry import EXECUTION, champion, costs_in, log_costs
from pipeline.tracking.runs import log_numbers

OWN_COSTS = "own_costs"
"""Name of the dataset among those of a run."""


def with_own_costs(desk: AnyDesk, mlruns: Path) -> AnyDesk:
    """Return a desk within the day with the latency and costs of its champion, where it has one.

    Raises
    ------
    StoreError
        The champion cannot be read.
    """
    if not isinstance(desk, IntradayDesk) or not (mlruns / "mlflow.db").is_file():
        return desk
    version = champion(connect(mlruns), f"{desk.name}.{EXECUTION}")
    if version is None:
        return desk
    try:
        return costs_in(version).applied(desk)
    except (KeyError, TypeError, ValueError, OSError, mlflow.MlflowException) as error:
        raise StoreError(
            f"{version.name} {version.version} cannot be read ({str(error).splitlines()[0]}): hedge rollback "
            f"{desk.name} takes the one before"
        ) from None


def log_own_costs(client: MlflowClient, run_id: str, dataset: Dataset) -> Mapping[str, ModelInfo]:
    """Log what own fills taught into the active run; return the model by name if a part of it is believed."""
    learned = LearnedCosts.from_json(dataset.read_bytes(COSTS))
    models = {EXECUTION: log_costs(learned)} if learned else {}
    mlflow.log_text(learned.to_json(), f"{OWN_COSTS}.json", run_id=run_id)
    mlflow.log_text(dataset[ORDERS].to_csv(index=False), f"tables/{OWN_COSTS}.csv", run_id=run_id)
    log_numbers(client, run_id, _numbers(learned))
    return models


def _numbers(learned: LearnedCosts) -> dict[str, float]:
    """Return the metrics: estimates with their standard errors, orders, and what was gained on later days."""
    told = learned.told
    found = {"orders": float(told["orders"]), "refused": float(sum(told["refused"].values()))}
    if told["orders"]:
        found |= {
            "latency/median": told["latency"]["median"],
            "latency/log_error": told["latency"]["log_error"],
        }
        for name in ("crossing", "half_spread", "impact", "delay"):
            found |= {name: told[name]["value"], f"{name}/error": told[name]["error"]}
    for name, score in told["scores"].items():
        if score["gain"] is not None:
            found |= {f"{name}/gain": score["gain"], f"{name}/low": score["low"]}
    return {f"{OWN_COSTS}/{name}": float(value) for name, value in found.items()}
