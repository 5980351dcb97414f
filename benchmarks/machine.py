"""What of the machine a figure hangs on, without names or paths."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = ("numpy", "numba", "pandas", "scipy", "hmmlearn", "lightgbm")
THREADS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": str(os.cpu_count() or 1),
}
"""Of every benchmark's process: linear algebra on one thread, our kernels on every core."""


def machine_facts() -> dict[str, Any]:
    """Return cores, processor architecture, versions and the threads that a benchmark may use."""
    return {
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "threads": {"linear_algebra": 1, "numba": int(THREADS["NUMBA_NUM_THREADS"])},
    }


def load() -> float:
    """Return the load average of the last minute: how many processes wanted a core."""
    return round(os.getloadavg()[0], 2)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
