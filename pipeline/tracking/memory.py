"""The memory that a run took."""

import re
import resource
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped]

STATUS = Path("/proc/self/status")


def peak_memory_mb() -> float:
    """Return the run's resident memory at its peak, in MiB.

    It is the peak of this process plus what its living children (Prefect's own server) hold now. Children
    that ended are not counted: `getrusage` gives a short-lived one the size of the process that forked it.

    Examples
    --------
    >>> 10 < peak_memory_mb() < 100_000
    True
    """
    living = 0
    for child in psutil.Process().children(recursive=True):
        try:
            living += child.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return _own_peak_mb() + living / 2**20


def _own_peak_mb() -> float:
    """Peak of this process alone; on Linux `ru_maxrss` starts from that of the process before it."""
    if STATUS.is_file() and (peak := re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text(encoding="utf-8"))):
        return int(peak[1]) / 2**10
    unit = 1 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
