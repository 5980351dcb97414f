"""Units of work on a Dask cluster that is there: Prefect tasks that are sent keys and return a key."""

import asyncio
import os
import platform
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module, metadata
from typing import TYPE_CHECKING, Final

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext

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
SILENCE: Final = "600s"
"""How long a connection may take nothing: a scheduler that imports this package reads nothing meanwhile."""


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
            No scheduler answers, it has no workers, or one of them is not like this machine.
        StoreError
            A unit of work failed.
        """
        with self._connected() as runner:
            _check_cluster(runner.client, self.address)
            futures = [runner.submit(unit_of_work, {"call": call}) for call in calls]
            for future in futures:
                future.result()

    @contextmanager
    def _connected(self) -> "Iterator[DaskTaskRunner]":
        import dask.config
        from prefect_dask.task_runners import DaskTaskRunner

        patient = dask.config.set({"distributed.comm.timeouts.tcp": SILENCE})
        cluster = DaskTaskRunner(address=f"tcp://{self.address}", client_kwargs={"timeout": PATIENCE})
        with patient, cluster as runner:
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


async def ready(module: str) -> dict[str, str]:
    """Import a module in a thread, so that the loop answers meanwhile, and return what is `installed`."""
    await asyncio.to_thread(import_module, module)
    return installed()


async def reaches(url: str) -> str:
    """Return why Prefect's API cannot be reached from this machine; empty where it can.

    The request waits in a thread: the loop of a worker that asks has to answer its scheduler meanwhile.
    """
    return await asyncio.to_thread(_fault_of, url)


def _fault_of(url: str) -> str:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=PATIENCE):  # nosec B310 # of the user
            return ""
    except OSError as error:
        return str(error)


def check_same(worker: str, there: Mapping[str, str], here: Mapping[str, str]) -> None:
    """Raise `SettingsError` where a scheduler or worker has another version of a package than this machine.

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


def _check_cluster(client: "Client", address: str) -> None:
    """Refuse a scheduler or worker that is not like this machine.

    They import the module of the flow before they are sent work, which names it (Prefect's context): they
    read work on the loop that holds their connections, and a first import there holds these up.
    """
    option = f"--runner dask://{address}"
    if not client.scheduler_info(n_workers=-1)["workers"]:
        raise SettingsError(f"{option}: the scheduler has no worker: start `dask worker {address}`")
    here, running = installed(), FlowRunContext.get()
    named = __name__ if running is None or running.flow is None else running.flow.fn.__module__
    try:
        there = {"the scheduler": client.run_on_scheduler(ready, named)}  # type: ignore[no-untyped-call]
        there |= {f"worker {worker}": found for worker, found in client.run(ready, named).items()}
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"{option}: scheduler or worker lacks {error.name}: install regime-hedge[dask] there too"
        ) from None
    for name, found in there.items():
        check_same(f"{option}: {name}", found, here)
    url = os.environ.get(API, "")
    for worker, fault in (client.run(reaches, url) if url else {}).items():
        if fault:
            raise SettingsError(
                f"{option}: worker {worker} does not reach Prefect at {url} ({fault}): "
                f"start `prefect server start --host 0.0.0.0` and set {API} to an address that workers reach"
            )
