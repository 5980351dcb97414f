"""The learning curve of a training in MLflow, and the model that is registered."""

from datetime import date

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from pipeline.domain.desk import Desk
from pipeline.domain.errors import PolicyError, StoreError
from pipeline.domain.execution_settings import ExecutionSettings
from pipeline.domain.home import Home
from pipeline.domain.promotion_settings import PromotionSettings
from pipeline.policies.agent_band import PpoBand
from pipeline.policies.base import reads_path
from pipeline.policies.checkpoint import Checkpoint, network_arrays
from pipeline.policies.network import Layer, Network
from pipeline.policies.network_band import INPUTS
from pipeline.policies.recurrent_band import RecurrentBand
from pipeline.policies.saved_network import LEARNED, keep_network, terms_digest
from pipeline.tracking.champions import unchallenged
from pipeline.tracking.database import connect
from pipeline.tracking.learning import (
    RISK,
    LearnedNetwork,
    register_newest,
    run_networks,
    tracked_training,
)
from pipeline.tracking.promotion import (
    CHALLENGER,
    CHAMPION,
    aliased,
    challengers,
    promote_challengers,
    roll_back,
)
from pipeline.tracking.registry import champion, place
from pipeline.tracking.served.learned_band import along
from pipeline.tracking.served.policy import ANSWER, inputs_of, market_state
from tests.recurrent import arrays_of, some_recurrent

WIDTH = len(INPUTS)
FRICTIONS = ("cost_over_known", "log_impact")
DESK = Desk(name="mine", policies={"run": ["ppo_band"]}, regimes={"states": 2})


def network(weight):
    layer = Layer(((weight,) * WIDTH, (0.1,) * WIDTH), (0.0, 0.2))
    return Network((layer,), (0.0,) * WIDTH, (1.0,) * WIDTH, (-1.0,) * WIDTH, (1.0,) * WIDTH)


def kept(here, tmp_path, weight=0.5, **facts):
    """A trained network in its place."""
    Checkpoint(terms_digest(DESK), {"policy": "ppo_band", **facts}, network_arrays(network(weight))).write(
        tmp_path / "new.npz"
    )
    return keep_network(here, "mine", "ppo_band", (tmp_path / "new.npz").read_bytes())


@pytest.fixture
def here(tmp_path):
    return Home.find(tmp_path)


def only_run(client: MlflowClient, wanted: str = ""):
    (run,) = client.search_runs([each.experiment_id for each in client.search_experiments()], wanted)
    return run


def test_a_training_has_its_settings_its_curve_its_file_and_its_model(here, tmp_path):
    file = kept(here, tmp_path)
    with tracked_training(here, "mine", "ppo_band", {"steps": 4}) as curve:
        curve(2, 1.5)
        curve.complete([(0, 2.0), (2, 1.5), (4, 1.25)])
        assert curve.keep(DESK, "ppo_band", file) == "1"
        assert curve.place(DESK, "ppo_band", "1") == CHAMPION
    client = connect(here.mlruns)
    run = only_run(client)
    points = {(each.step, each.value) for each in client.get_metric_history(run.info.run_id, RISK)}
    assert points == {(0, 2.0), (2, 1.5), (4, 1.25)}
    assert len(client.get_metric_history(run.info.run_id, RISK)) == 3
    assert run.info.status == "FINISHED"
    assert run.data.params == {"steps": "4"}
    tags = ("desk", "kind", "policy", "network")
    assert [run.data.tags[name] for name in tags] == ["mine", "training", "ppo_band", file.name]
    assert [each.path for each in client.list_artifacts(run.info.run_id, "network")] == [
        f"network/{file.name}"
    ]
    version = champion(client, "mine.ppo_band")
    assert (version.run_id, version.tags["network"]) == (run.info.run_id, file.name)
    assert version.tags["terms"] == terms_digest(DESK)

    rows = pd.DataFrame({"forward": [95.0, 104.0], "strike": 100.0, "time_to_expiry": 0.05})
    rows = rows.assign(forward_slope=1.0, implied_vol=0.2)
    answer = mlflow.pyfunc.load_model("models:/mine.ppo_band@champion").predict(rows)
    state = market_state(DESK, rows.reindex(columns=list(inputs_of(DESK))))
    band = PpoBand(network(0.5)).band(state)
    np.testing.assert_array_equal(answer[ANSWER[0]], band.lower[:, 0, 0])
    np.testing.assert_array_equal(answer[ANSWER[1]], band.upper[:, 0, 0])


