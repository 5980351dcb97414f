"""Tells others of a live desk from a thread of its own: a slow or dead server costs the loop nothing."""

import queue
import threading
from collections.abc import Callable, Mapping
from typing import Final, Self

from pipeline.live.hedger import Decided
from pipeline.monitor.alarm import Alarm, Observed
from pipeline.monitor.monitoring import Sink

WAITING: Final = 1000
"""Messages that may wait; what comes then is left out, and said."""
PATIENCE: Final = 10.0
"""Seconds that the end waits for what is still to be told."""


class Delivery:
    """A sink that hands everything on to another one; what cannot be told is said once for each cause.

    Parameters
    ----------
    name : of the other one, as `MLflow`.
    sink : it; it is called in the thread only.
    say : what is done with a sentence for the people at the desk.
    close : called in the thread at the end.
    """

    def __init__(
        self, name: str, sink: Sink, say: Callable[[str], None], close: Callable[[], None] = lambda: None
    ) -> None:
        self._name, self._sink, self._say, self._close = name, sink, say, close
        self._waiting: queue.Queue[Callable[[], None]] = queue.Queue(WAITING)
        self._said: set[str] = set()
        self._thread = threading.Thread(target=self._deliver, name=f"tells {name}", daemon=True)

    def measured(self, seen: Observed, decided: Decided, state: Mapping[tuple[str, str], float]) -> None:
        """Hand on a decision."""
        self._put(lambda: self._sink.measured(seen, decided, state))

    def alarmed(self, alarm: Alarm) -> None:
        """Hand on an alarm."""
        self._put(lambda: self._sink.alarmed(alarm))

    def __exit__(self, *_: object) -> None:
        """Wait, for a while, until everything has been told."""
        self._put(self._close)
        self._put(self._end)
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            self._tell("it does not answer")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def _put(self, task: Callable[[], None]) -> None:
        try:
            self._waiting.put_nowait(task)
        except queue.Full:
            self._tell("it is too slow")

    def _deliver(self) -> None:
        while True:
            task = self._waiting.get()
            try:
                task()
            except _Ended:
                return
            except Exception as error:  # whatever it is, the desk goes on
                self._tell(f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}")

    def _tell(self, cause: str) -> None:
        if cause not in self._said:
            self._said.add(cause)
            self._say(f"{self._name} could not be told ({cause}): hedging goes on, alarms are in the audit")

    @staticmethod
    def _end() -> None:
        raise _Ended


class _Ended(Exception):  # noqa: N818
    """The thread has told everything."""
