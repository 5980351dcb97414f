"""Seconds spent in each stage."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Collects the seconds of named stages in `seconds`."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time what runs inside."""
        started = time.perf_counter()
        yield
        self.seconds[stage] = time.perf_counter() - started