def test_a_hedger_that_reads_the_path_is_served_along_it(here, tmp_path):
    network = some_recurrent()
    Checkpoint(terms_digest(DESK), {}, arrays_of(network)).write(tmp_path / "new.npz")
    file = keep_network(here, "mine", "recurrent_band", (tmp_path / "new.npz").read_bytes())
    register_newest(here, DESK, "recurrent_band", [LearnedNetwork(file, {"steps": 4}, [(0, 2.0)])])
    model = mlflow.pyfunc.load_model("models:/mine.recurrent_band/1")
    step = np.array([0, 1, 2, 0, 1])  # one option after another
    rows = pd.DataFrame({"forward": [95.0, 99.0, 98.0, 98.0, 103.0], "strike": 100.0})
    rows = rows.assign(time_to_expiry=0.05, forward_slope=1.0, implied_vol=[0.2, 0.3, 0.2, 0.2, 0.1])
    answer = model.predict(rows.assign(step=step.astype(float)))
    for option in (slice(0, 3), slice(3, 5)):
        state = along(market_state(DESK, rows[option].reindex(columns=list(inputs_of(DESK)))), step[option])
        band = RecurrentBand(network).band(state)
        np.testing.assert_array_equal(answer[ANSWER[0]][option], band.lower[0, :, 0])
        np.testing.assert_array_equal(answer[ANSWER[1]][option], band.upper[0, :, 0])
    with pytest.raises(PolicyError, match="must be asked from there on"):
        model.predict(rows.assign(step=step.astype(float))[1:])


def paced(policy):
    """A band with a third answer, its arrays, and what it sees beside the option."""
    if policy == "recurrent_band":
        network = some_recurrent(outputs=3)
        return RecurrentBand(network), arrays_of(network), ()
    sees = FRICTIONS if policy == "ppo_band" else ()
    width = WIDTH + len(sees)
    layer = Layer(tuple((each,) * width for each in (0.5, 0.1, 0.3)), (0.0, 0.2, -0.1))
    scaling = [(each,) * width for each in (0.0, 1.0, -1.0, 1.0)]
    network = Network((layer,), *scaling)
    return LEARNED[policy](network, sees), network_arrays(network), sees


@pytest.mark.parametrize("policy", ["network_band", "recurrent_band", "ppo_band"])
def test_a_band_with_a_pace_is_served_with_the_impact_that_it_answers(here, tmp_path, policy):
    execution = ExecutionSettings(impact=1.0, notional_share=0.01)
    pushed = DESK.model_copy(update={"execution": execution})
    hedger, arrays, sees = paced(policy)
    assert hedger.paced
    Checkpoint(terms_digest(pushed), {"policy": policy, "sees": sees}, arrays).write(tmp_path / "new.npz")
    file = keep_network(here, "mine", policy, (tmp_path / "new.npz").read_bytes())
    register_newest(here, pushed, policy, [LearnedNetwork(file, {}, [(0, 2.0)])])
    model = mlflow.pyfunc.load_model(f"models:/mine.{policy}/1")
    rows = pd.DataFrame({"forward": [95.0, 104.0, 103.0], "strike": 100.0, "time_to_expiry": 0.05})
    rows = rows.assign(forward_slope=1.0, implied_vol=[0.2, 0.3, 0.2], impact=[0.0, 0.001, 0.002])
    step = np.arange(3)
    whole = rows.assign(cost=[1e-4, 2e-4, 1e-4]).reindex(columns=list(inputs_of(pushed)))
    told = whole if sees else rows.assign(step=step.astype(float)) if reads_path(hedger) else rows
    answer = model.predict(told)
    state = market_state(pushed, whole)
    band = hedger.band(along(state, step) if reads_path(hedger) else state)
    for name in ANSWER:
        np.testing.assert_array_equal(answer[name], np.ravel(getattr(band, name)))
    assert answer["speed"][0] == 1.0 > answer["speed"][1:].max()
    with pytest.raises(mlflow.MlflowException, match="impact"):
        model.predict(told.drop(columns="impact"))


