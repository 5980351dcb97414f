"""The whole flow of a small desk within the day, and again unchanged."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from prefect.client.orchestration import get_client

from flows.approval import approval
from flows.datasets import store_of
from flows.decision import daily_decision
from flows.hedge_pipeline import hedge_pipeline
from flows.stages import features, ingest, learn, own_costs, settings_of
from flows.stages import train as learn_signals
from pipeline.cli.approve import approve
from pipeline.cli.contests import contest_of
from pipeline.cli.live import live, shadow
from pipeline.cli.promote import promote
from pipeline.cli.train import train
from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import DataError, RiskError, SettingsError, StageError, StoreError
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
from tests.flows.worker import worked_off
from tests.market_ticks import DESK, write_market

NETWORK = "small-intraday.network_band"
LEARNS = DESK.replace('run = ["delta_implied"', 'run = ["network_band", "delta_implied"')
TRAINS = f"{LEARNS}\n[policies.train]\nnetwork_band = {{ steps = 2, paths = 64 }}\n"
LIVES = LEARNS.replace("network_band", "fixed_band").replace("[policies]", '[policies]\nlive = "fixed_band"')
RETRAINS = TRAINS.replace('run = ["network_band"', 'live = "fixed_band"\nrun = ["network_band", "fixed_band"')
pytestmark = pytest.mark.slow


def test_a_desk_within_the_day_ends_in_report_and_run_and_goes_live(prefect, tmp_path, monkeypatch, capsys):
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
    retrained = retrained_with_a_rival(desk, replay, capsys)
    learned_from_paper_alone(desk, tmp_path / "home", told[0]["orders"], retrained)
    taken_over_when_a_person_has_approved(desk, tmp_path / "home", prefect, monkeypatch, capsys)
    with pytest.raises(DataError, match="replay:2020-03-09: no such day: there are 2020-03-02"):
        live(str(desk), feed="replay:2020-03-09", home=tmp_path / "home")
    with pytest.raises(SettingsError, match="name the streams"):
        live(str(desk), feed="wss://somewhere", home=tmp_path / "home")
    monkeypatch.setenv("HEDGE_JOURNAL_URL", "postgresql://me@127.0.0.1:1/desks")
    with pytest.raises(SettingsError, match=r"kept in .*journal\.db by now: unset the variable"):
        live(str(desk), **replay)
    monkeypatch.setenv("HEDGE_JOURNAL_URL", "postgresql://me:hunter2@127.0.0.1:1/desks")
    with pytest.raises(SettingsError, match="HEDGE_JOURNAL_URL holds a secret"):
        live(str(desk), **replay)


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


def retrained_with_a_rival(desk, replay, capsys):
    """Return a retrain; a rival that it tunes hedges as its backtest, with the parameters of the registry."""
    desk.write_text(LIVES)
    with pytest.raises(StoreError, match="no champion fixed_band yet: `hedge run"):
        shadow(str(desk), **replay)
    desk.write_text(RETRAINS)
    crowned = MlflowClient().get_model_version_by_alias(NETWORK, "champion").version
    made = hedge_pipeline(str(desk), str(replay["home"]), challenge=True)
    assert MlflowClient().get_model_version_by_alias(NETWORK, "champion").version == crowned
    desk.write_text(LIVES)
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
    return made


def learned_from_paper_alone(desk, home, orders, retrained):
    """A retrain counts the paper venue's fills and learns nothing; when told to, it learns of them all."""
    desk.write_text(TRAINS)
    crowned = MlflowClient().get_model_version_by_alias(NETWORK, "champion")
    files = learn(str(desk), str(home), False, learn_signals(str(desk), str(home)))["network_band"]
    challenger = MlflowClient().get_model_version_by_alias(NETWORK, "challenger")
    assert challenger.tags["network"] == files[max(files)] != crowned.tags["network"]
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


def taken_over_when_a_person_has_approved(desk, home, server, monkeypatch, capsys):
    """A challenger network waits in Prefect for a person; at a yes it reigns, and the loop is given it."""
    live_network = LEARNS.replace("[policies]", '[policies]\nlive = "network_band"')
    desk.write_text(f"{live_network}\n[promotion]\napproval = true\ndeadline_seconds = 60\n")
    client, mlruns, name = MlflowClient(), home / "mlruns", "small-intraday"
    challenger = client.get_model_version_by_alias(NETWORK, "challenger").version
    reigning = load_champions(mlruns, name, str(desk), hedger="network_band")
    source = RegistrySource(mlruns, name, str(desk), reigning)
    monkeypatch.setenv("PREFECT_API_URL", server)
    known = set()
    with get_client(sync_client=True) as prefect, ThreadPoolExecutor(1) as beside:
        deployed = prefect.create_flow(approval)
        prefect.create_deployment(deployed, name, entrypoint="flows.approval.approval", pull_steps=[])
        for verdict in ("no", "yes"):
            asking = beside.submit(promote, str(desk), "a drill", NETWORK.partition(".")[2], True, home)
            request = asked_of_a_person(prefect, name, known)
            known.add(request.name)
            worked_off(approval, request)
            said = {verdict: True, "person": "ada", "reason": "looked at it"}
            approve(str(desk), request.name, **said, home=home)
            if verdict == "no":
                with pytest.raises(RiskError, match="not promoted: rejected by ada: looked at it"):
                    asking.result(60.0)
            else:
                asking.result(60.0)
            out = capsys.readouterr().out
            assert f"{'approve' if verdict == 'yes' else 'reject'}: {request.name}; desk" in out
            took = client.get_model_version_by_alias(NETWORK, "champion").version == challenger
            assert (verdict == "yes") is took is (source.newer() is not None)
    assert NETWORK in out
    assert version_of(source.champions).endswith(f"{NETWORK} {challenger}")
    assert source.champions.network is not None
    [experiment] = mlflow.search_experiments(filter_string=f"name = '{name}'")
    [run] = client.search_runs([experiment.experiment_id], "tags.kind = 'promotion'")
    written = mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/promotion.json")
    assert written["evidence"]["approved"] == {"person": "ada", "reason": "looked at it"}
    assert [each["model"] for each in written["changes"]] == [NETWORK]
    desk.write_text(DESK)


def asked_of_a_person(client, name, known):
    """The flow run of a promotion that waits for its answer, when it is there."""
    until = time.monotonic() + 60.0
    while time.monotonic() < until:
        for run in client.read_flow_runs():
            if run.name.startswith(f"promote-{name}-") and run.name not in known:
                return run
        time.sleep(0.05)
    raise AssertionError("it has asked nobody")


def live_again(desk, replay, capsys):
    live(str(desk), **replay, as_json=True)
    return json.loads(capsys.readouterr().out)
