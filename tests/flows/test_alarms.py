"""Alarms as events of Prefect."""

import contextlib

import pytest

from flows import alarms
from flows.alarms import AlarmEvents
from flows.deployments import deployments_for
from pipeline.monitor.alarm import Alarm, Severity

ALARM = Alarm("data", "log_depth", Severity.CRITICAL, "it is deep", 1_583_420_400_000_000_000, {"psi": 2.0})


def test_an_alarm_is_the_event_that_the_automation_waits_for(monkeypatch):
    emitted, asked = [], []
    monkeypatch.setattr(alarms, "emit_event", lambda **event: emitted.append(event))
    monkeypatch.setattr(
        alarms.urllib.request, "urlopen", lambda url, timeout: asked.append(url) or contextlib.nullcontext()
    )
    AlarmEvents("mine", "http://127.0.0.1:4200/api").alarmed(ALARM)
    (event,) = emitted
    made = deployments_for("/desks/mine.toml", "mine", {"timezone": "UTC"})["deployments"]
    (trigger,) = next(each["triggers"] for each in made if "triggers" in each)
    assert trigger["expect"] == [event["event"]]
    assert trigger["match"]["prefect.resource.id"] == event["resource"]["prefect.resource.id"]
    assert trigger["threshold"] == 1
    assert trigger["within"] == 600, "Prefect fires at once, and then not before it has passed"
    assert event["payload"]["psi"] == 2.0
    assert event["payload"]["decided"] == "2020-03-05T15:00:00+00:00"
    assert asked == ["http://127.0.0.1:4200/api/health"]


def test_a_server_that_is_down_is_an_error_of_the_sink_and_nothing_is_emitted(monkeypatch):
    monkeypatch.setattr(alarms, "emit_event", lambda **event: pytest.fail("emitted"))
    with pytest.raises(OSError, match="refused"):
        AlarmEvents("mine", "http://127.0.0.1:9/api").alarmed(ALARM)
