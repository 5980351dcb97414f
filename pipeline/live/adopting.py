"""A promoted model takes over at the next decision: a thread beside the loop loads it and catches up."""

import queue
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import pandas as pd

from pipeline.backtest.running_signals import RunningSignals
from pipeline.live.backoff import pauses
from pipeline.live.catching_up import CatchingUp
from pipeline.live.control import Control
from pipeline.live.hedger import Decided, Hedger
from pipeline.live.journal import Entry
from pipeline.live.learned import Learned
from pipeline.live.order_path import OrderPath

POLLED, AGAIN = 2.0, 60.0
"""Seconds between two looks; at most until what cannot be had is tried again."""
NOTHING_SAID: Final = ""


class ModelSource(Protocol):
    """Where the models of a live desk come from; asked in a thread, so it may take its time."""

    def newer(self) -> Learned | None:
        """Return what decides from now on, if that has changed since it was returned last.

        Raises
        ------
        Exception
            It cannot be had; what decides now goes on, the cause is said, and it is asked for again.
        """
        ...


class _Ready(NamedTuple):
    learned: Learned
    signals: RunningSignals
    seen: int


class Adopting(Control):
    """Lets a hedger go on with newer models; whatever is wrong with them, it keeps what it has and says so.

    Those that cannot be loaded, or cannot catch up, are tried again until they can, more and more seldom.

    Parameters
    ----------
    source : is asked every `POLLED` seconds.
    hedger : goes on with what comes.
    before : the decision grid until the first decision.
    place : folder of a temporary file.
    adopted : are told who decides from now on.
    say : is told why something newer is not taken.
    """

    def __init__(
        self,
        source: ModelSource,
        hedger: Hedger,
        before: pd.DataFrame,
        place: Path,
        adopted: Sequence[Callable[[Learned], None]],
        say: Callable[[str], None],
    ) -> None:
        self._source, self._hedger, self._rows = source, hedger, CatchingUp(before, place)
        self._adopted, self._say = list(adopted), say
        self._ready: queue.SimpleQueue[_Ready | str] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._said = NOTHING_SAID

    @contextmanager
    def beside(self, path: OrderPath) -> Iterator[None]:
        """Look for newer models meanwhile."""
        thread = threading.Thread(target=self._look, name="newer models", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join(POLLED)

    def after(self, decided: Decided, path: OrderPath) -> None:
        """Keep the row of a decision; if newer models are ready, they make the next one."""
        self._rows.keep(decided)
        while not self._ready.empty():
            found = self._ready.get()
            if isinstance(found, str):
                self._keep(decided.at, found, path)
            else:
                self._adopt(decided.at, found, path)

    def _adopt(self, at: int, found: _Ready, path: OrderPath) -> None:
        learned, before = found.learned, self._hedger.model
        try:
            for row in self._rows.missed(found.seen):
                found.signals.step(row)
            self._hedger.adopt(learned, found.signals)
        except Exception as error:  # a model must never end the loop
            self._keep(at, _cause(error), path)
            return
        self._said = NOTHING_SAID
        inputs = {"before": before, "after": learned.model}
        path.journal.audit(Entry(at, "models", "adopt", "promoted", inputs, learned.model))
        for each in self._adopted:
            each(learned)

    def _keep(self, at: int, why: str, path: OrderPath) -> None:
        if why != self._said:
            self._said = why
            path.journal.audit(Entry(at, "models", "keep", why, {}, self._hedger.model))
            self._say(f"newer models are not taken, {self._hedger.model} goes on: {why}")

    def _look(self) -> None:
        learned: Learned | None = None
        pause, again = POLLED, _pauses()
        while not self._ended.wait(pause):
            try:
                learned = self._source.newer() or learned
                if learned is not None:
                    self._ready.put(_Ready(learned, *self._rows.signals(learned, self._ended)))
                learned, pause, again = None, POLLED, _pauses()
            except Exception as error:  # the registry is somebody else's
                self._ready.put(_cause(error))
                pause = next(again)


def _pauses() -> Iterator[float]:
    return pauses(random.Random(), POLLED, AGAIN)  # nosec B311 # pauses


def _cause(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
