"""The whole flow of a small desk within the day, and again unchanged."""

import json
import subprocess
import sys
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName

from flows.approval import approval
from flows.datasets import store_of
from flows.decision import daily_decision
from flows.hedge_pipeline import hedge_pipeline
from flows.stages import features, ingest, learn, own_costs, settings_of
from flows.stages import train as learn_signals
from pipeline.cli.contests import contest_of
from pipeline.cli.live import live, shadow
from pipeline.cli.train import train
from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import DataError, SettingsError, StageError, StoreError
from pipeline.execution.learned_costs import LearnedCosts
from pipeline.policies.catalogue import FLAGSHIP, desk_policies
from pipeline.policies.fixed_band import FixedBand
from pipeline.policies.network_band import NetworkBand
from pipeline.policies.saved_network import with_networks
from pipeline.policies.served_networks import served_on
from pipeline.tracking.champions import load_champions
from pipeline.tracking.model_source import RegistrySource, challengers_of, learned_of, version_of
from pipeline.tracking.promotion import CHAMPION
from pipeline.tracking.registry import log_costs, place, register
from tests.market_ticks import DESK, write_market

NETWORK = "small-intraday.network_band"
LEARNS = DESK.replace('run = ["delta_implied"', 'run = ["network_band", "delta_implied"')
TRAINS = f"{LEARNS}\n[policies.train]\nnetwork_band = {{ steps = 2, paths = 64 }}\n"
LIVES = LEARNS.replace("network_band", "fixed_band").replace("[policies]", '[policies]\nlive = "fixed_band"')
pytestmark = pytest.mark.slow


def test_a_desk_within_the_day_ends_in_report_and_run_and_goes_live(
    prefect, environment, tmp_path, monkeypatch, capsys
):
    ticks = tmp_path / "ticks"
    ticks.mkdir()
    monkeypatch.setenv("HEDGE_DATA", str(write_market(ticks)))
    desk = tmp_path / "desk.toml"
    desk.write_text(DESK)
    first = hedge_pipeline(str(desk), str(tmp_path / "home"))
    summary = json.loads((Path(first["folder"]) / "summary.json").read_text())
    assert summary["kind"] == "intraday"
    assert summary["unfilled"]["delta_implied"]["filled"] > 0
    assert (Path(first["folder"]) / "report.html").is_file()
    made, file = daily_decision(str(desk), str(tmp_path / "home"), position=100.0, allow_stale=True)
    assert [order.policy for order in made.orders] == ["regime_switched", "delta_implied"]
    assert {order.position for order in made.orders} == {100.0}
    assert made.session == "2020-03-05 16:59:30 UTC"
    assert made.options[0].sessions_left == 1
    assert made.warnings[0].startswith("stale data: the newest decision")
    assert "taken to end there, after 1" in made.warnings[-1]
    assert {card["name"].partition(".")[2] for card in made.models} >= {"regime_detector", "regime_switched"}
    assert json.loads(file.read_text())["desk"] == "small-intraday"
    watched = load_champions(tmp_path / "home" / "mlruns", "small-intraday", str(desk)).monitors
    assert {"data", "concept", "pnl"} <= set(vars(watched))
    assert "likelihood" in watched.concept
    with pytest.raises(StageError, match="stale data"):
        daily_decision(str(desk), str(tmp_path / "home"))
    again = hedge_pipeline(str(desk), str(tmp_path / "home"))
    assert not again["new"]
    assert again["run_id"] == first["run_id"]
    replay = {"feed": "replay:2020-03-05", "home": tmp_path / "home"}
    shadow(str(desk), **replay)
    assert ", 0 positions differ from the backtest" in capsys.readouterr().out
    told = [live_again(desk, replay, capsys) for _ in range(2)]
    assert told[0]["orders_sent"] == told[0]["orders"] > 20
    assert told[1] == {**told[0], "orders_sent": 0}
    assert told[0]["state"] == "active"
    learned_on_its_days_and_live(desk, replay, capsys)
    learned_from_paper_alone(desk, tmp_path / "home", told[0]["orders"])
    taken_over_when_a_person_has_approved(desk, tmp_path / "home", environment | {"PREFECT_API_URL": prefect})
    fitted_by_a_run_and_live(desk, replay, capsys)
    with pytest.raises(DataError, match="replay:2020-03-09: no such day: there are 2020-03-02"):
        live(str(desk), feed="replay:2020-03-09", home=tmp_path / "home")
    with pytest.raises(SettingsError, match="name the streams"):
        live(str(desk), feed="wss://somewhere", home=tmp_path / "home")