def test_what_is_registered_already_is_not_registered_again(here, tmp_path):
    first = LearnedNetwork(kept(here, tmp_path), {"steps": 4}, [(0, 2.0), (4, 1.25)])
    for _ in range(2):
        register_newest(here, DESK, "ppo_band", [first])
    client = connect(here.mlruns)
    assert only_run(client).data.metrics[RISK] == 1.25
    second = LearnedNetwork(kept(here, tmp_path, 0.4), {"steps": 1}, [(0, 2.0)])
    for _ in range(2):
        register_newest(here, DESK, "ppo_band", [first, second])
    versions = client.search_model_versions("name = 'mine.ppo_band'")
    assert {each.tags["network"] for each in versions} == {first.file.name, second.file.name}
    assert len(versions) == 2
    later = only_run(client, f"tags.network = '{second.file.name}'")
    parent = only_run(client, f"tags.network = '{first.file.name}'")
    assert later.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert "mlflow.parentRunId" not in parent.data.tags


def test_a_training_in_a_run_crowns_nobody(here, tmp_path):
    reigning, new = kept(here, tmp_path), kept(here, tmp_path, 0.4)
    with tracked_training(here, "mine", "ppo_band", {}) as curve:
        curve.place(DESK, "ppo_band", curve.keep(DESK, "ppo_band", reigning))
    for _ in range(2):
        register_newest(here, DESK, "ppo_band", [LearnedNetwork(new, {}, [(0, 2.0)])])
    client = connect(here.mlruns)
    assert champion(client, "mine.ppo_band").tags["network"] == reigning.name
    assert champion(client, "mine.ppo_band", CHALLENGER) is None
    dated = {"ppo_band": {date(2016, 1, 4): reigning.name, date(2016, 7, 1): new.name}}
    assert run_networks(client, "mine", dated) == {"mine.ppo_band": "2"}
    assert run_networks(client, "mine", {"sac_band": dated["ppo_band"]}) == {}


def test_what_gained_nothing_is_registered_and_takes_nobody_s_place(here, tmp_path):
    vain = kept(here, tmp_path, 0.4, untrained=2.0, reached=2.0)
    for reigns, file, alias in (("", vain, ""), ("2", kept(here, tmp_path), CHAMPION), ("2", vain, "")):
        with tracked_training(here, "mine", "ppo_band", {}) as curve:
            assert curve.place(DESK, "ppo_band", curve.keep(DESK, "ppo_band", file)) == alias
            assert curve.champion(DESK, "ppo_band") == reigns
    client = connect(here.mlruns)
    assert client.get_model_version("mine.ppo_band", "3").tags["gained"] == "False"
    assert aliased(client, "mine", CHALLENGER) == {}
    assert run_networks(client, "mine", {"ppo_band": {date(2016, 1, 4): vain.name}}) == {}


def test_a_network_takes_its_place_with_the_models_of_its_run_and_goes_back_with_them(here, tmp_path):
    client, file = connect(here.mlruns), kept(here, tmp_path)
    client.create_registered_model("mine.regime_detector")
    for version, alias in enumerate(("champion", "challenger"), 1):
        client.create_model_version("mine.regime_detector", "file:///nowhere")
        client.set_registered_model_alias("mine.regime_detector", alias, str(version))
    register_newest(here, DESK, "ppo_band", [LearnedNetwork(file, {}, [(0, 2.0)])])
    network = {"mine.ppo_band": "1"}
    place(client, here.mlruns, network, CHALLENGER)
    assert aliased(client, "mine", CHALLENGER) == {"mine.regime_detector": "2"} | network
    promote_challengers(here.mlruns, "mine", "ann", "they have won")
    assert aliased(client, "mine", CHALLENGER) == network
    with pytest.raises(StoreError, match=r"there are mine\.ppo_band, name one with --model"):
        promote_challengers(here.mlruns, "mine", "ann", "they have won")
    promote_challengers(here.mlruns, "mine", "ann", "the report", model="ppo_band")
    assert aliased(client, "mine", CHAMPION) == {"mine.regime_detector": "2"} | network
    roll_back(here.mlruns, "mine", "ann", "it lost")
    assert aliased(client, "mine", CHAMPION) == {"mine.regime_detector": "2"}
    client.set_registered_model_alias("mine.ppo_band", CHALLENGER, "1")
    place(client, here.mlruns, network, CHAMPION)
    assert (aliased(client, "mine", CHALLENGER), aliased(client, "mine", CHAMPION)["mine.ppo_band"]) == (
        {},
        "1",
    )
    place(client, here.mlruns, network, CHALLENGER)
    assert aliased(client, "mine", CHALLENGER) == {}


