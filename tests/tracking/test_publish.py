import json
import shutil
from dataclasses import replace

import pytest

from pipeline.evaluate.metrics import METRICS
from pipeline.tracking.publish import point_latest
from pipeline.tracking.runs import IDENTITY

pytestmark = pytest.mark.slow


@pytest.fixture
def summary(tracked):
    return json.loads((tracked.published.folder / "summary.json").read_text())


@pytest.fixture
def children(tracked):
    parent = tracked.client.get_run(tracked.published.run_id)
    query = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    return tracked.client.search_runs([parent.info.experiment_id], filter_string=query)


def test_the_report_is_there_and_latest_points_at_it(tracked):
    folder = tracked.published.folder
    for name in ("report.html", "summary.json", "comparison.txt", "pnl_distributions.png"):
        assert (folder / name).stat().st_size > 100
    assert (tracked.home.data / "reports" / "latest").resolve() == folder.resolve()


def test_the_parent_run_is_finished_and_says_where_it_comes_from(tracked, summary):
    run = tracked.client.get_run(tracked.published.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["desk"] == "small"
    assert run.data.tags["colour"] == "blue"
    assert run.data.tags["code_version"] == summary["code_version"]
    assert {name: run.data.tags[f"dataset.{name}"] for name in tracked.keys} == tracked.keys
    assert run.data.params["costs.fee_bps"] == "0.2"
    assert run.data.params["windows.test_end"] == "2017-12-31"
    assert run.data.metrics["seconds/backtest"] == 1.5
    assert run.data.metrics["earlier_looks"] == 0
    assert {used.dataset.name for used in run.inputs.dataset_inputs} == {
        tracked.keys["market"],
        tracked.keys["signals"],
    }


def test_the_parent_run_can_be_compared_without_its_children(tracked, summary):
    run = tracked.client.get_run(tracked.published.run_id)
    for policy, metrics in summary["policies"].items():
        for metric in ("risk_bps", "pnl_sd_bps", "cvar95_bps", "cost_bps"):
            assert run.data.metrics[f"{metric}/{policy}"] == pytest.approx(metrics[metric], rel=1e-12)
    described = run.data.tags["mlflow.note.content"]
    for verdict in summary["verdicts"]:
        assert verdict["sentence"] in described
    assert "| `delta_implied` |" in described


def test_what_made_the_run_stands_beside_its_report(tracked, summary):
    code = json.loads((tracked.published.folder / "code.json").read_text())
    assert {"pipeline/backtest/kernel.py", "pipeline/policies/regime_switched.py", "numpy"} <= set(code)
    assert summary["market"] == {
        "source": "sample",
        "first_session": "1999-01-04",
        "last_session": "2018-12-31",
        "sessions": 5031,
    }


def test_every_policy_has_a_child_with_the_same_metric_names(children, summary):
    policies = {run.info.run_name: run for run in children if run.data.tags["kind"] == "policy"}
    assert set(policies) == set(summary["policies"])
    for name, run in policies.items():
        assert run.info.status == "FINISHED"
        assert {metric for metric in run.data.metrics if "/" not in metric} == set(METRICS)
        book = summary["book"][name]
        assert run.data.metrics["book/max_drawdown_bps"] == pytest.approx(book["max_drawdown_bps"])
        assert len({metric for metric in run.data.metrics if metric.startswith("explained/")}) == 8
        for metric in METRICS:
            assert run.data.metrics[metric] == pytest.approx(summary["policies"][name][metric], rel=1e-12)


def test_the_flagships_tuned_parameters_are_those_of_the_last_window(tracked, children):
    flagship = next(run for run in children if run.info.run_name == "regime_switched")
    saved = json.loads(tracked.store.open(tracked.keys["backtest"]).read_bytes("models/regime_switched.json"))
    logged = {name: float(value) for name, value in flagship.data.params.items() if name != "policy"}
    assert logged == pytest.approx(saved)


def test_every_forecaster_has_a_child_with_its_scores(children, summary):
    forecasters = {run.info.run_name: run for run in children if run.data.tags["kind"] == "forecaster"}
    expected = summary["forecasts"]["variance"]["21"]
    assert set(expected) | {"climatology", "logistic", "lightgbm_event"} == set(forecasters)
    for name, scores in expected.items():
        assert forecasters[name].data.metrics["qlike/variance_21"] == pytest.approx(
            scores["qlike"], rel=1e-12
        )
    assert forecasters["logistic"].data.metrics["brier/gap"] > 0


def test_report_figures_and_tables_are_artifacts(tracked):
    artifacts = {
        file.path
        for folder in ("report", "tables")
        for file in tracked.client.list_artifacts(tracked.published.run_id, folder)
    }
    assert {"report/report.html", "report/summary.json", "report/pnl_distributions.png"} <= artifacts
    assert {"tables/comparison.csv", "tables/ablations.csv", "tables/by_regime.csv"} <= artifacts
    assert (tracked.home.mlruns / "artifacts").is_dir()


def test_an_unchanged_rerun_points_at_the_run_that_exists(tracked):
    ledger = tracked.client.get_experiment_by_name("test-ledger").experiment_id
    looks = len(tracked.client.search_runs([ledger]))
    assert tracked.publish() == replace(tracked.published, new=False)
    assert len(tracked.client.search_runs([ledger])) == looks


def test_force_makes_a_new_run_of_the_same_trial(tracked):
    forced = tracked.publish(force=True)
    assert forced.new
    assert forced.run_id != tracked.published.run_id
    assert forced.folder != tracked.published.folder
    run = tracked.client.get_run(forced.run_id)
    assert run.data.metrics["earlier_looks"] == 0, "looking twice at one backtest is one look"
    first = tracked.client.get_run(tracked.published.run_id)
    assert run.data.tags[IDENTITY] == first.data.tags[IDENTITY]
    champion = tracked.client.get_model_version_by_alias("small.regime_detector", "champion")
    assert champion.run_id == forced.run_id


@pytest.mark.parametrize("lost", ["report.html", "summary.json", "comparison.txt", "."])
def test_a_run_whose_report_lost_a_file_or_all_is_made_again(tracked, lost, tmp_path):
    broken = tracked.publish()
    assert not broken.new
    kept, place = tmp_path / "kept", broken.folder / lost
    shutil.move(place, kept)
    again = tracked.publish()
    shutil.move(kept, place)
    assert again.folder != broken.folder
    assert (again.folder / lost).exists()


def test_a_failure_ends_the_run_as_failed_and_leaves_latest_alone(tracked, monkeypatch):
    def fail(*_arguments):
        raise OSError("disk full")

    latest = (tracked.home.data / "reports" / "latest").resolve()
    monkeypatch.setattr("pipeline.tracking.kinds.log_parent", fail)
    with pytest.raises(OSError, match="disk full"):
        tracked.publish(force=True)
    experiment = tracked.client.get_experiment_by_name("small").experiment_id
    newest = tracked.client.search_runs([experiment], filter_string="tags.kind = 'pipeline'", max_results=1)[
        0
    ]
    assert newest.info.status == "FAILED"
    assert IDENTITY not in newest.data.tags
    assert (tracked.home.data / "reports" / "latest").resolve() == latest


def test_latest_is_replaced_at_once(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        point_latest(tmp_path / name)
        assert (tmp_path / "latest").readlink().name == name
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "one", "two"]