def fitted_by_a_run_and_live(desk, replay, capsys):
    """A tuned rival hedges as its backtest, with the parameters that the run left in the registry."""
    desk.write_text(LIVES)
    with pytest.raises(StoreError, match="no champion fixed_band yet: `hedge run"):
        shadow(str(desk), **replay)
    made = hedge_pipeline(str(desk), str(replay["home"]), challenge=True)
    shadow(str(desk), **replay)
    assert ", 0 positions differ from the backtest" in capsys.readouterr().out
    mlruns = replay["home"] / "mlruns"
    learned = learned_of(load_champions(mlruns, "small-intraday", str(desk), hedger="fixed_band"), str(desk))
    run = MlflowClient().get_run(made["run_id"])
    [tuned] = MlflowClient().search_runs(
        [run.info.experiment_id],
        f"tags.`mlflow.parentRunId` = '{made['run_id']}' and tags.`mlflow.runName` = 'fixed_band'",
    )
    assert learned.policy == FixedBand(float(tuned.data.params["half_width"]))
    assert "small-intraday.fixed_band 1" in learned.model
    champions = load_champions(mlruns, "small-intraday", str(desk), hedger="fixed_band")
    served = mlflow.pyfunc.load_model("models:/small-intraday.fixed_band@champion")
    asked = pd.DataFrame(0.2, [0], served.metadata.get_input_schema().input_names())
    width = np.ptp(served.predict(asked.assign(forward=100.0, strike=100.0, step=0.0))[["lower", "upper"]])
    np.testing.assert_allclose(width, 2.0 * learned.policy.half_width, atol=1e-12)
    desk.write_text(DESK)
    with pytest.raises(StoreError, match="follows the registry's regime_switched by now"):
        learned_of(champions, str(desk))


def learned_on_its_days_and_live(desk, replay, capsys):
    """A network learns on the stored day before the test, and hedges a tested one as its backtest does."""
    train(str(desk), policy="network_band", steps=2, paths=64, home=replay["home"], as_json=True)
    told = json.loads(capsys.readouterr().out)
    file = told["network"]
    named = f'[policies]\nlive = "network_band"\nnetworks = {{ network_band = "{file}" }}'
    desk.write_text(DESK.replace("[policies]", named))
    shadow(str(desk), **replay)
    assert ", 0 positions differ from the backtest" in capsys.readouterr().out
    desk.write_text(DESK.replace("[policies]", '[policies]\nlive = "network_band"'))
    shadow(str(desk), **replay)
    assert ", 0 positions differ from the backtest" in capsys.readouterr().out, "the champion of the registry"
    desk.write_text(DESK.replace("[policies]", named))
    champion = MlflowClient().get_model_version_by_alias("small-intraday.network_band", "champion")
    assert champion.tags["network"] == file
    run = MlflowClient().get_run(champion.run_id)
    assert int(run.data.params["task/options_learned"]) > 20 < int(run.data.params["task/options_held_out"])
    settings = settings_of(str(desk), str(replay["home"]), "", latest=False, learned=["deep"])
    assert settings.policies.networks == {"network_band": file}
    with pytest.raises(SettingsError, match="recurrent_band does not learn for a desk of kind intraday"):
        train(str(desk), policy="recurrent_band", home=replay["home"])
    trained_by_the_run(desk, str(replay["home"]))
    desk.write_text(DESK)


def trained_by_the_run(desk, home):
    """The run trains before every tested day, and again only what has changed."""
    desk.write_text(TRAINS)
    signals = learn_signals(str(desk), home)
    files = learn(str(desk), home, False, signals)["network_band"]
    assert [f"{day}" for day in files] == ["2020-03-04", "2020-03-05"]
    assert len(set(files.values())) == 2
    assert learn(str(desk), home, False, signals)["network_band"] == files
    settings = settings_of(str(desk), home, "", latest=False, trained={"network_band": files})
    assert settings.policies.networks == {"network_band": files}


