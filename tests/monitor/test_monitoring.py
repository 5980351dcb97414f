"""Monitors beside a loop: what they see of a decision, and where an alarm goes."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.backtest.decision_signals import DecisionSignals
from pipeline.backtest.lane import Dealt
from pipeline.live.journal import Entry
from pipeline.monitor.alarm import Alarm, Forecast, Severity
from pipeline.monitor.monitoring import Monitoring, observed
from pipeline.monitor.watch import Watch

CURVES = 1e-8 * np.arange(1.0, 11.0).reshape(5, 2)
TOLD = DecisionSignals(
    5, "one", 110.0, 30.0, CURVES, 2e-4, 1e-4, 3e-4, 1e-4, 9.0, 0.0, 0.0, 0.0, 0.0, 0.0,
    np.array([0.25, 0.75]), np.eye(2), np.ones(2),
)  # fmt: skip
DECIDED = SimpleNamespace(
    at=5,
    told=TOLD,
    mid=110.0,
    names=("minutes", "log_depth"),
    numbers=np.array([2.5, 7.0]),
    dealt=Dealt(100.0, 3),
    value=-2.2,
    position=4.0,
    seen=SimpleNamespace(age=0.5),
    took=1e-4,
    past=False,
)
ALARM = Alarm("always", "log_depth", Severity.CRITICAL, "it is deep", 5, {"psi": 2.0})

SHOWN = [
    {
        "name": "always log_depth",
        "value": 2.0,
        "severity": "critical",
        "said": "it is deep",
    },
    {"name": "always log_rate", "value": 0.1, "severity": "", "said": ""},
]


class Always:
    name = "always"

    def watch(self, _):
        return [ALARM]

    def state(self):
        return {"log_depth": 2.0, "log_rate": 0.1}


def test_a_decision_is_seen_with_its_forecasts_and_the_option_as_a_share_of_the_mid():
    seen = observed(DECIDED, (2,))
    assert (seen.at, seen.day, seen.minutes, seen.mid) == (5, "one", 2.5, 110.0)
    assert seen.features == {"minutes": 2.5, "log_depth": 7.0}
    assert seen.variance == {2: Forecast(2e-8, 4e-8, pytest.approx(6e-8))}
    assert seen.cost == Forecast(2e-4, 1e-4, 3e-4)
    assert seen.value == pytest.approx(-0.02)  # of a spot of 110 in units where the option began at 100
    assert (seen.position, seen.age, seen.took) == (4.0, 0.5, 1e-4)


def test_an_alarm_goes_to_audit_sinks_and_page():
    entries: list[Entry] = []
    told: list[object] = []
    sink = SimpleNamespace(measured=lambda *each: told.append(each[2]), alarmed=told.append)
    path = SimpleNamespace(journal=SimpleNamespace(audit=entries.append))
    monitoring = Monitoring(Watch([Always()]), (2,), [sink], model="flagship 3")
    monitoring.after(DECIDED, path)
    (entry,) = entries
    assert (entry.at, entry.who, entry.what, entry.model) == (5, "always", "alarm critical", "flagship 3")
    assert json.loads(json.dumps(entry.inputs)) == {"feature": "log_depth", "psi": 2.0}
    assert told == [{("always", "log_depth"): 2.0, ("always", "log_rate"): 0.1}, ALARM]
    assert monitoring.told() == SHOWN


def test_an_alarm_of_the_past_is_shown_and_not_told_again():
    measured: list[object] = []
    sink = SimpleNamespace(measured=lambda *each: measured.append(each[2]))
    monitoring = Monitoring(Watch([Always()]), (2,), [sink])
    monitoring.after(SimpleNamespace(**{**vars(DECIDED), "past": True}), path=None)
    assert len(measured) == 1
    assert monitoring.told() == SHOWN
