"""The monitors beside a live desk: they see every decision after its order, and never stop the loop."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from pipeline.backtest.decision_signals import FORECAST, LOWER, UPPER
from pipeline.backtest.episodes import START_SPOT
from pipeline.domain.errors import DataError
from pipeline.live.control import Control
from pipeline.live.hedger import Decided
from pipeline.live.journal import Entry
from pipeline.live.order_path import OrderPath
from pipeline.monitor.alarm import Alarm, Forecast, Observed
from pipeline.monitor.watch import Watch

MINUTES: Final = "minutes"


class Sink(Protocol):
    """Whoever is told of a live desk; what it raises is said, and changes nothing."""

    def measured(self, seen: Observed, decided: Decided, state: Mapping[tuple[str, str], float]) -> None:
        """See a decision and what the monitors measure by then."""
        ...

    def alarmed(self, alarm: Alarm) -> None:
        """See an alarm."""
        ...


class Monitoring(Control):
    """Shows decisions to the monitors; alarms go to the audit and to the sinks.

    Parameters
    ----------
    watch : the monitors.
    names : of the numbers of a decision's row.
    horizons : whose forecasts are watched.
    sinks : who is told.
    model : version of what is watched, for the audit.
    """

    def __init__(
        self,
        watch: Watch,
        names: Sequence[str],
        horizons: Sequence[int],
        sinks: Sequence[Sink],
        model: str = "",
    ) -> None:
        if MINUTES not in names:
            raise DataError(f"the rows of decisions lack {MINUTES}")
        self._watch, self._names, self._horizons = watch, tuple(names), tuple(horizons)
        self._sinks, self._model = list(sinks), model
        self.alarms: list[Alarm] = []

    def after(self, decided: Decided, path: OrderPath) -> None:
        """See a decision, when its order has been sent."""
        seen = observed(decided, self._names, self._horizons)
        found = self._watch.watch(seen)
        self.alarms += found
        for alarm in found:
            inputs: dict[str, Any] = {"feature": alarm.feature, **alarm.numbers}
            what = f"alarm {alarm.severity.value}"
            path.journal.audit(Entry(alarm.at, alarm.monitor, what, alarm.said, inputs, self._model))
        state = self._watch.state()
        for sink in self._sinks:
            sink.measured(seen, decided, state)
            for alarm in found:
                sink.alarmed(alarm)


def observed(decided: Decided, names: Sequence[str], horizons: Sequence[int]) -> Observed:
    """Return a decision as monitors see it; `names` are those of its numbers."""
    told, features = decided.told, dict(zip(names, decided.numbers.tolist(), strict=True))
    ends = told.curves[[FORECAST, LOWER, UPPER]]
    spot = START_SPOT * decided.mid / decided.dealt.mid if decided.dealt else float("nan")
    return Observed(
        at=decided.at,
        day=told.day,
        minutes=features[MINUTES],
        mid=decided.mid,
        features=features,
        variance={each: Forecast(*ends[:, each - 1].tolist()) for each in horizons},
        cost=Forecast(told.cost, told.cost_lower, told.cost_upper),
        prob=told.regime_prob,
        dealt=decided.dealt,
        value=float("nan") if decided.value is None else decided.value / spot,
        position=decided.position,
        age=decided.seen.age,
        took=decided.took,
    )
