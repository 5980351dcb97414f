"""A Dask scheduler and its workers, each a process of its own on this machine, one of which may be killed."""

import hashlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

PROJECT = Path(__file__).resolve().parents[1]
PATIENCE = 300.0
COMMON = ("--no-dashboard", "--preload", "flows.stages")
"""Imports take seconds during which a process answers nobody: they come before it is asked anything."""


@dataclass
class DaskProcesses:
    """Scheduler at `address` and workers; `log` is the folder of their logs."""

    address: str
    log: Path
    scheduler: psutil.Popen
    workers: list[psutil.Popen] = field(default_factory=list)

    def kill_one(self) -> None:
        """Kill the first worker at once, as a machine that fails."""
        self.workers[0].kill()
        self.workers.pop(0).wait()

    def cpu_seconds(self) -> float:
        """Return the processor time of the workers that live."""
        return sum(sum(worker.cpu_times()[:2]) for worker in self.workers)

    def largest(self) -> int:
        """Return the resident memory of the largest worker, bytes."""
        return max(worker.memory_info().rss for worker in self.workers)

    def complaints(self) -> str:
        """Return the last lines of the logs that are more than information."""
        lines = [f"{file.name}: {line}" for file in sorted(self.log.glob("*.log"))
                 for line in file.read_text().splitlines()[-200:] if " - INFO - " not in line]  # fmt: skip
        return "\n".join(lines[-60:])

    def up(self) -> bool:
        """Return whether the scheduler listens and all workers have reached it."""
        logs = [self.log / "scheduler.log", *sorted(self.log.glob("worker-*.log"))]
        said = ["Scheduler at:"] + ["Registered to"] * len(self.workers)
        return all(words in file.read_text() for words, file in zip(said, logs, strict=True))


@contextmanager
def dask_processes(workers: int, folder: Path) -> Iterator[DaskProcesses]:
    """Start a scheduler and workers of one thread each, and end them afterwards.

    Raises
    ------
    RuntimeError
        They are not up within `PATIENCE` seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    port = address.rpartition(":")[2]
    started = [_start(folder / "scheduler.log", "scheduler", "--host", "127.0.0.1", "--port", port,
                      *COMMON)]  # fmt: skip
    cluster = DaskProcesses(address, folder, started[0])
    try:
        for number in range(workers):
            place = str(folder / f"scratch-{number}")
            one = ("worker", f"tcp://{address}", "--nthreads", "1", "--no-nanny", *COMMON)
            started.append(_start(folder / f"worker-{number}.log", *one, "--local-directory", place))
            cluster.workers.append(started[-1])
        deadline = time.monotonic() + PATIENCE
        while not cluster.up():
            if time.monotonic() > deadline or any(process.poll() is not None for process in started):
                raise RuntimeError(f"the Dask processes did not come up: look at {folder}")
            time.sleep(0.1)
        yield cluster
    finally:
        for process in reversed(started):
            with suppress(psutil.NoSuchProcess):
                process.kill()
            process.wait()


def hashes_of(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every Parquet file below a folder by its path."""
    files = sorted(folder.rglob("*.parquet"))
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def _start(log: Path, *command: str) -> psutil.Popen:
    paths = [str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    with log.open("wb") as output:
        return psutil.Popen(
            [sys.executable, "-m", "distributed.cli.dask_" + command[0], *command[1:]],
            env=environment,
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
