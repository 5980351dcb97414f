"""A challenger beside the champion on live data: both hedge every option on paper, a line is what came."""

import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pandas as pd

from pipeline.backtest.decision_signals import DecisionSignals
from pipeline.backtest.episodes import START_SPOT
from pipeline.backtest.lane import Dealt
from pipeline.backtest.running_signals import RunningSignals
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.live.catching_up import CatchingUp
from pipeline.live.control import Control
from pipeline.live.hedger import Decided
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


class Shadow(Control):
    """Hedges on paper with both; a line of the file is one option: P&L of each, money with the spot at 100.

    The option's own P&L is the same in both, that of the champion's mark. Both pay what the challenger takes
    crossing to cost: where own fills taught it, it had forecast them better. An option that was open when
    the challenger came in is left out.

    Parameters
    ----------
    desk : settings.
    champion, challenger : their models.
    watch : the challenger's monitors.
    before : the decision grid until the first decision.
    file : `shadow.jsonl`, which is added to.
    say : is told what ends the comparison.
    """

    def __init__(
        self,
        desk: IntradayDesk,
        champion: Learned,
        challenger: Learned,
        watch: Watch,
        before: pd.DataFrame,
        file: Path,
        say: Callable[[str], None],
    ) -> None:
        self._size, self._life, self._file, self._say = desk.hedge.size, desk.option.steps, file, say
        self._champion, self._challenger, self._watch = champion, challenger, watch
        self._horizons, self._alarms = watched_horizons(desk), 0
        paid = desk.costs.crossing if challenger.crossing is None else challenger.crossing
        self._hedges = PaperHedge(desk, champion, paid), PaperHedge(desk, challenger, paid)
        self._rows = CatchingUp(before)
        self._ready: queue.SimpleQueue[tuple[RunningSignals, int]] = queue.SimpleQueue()
        self._signals: RunningSignals | None = None
        self._ended = threading.Event()
        self._open: Begun | None = None
        self._left = 0

    @contextmanager
    def beside(self, path: OrderPath) -> Iterator[None]:
        """Let the challenger catch up meanwhile."""
        threading.Thread(target=self._catch_up, name="challenger", daemon=True).start()
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
            elif not self._ready.empty():
                signals, seen = self._ready.get()
                for missed in self._rows.missed(seen):
                    signals.step(missed)
                self._signals = signals
        except Exception as error:
            self.end()
            self._said(error)

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

    def end(self, _: Learned | None = None) -> None:
        """Compare no more: another one is champion now."""
        self._signals, self._ready = None, queue.SimpleQueue()
        self._ended.set()

    def _catch_up(self) -> None:
        try:
            self._ready.put(self._rows.signals(self._challenger, self._ended))
        except InterruptedError:
            return
        except Exception as error:
            self._said(error)

    def _said(self, error: Exception) -> None:
        self._say(f"the challenger is not compared: {type(error).__name__}: {error}")
