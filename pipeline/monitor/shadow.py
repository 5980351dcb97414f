"""A challenger beside the champion on live data: both hedge every option on paper, a line is what came."""

import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import pandas as pd

from pipeline.backtest.decision_signals import DecisionSignals
from pipeline.backtest.episodes import START_SPOT
from pipeline.backtest.lane import Dealt
from pipeline.backtest.running_signals import RunningSignals
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.live.catching_up import CatchingUp
from pipeline.live.control import Control
from pipeline.live.hedger import Decided
from pipeline.live.journal import Entry
from pipeline.live.learned import Learned
from pipeline.live.order_path import OrderPath
from pipeline.live.paper_hedge import PaperHedge
from pipeline.monitor.alarm import Severity
from pipeline.monitor.monitoring import observed
from pipeline.monitor.reference import watched_horizons
from pipeline.monitor.watch import Watch

FILE: Final = "shadow.jsonl"
Begun = tuple[Dealt, tuple[float, ...]]
"""An option, and what either hedge was worth with the options when it was dealt."""
POLLED: Final = 2.0
"""Seconds between two looks for a challenger."""


class Challenger(NamedTuple):
    """Models that would like to take over, and their monitors."""

    learned: Learned
    watch: Watch


class ChallengerSource(Protocol):
    """Where challengers come from; asked in a thread."""

    def newer(self) -> Challenger | None:
        """Return who challenges, if that has changed since it was asked last.

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
    challenger: Challenger
    signals: RunningSignals
    seen: int


class Shadow(Control):
    """Hedges on paper with both; a line of the file is one option: P&L of each, money with the spot at 100.

    The option's own P&L is the same in both, that of the champion's mark. Both pay what the challenger takes
    crossing to cost: where own fills taught it, it had forecast them better. An option that was open when
    the challenger came in is left out. It may come at any time: a retrain registers it meanwhile.

    Parameters
    ----------
    desk : settings.
    champion : its models.
    source : of the challengers.
    before : the decision grid until the first decision.
    file : `shadow.jsonl`, which is added to.
    say : is told who challenges, and what ends the comparison.
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
        self._size, self._life, self._horizons = desk.hedge.size, desk.option.steps, watched_horizons(desk)
        self._rows = CatchingUp(before)
        self._ready: queue.SimpleQueue[_Ready] = queue.SimpleQueue()
        self._ended, self._fault = threading.Event(), ""
        self._signals: RunningSignals | None = None

    @contextmanager
    def beside(self, path: OrderPath) -> Iterator[None]:
        """Look for challengers meanwhile, and let them catch up."""
        threading.Thread(target=self._look, name="challenger", daemon=True).start()
        try:
            yield
        finally:
            self._ended.set()

    def after(self, decided: Decided, path: OrderPath) -> None:
        """Let both decide on paper; whatever fails ends the comparison, never the loop."""
        row = self._rows.keep(decided)
        try:
            if self._signals is not None:
                self._compare(decided, self._signals.step(row))
            while not self._ready.empty():
                self._begin(self._ready.get(), decided, path)
        except Exception as error:
            self._signals = None
            self._said(error)

    def adopt(self, champion: Learned) -> None:
        """Compare with another champion from now on, if anybody challenges it."""
        self._champion, self._signals = champion, None
        self._source.forget()

    def _begin(self, ready: _Ready, decided: Decided, path: OrderPath) -> None:
        learned, self._watch = ready.challenger
        if learned.model == self._champion.model:
            return
        for missed in self._rows.missed(ready.seen):
            ready.signals.step(missed)
        self._challenger, self._signals = learned, ready.signals
        paid = self._desk.costs.crossing if learned.crossing is None else learned.crossing
        self._hedges = PaperHedge(self._desk, self._champion, paid), PaperHedge(self._desk, learned, paid)
        self._open: Begun | None = None
        self._left = self._alarms = 0
        who = f"{learned.model} hedges on paper beside the champion"
        path.journal.audit(Entry(decided.at, "models", "challenge", who, {}))

    def _compare(self, decided: Decided, told: DecisionSignals) -> None:
        dealt, worth = decided.dealt, self._worth(decided)
        ended = self._open is not None and (dealt is None or dealt.left >= self._left)
        if ended and self._open is not None:
            self._write(decided, self._open, worth)
        if dealt is not None and dealt.left == self._life and decided.value is not None:
            self._open = dealt, worth
        elif ended or dealt is None:
            self._open = None
        self._left = dealt.left if dealt else 0
        seen = observed(decided._replace(told=told, position=self._hedges[1].position), self._horizons)
        self._alarms += sum(each.severity is Severity.CRITICAL for each in self._watch.watch(seen))
        for hedge, signals in zip(self._hedges, (decided.told, told), strict=True):
            hedge.step(signals, dealt, decided.seen.bid, decided.seen.ask)

    def _worth(self, decided: Decided) -> tuple[float, ...]:
        """Return what each hedge is worth with the options, money."""
        return tuple(hedge.worth(decided.mid) + decided.worth.options for hedge in self._hedges)

    def _write(
        self, decided: Decided, begun: tuple[Dealt, tuple[float, ...]], worth: tuple[float, ...]
    ) -> None:
        scale = START_SPOT / (self._size * begun[0].mid)
        pnl = [scale * (now - then) for now, then in zip(worth, begun[1], strict=True)]
        line = {
            "at": decided.at, "day": decided.told.day, "champion": self._champion.model,
            "challenger": self._challenger.model, "champion_pnl": pnl[0], "challenger_pnl": pnl[1],
            "alarms": self._alarms,
        }  # fmt: skip
        self._alarms = 0
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _look(self) -> None:
        while True:
            try:
                found = self._source.newer()
                if found is not None:
                    self._say(f"on paper beside it: {found.learned.model}")
                    self._ready.put(_Ready(found, *self._rows.signals(found.learned, self._ended)))
                    self._fault = ""
            except InterruptedError:
                return
            except Exception as error:  # the registry is somebody else's
                self._said(error)
            if self._ended.wait(POLLED):
                return

    def _said(self, error: Exception) -> None:
        fault = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        if fault != self._fault:
            self._fault = fault
            self._say(f"the challenger is not compared: {fault}")
