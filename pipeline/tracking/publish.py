"""From the datasets of a run to its report and its MLflow run, once for the same inputs."""

import hashlib
import json
import logging
import time
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import MappingProxyType

from mlflow.entities import Run
from rich.console import Console

from pipeline.domain.desk_file import AnyDesk, kind_of
from pipeline.domain.home import Home
from pipeline.evaluate.compare_runs import CODE
from pipeline.evaluate.judged import Judged
from pipeline.evaluate.report import PAGE, SUMMARY, write_report
from pipeline.evaluate.run_record import RunRecord
from pipeline.evaluate.terminal import comparison_for_terminal
from pipeline.ingest.code_version import HEX_DIGITS, code_parts, code_version
from pipeline.ingest.store import Dataset, DatasetStore, canonical_json
from pipeline.tracking.database import connect, experiment_id
from pipeline.tracking.kinds import KINDS, Kind, Tracked
from pipeline.tracking.learning import run_networks
from pipeline.tracking.looks import earlier_looks, log_look
from pipeline.tracking.memory import peak_memory_mb
from pipeline.tracking.promotion import CHALLENGER, CHAMPION
from pipeline.tracking.registry import BACKTEST, approves, place, versions_of
from pipeline.tracking.runs import IDENTITY, end_orphans, finished_run, log_tags, tracked_run

REPORT = "report"
COMPARISON = "comparison.txt"
COMPARISON_WIDTH = 100
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Published:
    """The report's folder, the MLflow run and its experiment; `new` if this call made them."""

    folder: Path
    run_id: str
    experiment: str
    new: bool


def publish(
    desk: AnyDesk,
    home: Home,
    keys: Mapping[str, str],
    timings: Mapping[str, float],
    tags: Mapping[str, str],
    force: bool = False,
    alias: str = CHAMPION,
    trained: Mapping[str, Mapping[date, str]] = MappingProxyType({}),
    staying: Collection[str] = (),
) -> Published:
    """Judge a backtest, write its report, track it in MLflow and point `data/reports/latest` at the report.

    When a finished run of the same datasets, desk and code exists with its report, that run is returned and
    nothing is judged again.

    Parameters
    ----------
    desk, home : settings, and where to write.
    keys : of the datasets `market`, `features`, `signals` and `backtest`.
    timings : seconds of the stages so far.
    tags : further tags of the MLflow run.
    force : make a new run in any case.
    alias : of its models: champions or challengers.
    trained : files of the networks that it has trained, by policy and first day: the newest are models too.
    staying : models whose challengers stay in their place.
    """
    store, kind = DatasetStore(home.data / "datasets"), KINDS[kind_of(desk)]
    datasets = {name: store.open(key) for name, key in keys.items()}
    version = _version(datasets)
    identity = _digest({"keys": dict(keys), "desk": desk, "code": version})
    client = connect(home.mlruns)
    experiment = experiment_id(client, home.mlruns, desk.name)
    end_orphans(client, experiment)

    def placed(run_id: str) -> None:
        made = versions_of(client, run_id) | run_networks(client, desk.name, trained)
        place(client, home.mlruns, made, alias, staying, approves(desk))

    found = finished_run(client, experiment, identity)
    if found and not force and _is_whole(folder := _report_of(found, home)):
        point_latest(folder)
        log.info("run %s is unchanged", found.info.run_id)
        if alias == CHALLENGER:
            placed(found.info.run_id)
        return Published(folder, found.info.run_id, experiment, new=False)

    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{desk.name}-{uuid.uuid4().hex[:6]}"
    marks = {"desk": desk.name, "code_version": version, "kind": "pipeline", REPORT: name, **tags}
    marks |= {f"dataset.{dataset}": key for dataset, key in keys.items()}
    with tracked_run(experiment, name, marks) as run_id:
        looks = earlier_looks(client, home.mlruns, desk, keys["backtest"])
        log_look(client, home.mlruns, desk, keys["backtest"], run_id)
        started = time.perf_counter()
        evaluation = kind.judge(desk, datasets, looks)
        timings = {**timings, "evaluate": time.perf_counter() - started}
        market = kind.facts(desk, datasets["market"])
        record = RunRecord(name, version, dict(keys), timings, peak_memory_mb(), market)
        folder = _write(kind, evaluation, record, home)
        versions = {"desk": desk.name, "code_version": version, REPORT: name, BACKTEST: keys["backtest"]}
        kind.track(
            Tracked(
                client,
                home.mlruns,
                experiment,
                run_id,
                datasets,
                folder,
                timings,
                marks,
                versions,
            ),
            evaluation,
        )
        placed(run_id)
        log_tags(client, run_id, {IDENTITY: identity})
    point_latest(folder)
    log.info("run %s tracked in %.1f s", run_id, time.perf_counter() - started)
    return Published(folder, run_id, experiment, new=True)


def point_latest(folder: Path) -> None:
    """Make `latest` beside a report's folder a link to it; the link is replaced at once."""
    link = folder.with_name(f".latest.{uuid.uuid4().hex}")
    link.symlink_to(folder.name, target_is_directory=True)
    link.replace(folder.with_name("latest"))


def code_of_run(kind: Kind) -> dict[str, str]:
    """Return a hash by source file, and a version by package, of all that makes and judges a run."""
    return {part: version for maker in (*kind.makers, publish) for part, version in code_parts(maker).items()}


def _write(kind: Kind, evaluation: Judged, record: RunRecord, home: Home) -> Path:
    """Write the report and, beside it, the table and the verdicts as plain text of 100 columns."""
    folder = home.data / "reports" / record.run
    write_report(kind.report(evaluation, record), folder)
    (folder / f"{CODE}.json").write_text(
        json.dumps(code_of_run(kind), indent=1, sort_keys=True), encoding="utf-8"
    )
    with (folder / COMPARISON).open("w", encoding="utf-8") as file:
        console = Console(file=file, width=COMPARISON_WIDTH, highlight=False)
        console.print(comparison_for_terminal(evaluation))
        for sentence in evaluation.said:
            console.print(f"\n{sentence}", markup=False)
        for verdict in evaluation.verdicts:
            console.print(f"\n{verdict.question} {verdict.sentence}", markup=False)
    return folder


def _report_of(run: Run, home: Home) -> Path:
    return home.data / "reports" / str(run.data.tags[REPORT])


def _is_whole(folder: Path) -> bool:
    return all((folder / name).is_file() for name in (PAGE, SUMMARY, COMPARISON))


def _version(datasets: Mapping[str, Dataset]) -> str:
    """Return one hash for the code that made the datasets and the code that judges and tracks them."""
    makers = {name: dataset.meta["code_version"] for name, dataset in datasets.items()}
    return _digest({**makers, "publish": code_version(publish)})


def _digest(value: Mapping[str, object]) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:HEX_DIGITS]
