"""What does the units of work: this process, others of this machine, or a Dask cluster."""

import os

from pipeline.domain.runner_name import RUNNER, STORE, RunnerName
from pipeline.ingest.local_processes import LocalProcesses
from pipeline.ingest.partitions import PartitionStore, Runner, in_turn


def runner() -> Runner:
    """Return the runner that the environment names."""
    named = RunnerName.of(os.environ.get(RUNNER, ""))
    if named.address:
        from flows.dask_cluster import DaskCluster  # the extra "dask"

        return DaskCluster(named.address)
    return LocalProcesses(named.processes) if named.processes else in_turn


def partitions() -> PartitionStore | None:
    """Return where the environment wants tables by instrument and day; None is beside the datasets."""
    url = os.environ.get(STORE)
    return PartitionStore(url) if url else None
