"""Units of work on a Dask cluster that is there: Prefect tasks that are sent keys and return a key."""

import os
import platform
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Final

from prefect import task
from prefect.cache_policies import NO_CACHE

from pipeline.domain.errors import SettingsError
from pipeline.ingest.local_processes import run_on_one_thread
from pipeline.ingest.partitions import Call

if TYPE_CHECKING:
    from distributed import Client
    from prefect_dask.task_runners import DaskTaskRunner

PATIENCE: Final = 10.0
"""Seconds to wait for a scheduler."""
SAME: Final = ("regime-hedge", "numpy", "pandas", "pyarrow", "numba", "distributed", "cloudpickle", "prefect")
"""Packages whose versions must be the same here and on every worker."""
API: Final = "PREFECT_API_URL"


@task(name="unit of work", cache_policy=NO_CACHE, persist_result=False, task_run_name="{call.key}")
def unit_of_work(call: Call) -> str:
    """Make one partition and return its key."""
    return run_on_one_thread(call)


@dataclass(frozen=True)
class DaskCluster:
    """`Runner` that does calls on the workers of a scheduler, `HOST:PORT`.

    A call whose worker dies is done by another one. What travels is the call: a key, settings and the keys of
    the partitions that it reads.
    """

    address: str

    def __call__(self, calls: Sequence[Call]) -> None:
        """Do all calls.

        Raises
        ------
        SettingsError
            No scheduler answers, it has no workers, or a worker is not like this machine.
        StoreError
            A unit of work failed.
        """
        with self._connected() as runner:
            _check_workers(runner.client, self.address)
            futures = [runner.submit(unit_of_work, {"call": call}) for call in calls]
            for future in futures:
                future.result()

    @contextmanager
    def _connected(self) -> "Iterator[DaskTaskRunner]":
        from prefect_dask.task_runners import DaskTaskRunner

        with DaskTaskRunner(address=f"tcp://{self.address}", client_kwargs={"timeout": PATIENCE}) as runner:
            try:
                runner.client  # noqa: B018 (connects)
            except (OSError, TimeoutError):
                raise SettingsError(
                    f"--runner dask://{self.address}: no Dask scheduler answers within {PATIENCE:.0f} s: "
                    "start one with `dask scheduler`, or look at the address"
                ) from None
            yield runner


def installed() -> dict[str, str]:
    """Return the versions of `SAME` and of Python on this machine."""
    found = {"python": platform.python_version()}
    for name in SAME:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "none"
    return found


def reaches(url: str) -> str:
    """Return why Prefect's API cannot be reached from this machine; empty where it can."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=PATIENCE):
            return ""
    except OSError as error:
        return str(error)


def check_same(worker: str, there: Mapping[str, str], here: Mapping[str, str]) -> None:
    """Raise `SettingsError` where a worker has another version of a package than this machine.

    Examples
    --------
    >>> check_same("worker 1", {"pandas": "3.1.1"}, {"pandas": "3.1.1"})
    """
    for name, version in there.items():
        if version != here[name]:
            raise SettingsError(
                f"{worker} has {name} {version}, this machine {here[name]}: "
                "install the same on both (requirements.lock)"
            )


def _check_workers(client: "Client", address: str) -> None:
    if not client.scheduler_info(n_workers=-1)["workers"]:
        raise SettingsError(
            f"--runner dask://{address}: the scheduler has no worker: start `dask worker {address}`"
        )
    here = installed()
    try:
        there: Mapping[str, dict[str, str]] = client.run(installed)
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"--runner dask://{address}: a worker lacks {error.name}: install regime-hedge[dask] there too"
        ) from None
    for worker, found in there.items():
        check_same(f"--runner dask://{address}: worker {worker}", found, here)
    url = os.environ.get(API, "")
    for worker, fault in (client.run(reaches, url) if url else {}).items():
        if fault:
            raise SettingsError(
                f"--runner dask://{address}: worker {worker} does not reach Prefect at {url} ({fault}): "
                f"start `prefect server start --host 0.0.0.0` and set {API} to an address that workers reach"
            )
