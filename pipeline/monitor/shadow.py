"""Challengers beside the champion on live data: all hedge every option on paper, a line is what came."""

import json
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import pandas as pd

from pipeline.backtest.running_signals import RunningSignals
from pipeline.domain.errors import DataError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.live.catching_up import CatchingUp
from pipeline.live.control import Control
from pipeline.live.hedger import Decided
from pipeline.live.journal import Entry
from pipeline.live.learned import Learned
from pipeline.live.order_path import OrderPath
from pipeline.monitor.paper_pair import Challenger, PaperPair

FILE: Final = "shadow.jsonl"
POLLED: Final = 2.0
"""Seconds between two looks for a challenger."""
Loaded = Callable[[], Challenger]
"""Loads a challenger; raises where it cannot be had."""


class ChallengerSource(Protocol):
    """Where challengers come from; asked in a thread."""

    def newer(self) -> Sequence[Loaded] | None:
        """Return who challenges, if that has changed since it was asked last: all together, and each alone.

        Raises
        ------
        Exception
            It cannot be had; it is said.
        """
        ...

    def forget(self) -> None:
        """Take it, at the next look, that nobody was there before."""
        ...


class _Ready(NamedTuple):
    """A challenger that has caught up with `seen` decisions, of those that came together, by their number."""

    together: int
    challenger: Challenger
    signals: RunningSignals
    seen: int


class Shadow(Control):
    """Lets the champion hedge on paper beside every challenger; a line of the file is one option of a pair.

    Challengers may come at any time: a retrain registers them meanwhile. They are compared until others come.

    Parameters
    ----------
    desk : settings.
    champion : its models.
    source : of the challengers.
    before : the decision grid until the first decision.
    file : `shadow.jsonl`, which is added to.
    say : is told who challenges, and what ends a comparison.
    """

    def __init__(
        self,
        desk: IntradayDesk,
        champion: Learned,
        source: ChallengerSource,
        before: pd.DataFrame,
        file: Path,
        say: Callable[[str], None],
    ) -> None:
        self._desk, self._champion, self._source, self._file, self._say = desk, champion, source, file, say
        self._rows = CatchingUp(before, file.parent)
        self._ready: queue.SimpleQueue[_Ready] = queue.SimpleQueue()
        self._ended, self._faults = threading.Event(), set[str]()
        self._together = 0
        self._pairs: list[PaperPair] = []

    @contextmanager
    def beside(self, path: OrderPath) -> Iterator[None]:
        """Look for challengers meanwhile, and let them catch up."""
        threading.Thread(target=self._look, name="challenger", daemon=True).start()
        try:
            yield
        finally:
            self._ended.set()

    def after(self, decided: Decided, path: OrderPath) -> None:
        """Let all decide on paper; whatever fails ends a comparison, never the loop."""
        row = self._rows.keep(decided)
        for pair in list(self._pairs):
            try:
                line = pair.step(decided, row)
                if line is not None:
                    self._write(line)
            except Exception as error:
                self._pairs.remove(pair)
                self._said(error)
        while not self._ready.empty():
            try:
                self._begin(self._ready.get(), decided, path)
            except Exception as error:
                self._said(error)

    def adopt(self, champion: Learned) -> None:
        """Compare with another champion from now on, if anybody challenges it."""
        self._champion, self._pairs = champion, []
        self._source.forget()

    def _begin(self, ready: _Ready, decided: Decided, path: OrderPath) -> None:
        learned = ready.challenger.learned
        if ready.together != self._together:
            self._together, self._pairs = ready.together, []
        if learned.model == self._champion.model:
            return
        if seen := learned.learned_from(pd.Timestamp(decided.at, tz="UTC")):
            raise DataError(f"{learned.model}: {seen}")
        for missed in self._rows.missed(ready.seen):
            ready.signals.step(missed)
        self._pairs.append(PaperPair(self._desk, self._champion, ready.challenger, ready.signals))
        who = f"{learned.model} hedges on paper beside the champion"
        path.journal.audit(Entry(decided.at, "models", "challenge", who, {}))

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _look(self) -> None:
        together = 0
        while True:
            try:
                found = self._source.newer()
            except Exception as error:  # the registry is somebody else's
                found = None
                self._said(error)
            if found is not None:
                self._faults, together = set(), together + 1
                for load in found:
                    self._catch_up(together, load)
            if self._ended.wait(POLLED):
                return

    def _catch_up(self, together: int, load: Loaded) -> None:
        try:
            challenger = load()
            self._say(f"on paper beside it: {challenger.learned.model}")
            self._ready.put(
                _Ready(together, challenger, *self._rows.signals(challenger.learned, self._ended))
            )
        except InterruptedError:
            return
        except Exception as error:
            self._said(error)

    def _said(self, error: Exception) -> None:
        fault = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        if fault not in self._faults:
            self._faults.add(fault)
            self._say(f"the challenger is not compared: {fault}")
