"""The monitors beside a live desk: they see every decision after its order, and never stop the loop."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Final, Protocol

from pipeline.backtest.decision_signals import CURVES
from pipeline.backtest.episodes import START_SPOT
from pipeline.live.control import Control
from pipeline.live.hedger import Decided
from pipeline.live.journal import Entry
from pipeline.live.order_path import OrderPath
from pipeline.monitor.alarm import Alarm, Forecast, Observed
from pipeline.monitor.watch import Watch

MINUTES: Final = "minutes"
ENDS: Final = [CURVES.index(name) for name in ("forecast", "lower", "upper")]


class Sink(Protocol):
    """Whoever is told of a live desk; what it raises is said, and changes nothing."""

    def measured(self, seen: Observed, decided: Decided, state: Mapping[tuple[str, str], float]) -> None:
        """See a decision and what the monitors measure by then."""
        ...

    def alarmed(self, alarm: Alarm) -> None:
        """See an alarm."""
        ...


class Monitoring(Control):
    """Shows decisions to the monitors; alarms go to the audit and to the sinks, those of the past do not.

    Parameters
    ----------
    watch : the monitors.
    horizons : whose forecasts are watched.
    sinks : who is told.
    going : kept open from the first event to the last.
    model : version of what is watched, for the audit.
    """

    def __init__(
        self,
        watch: Watch,
        horizons: Sequence[int],
        sinks: Sequence[Sink],
        going: Sequence[AbstractContextManager[object]] = (),
        model: str = "",
    ) -> None:
        self._watch, self._horizons = watch, tuple(horizons)
        self._sinks, self._going, self._model = list(sinks), list(going), model
        self._alarms: dict[tuple[str, str], Alarm] = {}

    @contextmanager
    def beside(self, path: OrderPath) -> Iterator[None]:
        """Keep open meanwhile what is kept open."""
        with ExitStack() as going:
            for each in self._going:
                going.enter_context(each)
            yield

    def after(self, decided: Decided, path: OrderPath) -> None:
        """See a decision, when its order has been sent."""
        seen = observed(decided, self._horizons)
        found = self._watch.watch(seen)
        self._alarms |= {(alarm.monitor, alarm.feature): alarm for alarm in found}
        new = [] if decided.past else found
        for alarm in new:
            inputs: dict[str, Any] = {"feature": alarm.feature, **alarm.numbers}
            what = f"alarm {alarm.severity.value}"
            path.journal.audit(Entry(alarm.at, alarm.monitor, what, alarm.said, inputs, self._model))
        state = self._watch.state()
        for sink in self._sinks:
            sink.measured(seen, decided, state)
            for alarm in new:
                sink.alarmed(alarm)

    def adopt(self, watch: Watch, model: str) -> None:
        """Watch other models from now on; what was alarmed of those before is no longer told."""
        self._watch, self._model, self._alarms = watch, model, {}

    def told(self) -> list[dict[str, Any]]:
        """Return what is measured, and of what was alarmed severity and sentence, as `watch.story.Shown`."""
        state, alarms = self._watch.state(), self._alarms
        return [_told(key, state.get(key), alarms.get(key)) for key in {**alarms, **state}]


def _told(key: tuple[str, str], value: float | None, alarm: Alarm | None) -> dict[str, Any]:
    severity, said = (alarm.severity.value, alarm.said) if alarm else ("", "")
    return {"name": " ".join(key), "value": value, "severity": severity, "said": said}


def observed(decided: Decided, horizons: Sequence[int]) -> Observed:
    """Return a decision as monitors see it, with the forecasts of some horizons."""
    told, features = decided.told, dict(zip(decided.names, decided.numbers.tolist(), strict=True))
    ends = told.curves[ENDS]
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
