"""The memory that a run took."""

import resource
import sys

import psutil  # type: ignore[import-untyped]

BYTES_PER_UNIT = 1 if sys.platform == "darwin" else 1024
"""Of `ru_maxrss`: bytes on macOS, KiB elsewhere."""


def peak_memory_mb() -> float:
    """Return an upper bound of the run's resident memory so far, in MiB.

    It is the peak of this process, plus that of its largest child that ended, plus what its living children
    (Prefect's own server) hold now.

    Examples
    --------
    >>> 10 < peak_memory_mb() < 100_000
    True
    """
    ended = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    living = 0
    for child in psutil.Process().children(recursive=True):
        try:
            living += child.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return float(ended * BYTES_PER_UNIT + living) / 2**20
