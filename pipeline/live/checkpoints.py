"""The journal's log, folded in by a thread of its own while a desk is live."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pipeline.live.control import Control
from pipeline.live.journal import Journal
from pipeline.live.order_path import OrderPath

EVERY: Final = 5.0
"""Seconds between two checkpoints."""


class Checkpoints(Control):
    """Calls `journal.checkpoint()` every few seconds; a fault of it is raised in the loop, which halts.

    Parameters
    ----------
    journal : one that is written.
    every : seconds.
    """

    def __init__(self, journal: Journal, every: float = EVERY) -> None:
        self._journal, self._every = journal, every
        self._over = threading.Event()
        self._fault: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)

    @contextmanager
    def beside(self, path: OrderPath) -> Iterator[None]:
        """Let the thread run; when it has ended no checkpoint is under way."""
        self._thread.start()
        try:
            yield
        finally:
            self._over.set()
            self._thread.join()

    def between(self, path: OrderPath) -> None:
        """Raise what went wrong meanwhile."""
        if self._fault is not None:
            raise self._fault

    def _run(self) -> None:
        while not self._over.wait(self._every) and self._fault is None:
            try:
                self._journal.checkpoint()
            except Exception as fault:
                self._fault = fault