def test_a_network_that_gives_the_band_takes_over_with_all_others(here, tmp_path):
    client, file = connect(here.mlruns), kept(here, tmp_path)
    client.create_registered_model("mine.regime_detector")
    client.create_model_version("mine.regime_detector", "file:///nowhere")
    register_newest(here, DESK, "ppo_band", [LearnedNetwork(file, {}, [(0, 2.0)])])
    both = {"mine.regime_detector": "1", "mine.ppo_band": "1"}
    place(client, here.mlruns, both, CHALLENGER, staying={"volatility_forecaster"})
    assert challengers(here.mlruns, "mine") == {"mine.regime_detector": "1"}
    assert challengers(here.mlruns, "mine", hedger="ppo_band") == both
    promote_challengers(here.mlruns, "mine", "ann", "they have won", meant=both, hedger="ppo_band")
    assert aliased(client, "mine", CHAMPION) == both


def test_a_model_whose_challenger_stays_is_registered_alone(here):
    client = connect(here.mlruns)
    for name in ("mine.regime_detector", "mine.regime_switched"):
        client.create_registered_model(name)
        client.create_model_version(name, "file:///nowhere")
        client.create_model_version(name, "file:///nowhere")
    old = dict.fromkeys(("mine.regime_detector", "mine.regime_switched"), "1")
    place(client, here.mlruns, old, CHALLENGER)
    place(client, here.mlruns, dict.fromkeys(old, "2"), CHALLENGER, staying={"regime_detector"})
    assert aliased(client, "mine", CHALLENGER) == old | {"mine.regime_switched": "2"}


def test_with_approval_what_a_person_trains_waits_for_it_the_first_too(here, tmp_path):
    asking, client = (
        DESK.model_copy(update={"promotion": PromotionSettings(approval=True)}),
        connect(here.mlruns),
    )
    for number in (1, 2):
        with tracked_training(here, "mine", "ppo_band", {}) as curve:
            version = curve.keep(asking, "ppo_band", kept(here, tmp_path, 0.1 * number))
            assert curve.place(asking, "ppo_band", version) == CHALLENGER
        assert aliased(client, "mine", CHAMPION) == {}
        assert aliased(client, "mine", CHALLENGER) == {"mine.ppo_band": str(number)}


def test_a_hedger_that_is_named_anew_is_champion_at_once_unless_a_person_has_to_approve(here):
    client, first = connect(here.mlruns), {"mine.whalley_wilmott": "1", "mine.regime_detector": "2"}
    for name in first:
        client.create_registered_model(name)
        for _ in range(2):
            client.create_model_version(name, "file:///nowhere")
    client.set_registered_model_alias("mine.regime_detector", CHAMPION, "1")
    made = set(dict.fromkeys(name.rpartition(".")[2] for name in first))
    place(client, here.mlruns, first, CHALLENGER, approval=True)
    assert aliased(client, "mine", CHALLENGER) == first
    assert unchallenged(here.mlruns, "mine", made, "whalley_wilmott") == ["whalley_wilmott"]
    assert unchallenged(here.mlruns, "mine", {"regime_detector"}, "whalley_wilmott") == []
    assert unchallenged(here.mlruns, "mine", made, "regime_switched") == []
    place(client, here.mlruns, first, CHALLENGER)
    assert aliased(client, "mine", CHAMPION)["mine.whalley_wilmott"] == "1"
    assert unchallenged(here.mlruns, "mine", made, "whalley_wilmott") == []


def test_every_window_has_a_run_and_the_newest_network_is_registered(here, tmp_path):
    trained = [
        LearnedNetwork(kept(here, tmp_path, weight), {"first": day}, [(0, 2.0), (4, weight)])
        for weight, day in ((0.5, "2016-01-04"), (0.4, "2016-07-01"), (0.3, "2017-01-03"))
    ]
    register_newest(here, DESK, "ppo_band", trained)
    client = connect(here.mlruns)
    runs = [only_run(client, f"tags.network = '{each.file.name}'") for each in trained]
    assert [each.data.params["first"] for each in runs] == ["2016-01-04", "2016-07-01", "2017-01-03"]
    assert [each.data.metrics[RISK] for each in runs] == [0.5, 0.4, 0.3]
    assert {each.data.tags.get("mlflow.parentRunId") for each in runs[1:]} == {runs[0].info.run_id}
    (version,) = client.search_model_versions("name = 'mine.ppo_band'")
    assert (version.version, version.tags["network"]) == (1, trained[-1].file.name)


def test_an_interrupted_training_is_killed(here):
    with pytest.raises(KeyboardInterrupt), tracked_training(here, "mine", "ppo_band", {}):
        raise KeyboardInterrupt
    assert only_run(connect(here.mlruns)).info.status == "KILLED"
