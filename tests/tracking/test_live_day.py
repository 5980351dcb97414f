"""A live day in MLflow: series, alarms, and a run that ends."""

import json
from pathlib import Path
from types import SimpleNamespace

from pipeline.monitor.alarm import Alarm, Observed, Severity
from pipeline.tracking.live_day import EVERY, LiveDay


def test_a_day_is_a_run_with_series_and_its_alarms(experiment, mlruns):
    client, _ = experiment
    day = LiveDay(mlruns, "trial", "flagship 3")
    worth = SimpleNamespace(hedge=2.0, options=-1.0, drawdown=float("nan"))
    for step in range(2 * EVERY + 1):
        seen = Observed(step * 30_000_000_000, "2020-03-05", 0.5, 100.0, {}, prob=[0.25, 0.75])
        day.measured(seen, SimpleNamespace(position=float(step), worth=worth), {("data", "depth"): 0.5})
    day.alarmed(Alarm("data", "depth", Severity.CRITICAL, "it is deep", 7, {"psi": 2.0}))
    day.close()
    (run,) = client.search_runs([client.get_experiment_by_name("trial").experiment_id], "tags.kind = 'live'")
    assert (run.info.run_name, run.info.status) == ("live-trial-2020-03-05", "FINISHED")
    assert run.data.tags["model"] == "flagship 3"
    series = client.get_metric_history(run.info.run_id, "position")
    assert [(each.step, each.value) for each in series] == [(1 + k * EVERY, k * EVERY) for k in range(3)]
    assert series[1].timestamp == EVERY * 30_000
    assert run.data.metrics["worth/all"] == 1.0
    assert run.data.metrics["drift/data/depth"] == 0.5
    assert "drawdown" not in run.data.metrics
    assert run.data.metrics["alarms"] == 1.0
    file = client.download_artifacts(run.info.run_id, "alarms.json")
    (alarm,) = json.loads(Path(file).read_text(encoding="utf-8"))
    assert (alarm["severity"], alarm["numbers"]) == ("critical", {"psi": 2.0})


def test_each_day_of_a_desk_that_lives_on_has_a_run_with_its_own_alarms_and_model(experiment, mlruns):
    client, _ = experiment
    day = LiveDay(mlruns, "trial", "flagship 3")
    for name in ("2020-03-05", "2020-03-06"):
        for step in range(2 * EVERY):
            seen = Observed(step * 30_000_000_000, name, 0.5, 100.0, {}, prob=[0.25, 0.75])
            worth = SimpleNamespace(hedge=2.0, options=-1.0, drawdown=0.0)
            day.measured(seen, SimpleNamespace(position=float(step), worth=worth), {})
        day.alarmed(Alarm("data", name, Severity.CRITICAL, "it is deep", 7, {}))
        day.adopted("flagship 4")
    day.close()
    number = client.get_experiment_by_name("trial").experiment_id
    runs = sorted(client.search_runs([number], "tags.kind = 'live'"), key=lambda run: run.info.run_name)
    assert [(run.info.run_name, run.info.status) for run in runs] == [
        ("live-trial-2020-03-05", "FINISHED"),
        ("live-trial-2020-03-06", "FINISHED"),
    ]
    assert [run.data.tags["model"] for run in runs] == ["flagship 3", "flagship 4"]
    assert [run.data.metrics["alarms"] for run in runs] == [1.0, 1.0]
    assert [len(client.get_metric_history(run.info.run_id, "position")) for run in runs] == [2, 2]


def test_a_day_without_a_decision_leaves_no_run(experiment, mlruns):
    client, number = experiment
    LiveDay(mlruns, "trial", "flagship 3").close()
    assert client.search_runs([number]) == []
