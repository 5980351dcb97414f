"""Seconds spent in each stage."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from flows import interrupts


class Stopwatch:
    """Collects the seconds of named stages in `seconds`."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time what runs inside; after it, obey a Ctrl-C that got lost in it."""
        started = time.perf_counter()
        yield
        interrupts.check()
        self.seconds[stage] = time.perf_counter() - started
