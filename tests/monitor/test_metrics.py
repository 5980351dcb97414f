"""What is told of a live desk: metrics and their dashboard, and servers that are slow or down."""

import json
import re
import threading
from importlib import resources
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.monitor.alarm import Alarm, Forecast, Observed, Severity
from pipeline.monitor.delivery import Delivery
from pipeline.monitor.metrics import Metrics

SEEN = Observed(
    1,
    "one",
    0.5,
    100.0,
    {},
    {15: Forecast(2e-6, 1e-6, 3e-6)},
    prob=np.array([0.25, 0.75]),
    age=0.5,
    took=3e-5,
)
DECIDED = SimpleNamespace(
    order=object(),
    judged=SimpleNamespace(rulings=[SimpleNamespace(rule="order_size")]),
    mid=100.0,
    position=3.0,
    lower=2.0,
    upper=4.0,
    worth=SimpleNamespace(hedge=10.0, options=-4.0, loss=0.0, drawdown=1.0),
)
ALARM = Alarm("data", "log_depth", Severity.CRITICAL, "said", 1, {"psi": 2.0})


@pytest.fixture
def metrics() -> Metrics:
    made = Metrics("mine", "flagship 1")
    made.measured(SEEN, DECIDED, {("data", "log_depth"): 1.5})
    made.alarmed(ALARM)
    return made


def test_the_text_holds_what_was_seen(metrics):
    text = metrics.text()
    for line in (
        'hedge_position_units{desk="mine"} 3.0',
        'hedge_band_units{desk="mine",edge="upper"} 4.0',
        'hedge_regime_probability{desk="mine",regime="1"} 0.75',
        'hedge_drift{desk="mine",feature="log_depth",monitor="data"} 1.5',
        'hedge_alarms_total{desk="mine",feature="log_depth",monitor="data",severity="critical"} 1.0',
        'hedge_orders_total{desk="mine"} 1.0',
        'hedge_rules_broken_total{desk="mine",rule="order_size"} 1.0',
        'hedge_forecast_variance{desk="mine",horizon="15",of="upper"} 3e-06',
        'hedge_decision_seconds_bucket{desk="mine",le="5e-05"} 1.0',
    ):
        assert line in text


def test_a_promoted_model_takes_the_place_of_the_one_before(metrics):
    metrics.adopted("flagship 2")
    assert re.findall(r"hedge_model_info{.*model=\"(.*)\"}", metrics.text()) == ["flagship 2"]


def test_the_dashboard_asks_for_metrics_that_exist_and_shows_all_of_them(metrics):
    dashboard = json.loads(resources.files("pipeline.monitor").joinpath("grafana.json").read_text("utf-8"))
    asked = " ".join(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    names = set(re.findall(r"\bhedge_\w+", asked))
    samples = {sample.name for family in metrics.registry.collect() for sample in family.samples}
    assert names <= samples
    families = {family.name for family in metrics.registry.collect()}
    assert all(any(name.startswith(family) for name in names) for family in families)
    (variable,) = (each["query"] for each in dashboard["templating"]["list"] if each["name"] == "desk")
    assert re.fullmatch(r"label_values\((\w+), desk\)", variable)[1] in samples


class Down:
    def measured(self, *_: object) -> None:
        raise ConnectionError("refused\nby nobody")

    def alarmed(self, *_: object) -> None:
        raise TimeoutError


def test_a_server_that_is_down_is_said_once_for_each_cause():
    said: list[str] = []
    with Delivery("MLflow", Down(), said.append) as delivery:
        for _ in range(5):
            delivery.measured(SEEN, DECIDED, {})
        delivery.alarmed(ALARM)
    assert said == [
        f"MLflow could not be told ({cause}): hedging goes on, alarms are in the audit"
        for cause in ("ConnectionError: refused", "TimeoutError: ")
    ]


def test_what_was_handed_on_is_told_in_order_before_the_end():
    told: list[object] = []
    sink = SimpleNamespace(measured=lambda *each: told.append(each[0]), alarmed=told.append)
    with Delivery("Prefect", sink, told.append, lambda: told.append("closed")) as delivery:
        delivery.measured(SEEN, DECIDED, {})
        delivery.alarmed(ALARM)
    assert told == [SEEN, ALARM, "closed"]


def test_a_server_that_does_not_answer_holds_nobody_up(monkeypatch):
    monkeypatch.setattr("pipeline.monitor.delivery.PATIENCE", 0.05)
    monkeypatch.setattr("pipeline.monitor.delivery.WAITING", 3)
    said: list[str] = []
    answered = threading.Event()
    sink = SimpleNamespace(measured=lambda *_: answered.wait(5.0), alarmed=print)
    with Delivery("Prefect", sink, said.append) as delivery:
        for _ in range(9):
            delivery.measured(SEEN, DECIDED, {})
    answered.set()
    assert [re.search(r"\((.*)\)", each)[1] for each in said] == ["it is too slow", "it does not answer"]
