"""The ledger of looks at test rows: the more often one looks, the less a good result means."""

from datetime import date, datetime
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run

from pipeline.domain.desk_file import AnyDesk
from pipeline.policies.catalogue import desk_policies
from pipeline.tracking.database import experiment_id
from pipeline.tracking.runs import log_tags, tracked_run

LEDGER = "test-ledger"


def earlier_looks(client: MlflowClient, mlruns: Path, desk: AnyDesk, backtest: str) -> int:
    """Return how many other backtests looked at test rows that overlap with the desk's test period.

    A backtest is known by its dataset key: looking twice at the same one is one look.
    """
    ledger = experiment_id(client, mlruns, LEDGER)
    looks, token = list[Run](), None
    while True:
        page = client.search_runs(
            [ledger], filter_string=f"tags.source = '{desk.data.label}'", page_token=token
        )
        looks += page
        token = page.token
        if not token:
            trials = {look.data.tags["backtest"] for look in looks if _overlaps(look, desk)}
            return len(trials - {backtest})


def log_look(client: MlflowClient, mlruns: Path, desk: AnyDesk, backtest: str, run_id: str) -> None:
    """Enter a look at the test rows: who, which rows, how many policies, for which run, at this time."""
    tags = {
        "desk": desk.name,
        "source": desk.data.label,
        "test_start": _day(desk.windows.test_start).isoformat(),
        "test_end": _day(desk.windows.test_end).isoformat(),
        "backtest": backtest,
        "policies": str(len(desk_policies(desk))),
        "run_id": run_id,
    }
    with tracked_run(experiment_id(client, mlruns, LEDGER), desk.name, {}, nested=True) as look:
        log_tags(client, look, tags)


def _overlaps(look: Run, desk: AnyDesk) -> bool:
    first, last = (date.fromisoformat(look.data.tags[key]) for key in ("test_start", "test_end"))
    return first <= _day(desk.windows.test_end) and _day(desk.windows.test_start) <= last


def _day(told: date) -> date:
    return told.date() if isinstance(told, datetime) else told
