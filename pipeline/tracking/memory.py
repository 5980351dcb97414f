"""The memory that a run took."""

import resource
import sys

import psutil  # type: ignore[import-untyped]

BYTES_PER_UNIT = 1 if sys.platform == "darwin" else 1024
"""Of `ru_maxrss`: bytes on macOS, KiB elsewhere."""


def peak_memory_mb() -> float:
    """Return the run's resident memory at its peak, in MiB.

    It is the peak of this process plus what its living children (Prefect's own server) hold now. Children
    that ended are not counted: `getrusage` gives a short-lived one the size of the process that forked it.

    Examples
    --------
    >>> 10 < peak_memory_mb() < 100_000
    True
    """
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES_PER_UNIT
    living = 0
    for child in psutil.Process().children(recursive=True):
        try:
            living += child.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return float(own + living) / 2**20
