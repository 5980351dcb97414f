import json
import shutil
from dataclasses import replace

import pytest

from pipeline.domain.desk_file import kind_of
from pipeline.evaluate.metrics import METRICS
from pipeline.policies.written import restored
from pipeline.tracking.kinds import KINDS
from pipeline.tracking.publish import point_latest
from pipeline.tracking.runs import IDENTITY

pytestmark = pytest.mark.slow


@pytest.fixture
def summary(published):
    return json.loads((published.result.folder / "summary.json").read_text())


@pytest.fixture
def children(published):
    parent = published.client.get_run(published.result.run_id)
    query = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    return published.client.search_runs([parent.info.experiment_id], filter_string=query)


def test_the_report_is_there_and_latest_points_at_it(published):
    folder = published.result.folder
    for name in ("report.html", "summary.json", "comparison.txt", "pnl_distributions.png"):
        assert (folder / name).stat().st_size > 100
    assert (published.home.data / "reports" / "latest").resolve() == folder.resolve()


def test_the_parent_run_is_finished_and_says_where_it_comes_from(published, summary):
    run = published.client.get_run(published.result.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["desk"] == "small"
    assert run.data.tags["colour"] == "blue"
    assert run.data.tags["code_version"] == summary["code_version"]
    assert {name: run.data.tags[f"dataset.{name}"] for name in published.keys} == published.keys
    assert run.data.params["costs.fee_bps"] == "0.2"
    assert run.data.params["windows.test_end"] == "2017-12-31"
    assert run.data.metrics["seconds/backtest"] == 1.5
    assert run.data.metrics["earlier_looks"] == 0
    assert {used.dataset.name for used in run.inputs.dataset_inputs} == {
        published.keys["market"],
        published.keys["signals"],
    }


def test_the_parent_run_can_be_compared_without_its_children(published, summary):
    run = published.client.get_run(published.result.run_id)
    for policy, metrics in summary["policies"].items():
        for metric in ("risk_bps", "pnl_sd_bps", "cvar95_bps", "cost_bps"):
            assert run.data.metrics[f"{metric}/{policy}"] == pytest.approx(metrics[metric], rel=1e-12)
    described = run.data.tags["mlflow.note.content"]
    for verdict in summary["verdicts"]:
        assert verdict["sentence"] in described
    assert "| `delta_implied` |" in described


def test_what_made_the_run_stands_beside_its_report(published, summary):
    code = json.loads((published.result.folder / "code.json").read_text())
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


def test_the_flagships_tuned_parameters_are_those_of_the_last_window(published, children):
    flagship = next(run for run in children if run.info.run_name == "regime_switched")
    saved = json.loads(
        published.store.open(published.keys["backtest"]).read_bytes("models/regime_switched.json")
    )
    logged = {name: float(value) for name, value in flagship.data.params.items() if name != "policy"}
    assert logged == pytest.approx(restored(saved).parameters())


def test_every_forecaster_has_a_child_with_its_scores(children, summary):
    forecasters = {run.info.run_name: run for run in children if run.data.tags["kind"] == "forecaster"}
    expected = summary["forecasts"]["variance"]["21"]
    assert set(expected) | {"climatology", "logistic", "lightgbm_event"} == set(forecasters)
    for name, scores in expected.items():
        assert forecasters[name].data.metrics["qlike/variance_21"] == pytest.approx(
            scores["qlike"], rel=1e-12
        )
    assert forecasters["logistic"].data.metrics["brier/gap"] > 0


def test_report_figures_and_tables_are_artifacts(published):
    artifacts = {
        file.path
        for folder in ("report", "tables")
        for file in published.client.list_artifacts(published.result.run_id, folder)
    }
    assert {"report/report.html", "report/summary.json", "report/pnl_distributions.png"} <= artifacts
    assert {"tables/comparison.csv", "tables/ablations.csv", "tables/by_regime.csv"} <= artifacts
    assert (published.home.mlruns / "artifacts").is_dir()


def test_an_unchanged_rerun_points_at_the_run_that_exists(published):
    ledger = published.client.get_experiment_by_name("test-ledger").experiment_id
    looks = len(published.client.search_runs([ledger]))
    assert published.publish() == replace(published.result, new=False)
    assert len(published.client.search_runs([ledger])) == looks


def test_force_makes_a_new_run_of_the_same_trial(published):
    forced = published.publish(force=True)
    assert forced.new
    assert forced.run_id != published.result.run_id
    assert forced.folder != published.result.folder
    run = published.client.get_run(forced.run_id)
    assert run.data.metrics["earlier_looks"] == 0, "looking twice at one backtest is one look"
    first = published.client.get_run(published.result.run_id)
    assert run.data.tags[IDENTITY] == first.data.tags[IDENTITY]
    champion = published.client.get_model_version_by_alias("small.regime_detector", "champion")
    assert champion.run_id == forced.run_id


@pytest.fixture(scope="module")
def judged(published):
    """The kind of the desk without what takes seconds: its judgement is there, and nothing goes to MLflow."""
    kind = KINDS[kind_of(published.desk)]
    datasets = {name: published.store.open(key) for name, key in published.keys.items()}
    judgement = kind.judge(published.desk, datasets, 0)
    return replace(kind, judge=lambda *_: judgement, track=lambda *_: None)


@pytest.mark.parametrize("lost", ["report.html", "summary.json", "comparison.txt", "."])
def test_a_run_whose_report_lost_a_file_or_all_is_made_again(published, judged, lost, tmp_path, monkeypatch):
    monkeypatch.setitem(KINDS, kind_of(published.desk), judged)
    broken = published.publish()
    assert not broken.new
    kept, place = tmp_path / "kept", broken.folder / lost
    shutil.move(place, kept)
    again = published.publish()
    shutil.move(kept, place)
    assert again.folder != broken.folder
    assert (again.folder / lost).exists()


def test_a_failure_ends_the_run_as_failed_and_leaves_latest_alone(published, monkeypatch):
    def fail(*_arguments):
        raise OSError("disk full")

    latest = (published.home.data / "reports" / "latest").resolve()
    monkeypatch.setattr("pipeline.tracking.kinds.log_parent", fail)
    with pytest.raises(OSError, match="disk full"):
        published.publish(force=True)
    experiment = published.client.get_experiment_by_name("small").experiment_id
    newest = published.client.search_runs(
        [experiment], filter_string="tags.kind = 'pipeline'", max_results=1
    )[0]
    assert newest.info.status == "FAILED"
    assert IDENTITY not in newest.data.tags
    assert (published.home.data / "reports" / "latest").resolve() == latest


def test_latest_is_replaced_at_once(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        point_latest(tmp_path / name)
        assert (tmp_path / "latest").readlink().name == name
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "one", "two"]
