"""The file of a desk's limits, looked at while the desk lives by them."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pipeline.domain.overlay_settings import OverlaySettings
from pipeline.live.control import Control
from pipeline.live.journal import Entry
from pipeline.live.order_path import OrderPath
from pipeline.risk.state import RiskState

EVERY: Final = 1.0
"""Seconds between two looks."""
LATER: Final = "{file} tells other limits ({names}): those of the start hold until the desk is started again"
Stamp = tuple[int, ...] | None


class LimitsFile(Control):
    """Halts a desk when its file cannot be read any more, and says when it tells other limits.

    It is read when it has stayed the same between two looks, for it may be half written.

    Parameters
    ----------
    file : of the desk.
    read : reads its limits.
    held : those by which the desk lives.
    say : is told of others.
    every : seconds between two looks.
    """

    def __init__(
        self,
        file: Path,
        read: Callable[[], OverlaySettings],
        held: OverlaySettings,
        say: Callable[[str], None],
        every: float = EVERY,
    ) -> None:
        self._file, self._load, self._held, self._say, self._every = file, read, held, say, every
        self._found: queue.SimpleQueue[OverlaySettings | str] = queue.SimpleQueue()
        self._over = threading.Event()

    @contextmanager
    def beside(self, path: OrderPath) -> Iterator[None]:
        """Look meanwhile, in a thread: the file may lie far away."""
        thread = threading.Thread(target=self._look, name="limits", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join(self._every)

    def between(self, path: OrderPath) -> None:
        """Halt, or write down and say which limits are others."""
        while not self._found.empty():
            found = self._found.get()
            if isinstance(found, str):
                path.turn(RiskState.HALTED, "limits", found)
            elif found != self._held:
                told, held = found.model_dump(mode="json"), self._held.model_dump(mode="json")
                others = {name: told[name] for name in told if told[name] != held[name]}
                why = LATER.format(file=self._file, names=", ".join(others))
                path.note(Entry(time.time_ns(), "limits", "differ", why, others))
                self._say(why)

    def _look(self) -> None:
        before: Stamp = ()
        known: Stamp = ()
        while not self._over.wait(self._every):
            stamp = _stamp(self._file)
            if stamp == before != known:
                known = stamp
                self._found.put(self._read())
            before = stamp

    def _read(self) -> OverlaySettings | str:
        try:
            return self._load()
        except Exception as error:  # whatever it is, nobody knows the limits any more
            return f"the limits cannot be read: {error}"


def _stamp(file: Path) -> Stamp:
    try:
        told = file.stat()
    except OSError:
        return None
    return told.st_mtime_ns, told.st_size, told.st_ino
