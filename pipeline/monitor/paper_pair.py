"""Champion and challenger hedging the same options on paper, and what came of each option."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pipeline.backtest.episodes import START_SPOT
from pipeline.backtest.lane import Dealt
from pipeline.backtest.running_signals import RunningSignals
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.features.decision_row import DecisionRow
from pipeline.live.hedger import Decided
from pipeline.live.learned import Learned
from pipeline.live.paper_hedge import PaperHedge
from pipeline.monitor.alarm import Severity
from pipeline.monitor.monitoring import observed
from pipeline.monitor.reference import watched_horizons
from pipeline.monitor.watch import Watch

Begun = tuple[Dealt, tuple[float, ...]]
"""An option, and what either hedge was worth with the options when it was dealt."""


class Challenger(NamedTuple):
    """Models that would like to take over, and their monitors."""

    learned: Learned
    watch: Watch


class PaperPair:
    """Hedges on paper with both: P&L of each option, money with the spot at 100.

    The option's own P&L is the same in both, that of the champion's mark. Both pay what the challenger takes
    crossing to cost: where own fills taught it, it had forecast them better. An option that is open when they
    begin is left out.

    Parameters
    ----------
    desk : settings.
    champion, challenger : who hedges.
    signals : of the challenger; they have seen the decisions that were.
    """

    def __init__(
        self, desk: IntradayDesk, champion: Learned, challenger: Challenger, signals: RunningSignals
    ) -> None:
        self._champion, (self.learned, self._watch) = champion, challenger
        self._signals, self._horizons = signals, watched_horizons(desk)
        self._size, self._life = desk.hedge.size, desk.option.steps
        paid = desk.costs.crossing if self.learned.crossing is None else self.learned.crossing
        self._hedges = PaperHedge(desk, champion, paid), PaperHedge(desk, self.learned, paid)
        self._open: Begun | None = None
        self._left, self._alarms = 0, list[str]()

    def step(self, decided: Decided, row: DecisionRow) -> Mapping[str, Any] | None:
        """Let both decide; return what came of the option that has ended, if one has."""
        told, ended = self._signals.step(row), None
        for hedge in self._hedges:
            hedge.settle(decided.at, decided.mid, decided.funding)
        dealt, worth = decided.dealt, self._worth(decided)
        over = self._open is not None and (dealt is None or dealt.left >= self._left)
        if over and self._open is not None:
            ended = self._ended(decided, self._open, worth)
        if dealt is not None and dealt.left == self._life and decided.value is not None:
            self._open = dealt, worth
        elif over or dealt is None:
            self._open = None
        self._left = dealt.left if dealt else 0
        seen = observed(decided._replace(told=told, position=self._hedges[1].position), self._horizons)
        alarms = [each for each in self._watch.watch(seen) if each.severity is Severity.CRITICAL]
        self._alarms += [f"{each.monitor} {each.feature}" for each in alarms]
        for hedge, signals in zip(self._hedges, (decided.told, told), strict=True):
            hedge.step(signals, dealt, decided.seen.bid, decided.seen.ask)
        return ended

    def _worth(self, decided: Decided) -> tuple[float, ...]:
        """Return what each hedge is worth with the options, money."""
        return tuple(hedge.worth(decided.mid) + decided.worth.options for hedge in self._hedges)

    def _ended(self, decided: Decided, begun: Begun, worth: tuple[float, ...]) -> dict[str, Any]:
        scale = START_SPOT / (self._size * begun[0].mid)
        pnl = [scale * (now - then) for now, then in zip(worth, begun[1], strict=True)]
        alarms, self._alarms = self._alarms, []
        return {
            "at": decided.at, "day": decided.told.day, "champion": self._champion.model,
            "challenger": self.learned.model, "champion_pnl": pnl[0], "challenger_pnl": pnl[1],
            "alarms": alarms,
        }  # fmt: skip
