"""`hedge run spx-daily` as a user starts it: on an empty home, and again with nothing changed.

Memory is that of the command and of everything it starts, Prefect's own server too: proportional set size
where the system tells it, sampled four times a second.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import psutil

from benchmarks.measurement import Measurement

SAMPLED_EVERY = 0.25
GIB = 2.0**30


def run(home: Path, desk: str = "spx-daily", *options: str) -> tuple[float, float]:
    """Run a desk; return seconds and the most memory held, bytes."""
    started = perf_counter()
    process = psutil.Popen(
        [sys.executable, "-m", "pipeline.cli", "run", desk, "--home", str(home), *options],
        stdout=subprocess.DEVNULL,
    )
    peak = 0.0
    while True:
        peak = max(peak, held(process))
        try:
            status = process.wait(timeout=SAMPLED_EVERY)
            break
        except psutil.TimeoutExpired:
            continue
    if status:
        raise RuntimeError(f"hedge run {desk} ended with status {status}")
    return perf_counter() - started, peak


def held(process: psutil.Process) -> float:
    """Return the memory of a process and its descendants, bytes; one that has just ended holds none."""
    total = 0.0
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    for member in family:
        try:
            memory = member.memory_full_info()
        except psutil.Error:
            continue
        total += getattr(memory, "pss", 0) or memory.rss
    return total


def measure() -> Iterator[Measurement]:
    """Run twice on one new home."""
    with TemporaryDirectory() as folder:
        seconds, peak = run(Path(folder))
        yield Measurement("whole_run.first_seconds", "s", seconds)
        yield Measurement("whole_run.peak_memory", "GiB", peak / GIB)
        again, _ = run(Path(folder))
        yield Measurement("whole_run.again_seconds", "s", again)
