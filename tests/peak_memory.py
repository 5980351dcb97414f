"""The most memory that a piece of work holds at once, as Arrow and Python count it."""

import tracemalloc
from collections.abc import Callable

import pyarrow as pa


def peak_memory(work: Callable[[], object]) -> int:
    """Return the most bytes held at once, beyond those that were held before."""
    before = pa.default_memory_pool()
    counted = pa.proxy_memory_pool(before)
    pa.set_memory_pool(counted)
    tracemalloc.start()
    try:
        work()
        return int(counted.max_memory() + tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(before)