def learned_from_paper_alone(desk, home, orders):
    """A retrain counts the paper venue's fills and learns nothing; when told to, it learns of them all."""
    desk.write_text(TRAINS)
    crowned = MlflowClient().get_model_version_by_alias(NETWORK, "champion")
    retrained = hedge_pipeline(str(desk), str(home), challenge=True)
    files = learn(str(desk), str(home), False, learn_signals(str(desk), str(home)))["network_band"]
    challenger = MlflowClient().get_model_version_by_alias(NETWORK, "challenger")
    assert challenger.tags["network"] == files[max(files)] != crowned.tags["network"]
    assert MlflowClient().get_model_version_by_alias(NETWORK, "champion").version == crowned.version
    alone = challengers_of(home / "mlruns", "small-intraday", str(desk), "network_band", FLAGSHIP)
    learned = learned_of(alone, str(desk))
    assert isinstance(learned.policy, NetworkBand)
    assert learned.model.endswith(f"{NETWORK} {challenger.version}")
    assert f"{learned.seen_until:%Y-%m-%d}" == "2020-03-04", "the day before the last that is tested"
    judged = contest_of(load_any(str(desk)), str(desk), home, "network_band")
    assert judged.failed == ("0 options were compared, 30 are needed",)
    run = MlflowClient().get_run(retrained["run_id"])
    assert 0.9 * orders < run.data.metrics["own_costs/refused"] <= orders, "a few met no market"
    assert run.data.metrics["own_costs/orders"] == 0.0
    market = ingest(str(desk), str(home))
    matrix = features(str(desk), str(home), market=market)
    desk.write_text(f"{DESK}\n[own_costs]\npaper = true\n")
    found = store_of(str(home)).open(own_costs(str(desk), str(home), False, market, matrix))
    desk.write_text(DESK)
    assert len(found["orders"]) > 0.9 * orders
    told = LearnedCosts.from_json(found.read_bytes("costs.json"))
    assert not told, "all orders are of one day: none was forecast"
    assert abs(told.told["half_spread"]["value"] - 1.0) < 0.5
    assert abs(np.log(told.told["latency"]["median"] / 0.05)) < 3.0 * told.told["latency"]["log_error"]
    client, mlruns = MlflowClient(), home / "mlruns"
    with mlflow.start_run(run_id=retrained["run_id"]):
        models = {"execution_costs": log_costs(LearnedCosts(crossing=1.3))}
    versions = register(client, load_any(str(desk)), models, {"desk": "small-intraday"})
    place(client, mlruns, versions, CHAMPION)
    assert settings_of(str(desk), str(home), market, latest=False).costs.crossing == 1.3
    desk.write_text(TRAINS)
    trained = learn(str(desk), str(home), False, learn_signals(str(desk), str(home)))
    hedged = settings_of(str(desk), str(home), market, latest=False, trained=trained)
    assert set(trained["network_band"].values()).isdisjoint(files.values()), (
        "it learned what trading costs now"
    )
    for dated in (trained, {"network_band": files}):
        served = served_on(with_networks(hedged, dated), date(2020, 3, 5))
        assert desk_policies(served)["network_band"].network is not None
    desk.write_text(DESK)
    champions = load_champions(mlruns, "small-intraday", str(desk))
    assert learned_of(champions, str(desk)).crossing == 1.3


def taken_over_when_a_person_has_approved(desk, home, environment):
    """A challenger network waits in Prefect for a person; at a yes it reigns, and the loop is given it."""
    live_network = LEARNS.replace("[policies]", '[policies]\nlive = "network_band"')
    desk.write_text(f"{live_network}\n[promotion]\napproval = true\ndeadline_seconds = 600\n")
    client, mlruns, name = MlflowClient(), home / "mlruns", "small-intraday"
    challenger = client.get_model_version_by_alias(NETWORK, "challenger").version
    reigning = load_champions(mlruns, name, str(desk), hedger="network_band")
    source = RegistrySource(mlruns, name, str(desk), reigning)
    with get_client(sync_client=True) as server:
        deployed = server.create_flow(approval)
        server.create_deployment(deployed, name, entrypoint="flows.approval.approval", pull_steps=[])
    told = ("promote", desk, "--model", "network_band", "--anyway", "--reason", "a drill", "--home", home)
    for verdict in ("reject", "approve"):
        with begun(environment, *told) as asking:
            request = put(asking)
            worked_off(environment, request)
            by = ("--person", "ada", "--reason", "looked at it")
            said = finished(environment, "approve", desk, request, f"--{verdict}", *by, "--home", home)
            assert said.startswith(f"{verdict}: {request}")
            out, err = asking.communicate()
        took = verdict == "approve"
        assert (asking.returncode == 0) is took, err
        assert took or "not promoted: rejected by ada: looked at it" in err
        assert (client.get_model_version_by_alias(NETWORK, "champion").version == challenger) is took
        assert (source.newer() is not None) is took
    assert NETWORK in out
    assert version_of(source.champions).endswith(f"{NETWORK} {challenger}")
    assert source.champions.network is not None
    [experiment] = mlflow.search_experiments(filter_string=f"name = '{name}'")
    [run] = client.search_runs([experiment.experiment_id], "tags.kind = 'promotion'")
    written = mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/promotion.json")
    assert written["evidence"]["approved"] == {"person": "ada", "reason": "looked at it"}
    assert [each["model"] for each in written["changes"]] == [NETWORK]
    desk.write_text(DESK)


@contextmanager
def begun(environment, *arguments):
    """A command in a process of its own, ended in any case."""
    line = [sys.executable, "-m", "pipeline.cli", *map(str, arguments)]
    process = subprocess.Popen(
        line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def finished(environment, *arguments):
    """What a command has said when it has ended well."""
    with begun(environment, *arguments) as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    return out


def put(asking):
    """The request of a command that waits for its answer."""
    for line in asking.stderr:
        if line.startswith("promote-"):
            return line.partition(":")[0]
    raise AssertionError("it has asked nobody")


def worked_off(environment, request):
    """Let a flow run go until it waits for its form, as a worker does."""
    with get_client(sync_client=True) as server:
        named = FlowRunFilter(name=FlowRunFilterName(any_=[request]))
        [run] = server.read_flow_runs(flow_run_filter=named)
    line = [sys.executable, "-m", "prefect", "flow-run", "execute", str(run.id)]
    done = subprocess.run(line, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def live_again(desk, replay, capsys):
    live(str(desk), **replay, as_json=True)
    return json.loads(capsys.readouterr().out)
