"""What Prometheus scrapes of a live desk: a registry of its own, and the text that a server answers with."""

from collections.abc import Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest

from pipeline.live.hedger import Decided
from pipeline.monitor.alarm import Alarm, Observed

SECONDS: Final = (1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 1e-2, 1e-1, 1.0)


class Metrics:
    """The numbers of one desk; all carry the label `desk`.

    Examples
    --------
    >>> made = Metrics("mine", "regime_detector 3")
    >>> 'hedge_model_info{desk="mine",model="regime_detector 3"} 1.0' in made.text()
    True
    """

    def __init__(self, desk: str, model: str) -> None:
        self.registry = CollectorRegistry()
        self._desk = desk
        self._model = Info("hedge_model", "What decides now", ["desk"], registry=self.registry)
        self.adopted(model)
        self._decisions = self._counter("hedge_decisions", "Decisions made")
        self._orders = self._counter("hedge_orders", "Orders sent")
        self._alarms = self._counter("hedge_alarms", "Alarms", "monitor", "feature", "severity")
        self._rules = self._counter("hedge_rules_broken", "Decisions that broke a rule", "rule")
        self._mid = self._gauge("hedge_mid", "Mid of the hedge, money")
        self._position = self._gauge("hedge_position_units", "Held of the hedge before the decision")
        self._band = self._gauge("hedge_band_units", "Edges of the no-trade band", "edge")
        self._worth = self._gauge("hedge_worth_money", "What either side has brought and is worth", "side")
        self._loss = self._gauge("hedge_loss_money", "Lost since the day began")
        self._drawdown = self._gauge("hedge_drawdown_money", "Below the highest that there was")
        self._age = self._gauge("hedge_quote_age_seconds", "Age of the newest quote at the decision")
        self._took = Histogram(
            "hedge_decision_seconds", "From the row of a decision until its order was sent", ["desk"],
            buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self._regimes = self._gauge("hedge_regime_probability", "Filtered, regime 0 the calmest", "regime")
        self._variance = self._gauge(
            "hedge_forecast_variance", "Of the next decisions, and its interval", "horizon", "of"
        )
        self._drift = self._gauge("hedge_drift", "What a monitor measures", "monitor", "feature")

    def text(self) -> str:
        """Return everything in Prometheus's text format."""
        return generate_latest(self.registry).decode()

    def adopted(self, model: str) -> None:
        """Say which model decides from now on."""
        self._model.labels(self._desk).info({"model": model})

    def measured(self, seen: Observed, decided: Decided, state: Mapping[tuple[str, str], float]) -> None:
        """Take in a decision; see `monitoring.Sink`."""
        desk = self._desk
        self._decisions.labels(desk).inc()
        self._orders.labels(desk).inc(decided.order is not None)
        for ruling in decided.judged.rulings:
            self._rules.labels(desk, ruling.rule).inc()
        self._mid.labels(desk).set(decided.mid)
        self._position.labels(desk).set(decided.position)
        for edge, units in (("lower", decided.lower), ("upper", decided.upper)):
            self._band.labels(desk, edge).set(units)
        for side, money in (("hedge", decided.worth.hedge), ("options", decided.worth.options)):
            self._worth.labels(desk, side).set(money)
        self._loss.labels(desk).set(decided.worth.loss)
        self._drawdown.labels(desk).set(decided.worth.drawdown)
        self._age.labels(desk).set(seen.age)
        self._took.labels(desk).observe(seen.took)
        for regime, probability in enumerate(seen.prob):
            self._regimes.labels(desk, str(regime)).set(probability)
        for horizon, forecast in seen.variance.items():
            for of, value in forecast._asdict().items():
                self._variance.labels(desk, str(horizon), of).set(value)
        for (monitor, feature), value in state.items():
            self._drift.labels(desk, monitor, feature).set(value)

    def alarmed(self, alarm: Alarm) -> None:
        """Count an alarm."""
        self._alarms.labels(self._desk, alarm.monitor, alarm.feature, alarm.severity.value).inc()

    def _gauge(self, name: str, said: str, *labels: str) -> Gauge:
        return Gauge(name, said, ["desk", *labels], registry=self.registry)

    def _counter(self, name: str, said: str, *labels: str) -> Counter:
        return Counter(name, said, ["desk", *labels], registry=self.registry)
