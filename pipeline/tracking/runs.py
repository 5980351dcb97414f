"""Runs that always end: finished, failed or killed, never left running."""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import mlflow
import psutil  # type: ignore[import-untyped]
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunStatus, RunTag

IDENTITY = "identity"
PROCESS = "process"


@contextmanager
def tracked_run(experiment: str, name: str, tags: Mapping[str, str], nested: bool = False) -> Iterator[str]:
    """Open a run, give its id, and close it: FINISHED, FAILED after an error, KILLED after an interrupt."""
    marks = {**tags, PROCESS: this_process()}
    run = mlflow.start_run(experiment_id=experiment, run_name=name, tags=marks, nested=nested)
    try:
        yield str(run.info.run_id)
    except Exception:
        mlflow.end_run("FAILED")
        raise
    except BaseException:
        mlflow.end_run("KILLED")
        raise
    mlflow.end_run("FINISHED")


def end_orphans(client: MlflowClient, experiment: str) -> None:
    """Mark as KILLED the runs of this machine whose process died before it could close them."""
    running = client.search_runs([experiment], filter_string="attributes.status = 'RUNNING'")
    for run in running:
        if not _alive(run.data.tags.get(PROCESS, "")):
            client.set_terminated(run.info.run_id, RunStatus.to_string(RunStatus.KILLED))


def finished_run(client: MlflowClient, experiment: str, identity: str) -> Run | None:
    """Return the newest finished run of that identity, or None."""
    found = client.search_runs(
        [experiment],
        filter_string=f"tags.{IDENTITY} = '{identity}' and attributes.status = 'FINISHED'",
        order_by=["attributes.start_time DESC"],
        max_results=1,
    )
    return found[0] if found else None


def log_numbers(client: MlflowClient, run_id: str, metrics: Mapping[str, float]) -> None:
    """Log metrics in one request; NaN means that there is no such number and is left out."""
    known = [Metric(name, float(value), 0, 0) for name, value in metrics.items() if value == value]
    client.log_batch(run_id, metrics=known)


def log_settings(client: MlflowClient, run_id: str, params: Mapping[str, object]) -> None:
    """Log parameters in one request, sorted by name."""
    client.log_batch(run_id, params=[Param(name, str(params[name])) for name in sorted(params)])


def log_tags(client: MlflowClient, run_id: str, tags: Mapping[str, str]) -> None:
    """Set tags in one request."""
    client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])


def this_process() -> str:
    """Return what tells this process from every other one of any machine."""
    return f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.0f}"


def _alive(process: str) -> bool:
    """Tell whether the process that opened a run lives; one of another machine is taken to."""
    host, _, rest = process.partition(":")
    number, _, started = rest.partition(":")
    if host != socket.gethostname():
        return bool(host)
    try:
        return f"{psutil.Process(int(number)).create_time():.0f}" == started
    except psutil.NoSuchProcess:
        return False
