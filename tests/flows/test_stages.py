from datetime import date

import pandas as pd
import pytest
from prefect.client.orchestration import get_client

from flows import datasets, stages
from flows.decision import daily_decision
from flows.progress import Stopwatch
from pipeline.deep.network_trainer import NetworkTrainer
from pipeline.domain.errors import DataError, StageError
from pipeline.policies.checkpoint import Checkpoint
from pipeline.tracking.database import connect
from pipeline.tracking.registry import champion, network_version

pytestmark = pytest.mark.slow


def artifacts():
    """Return the key and the flow run of every artifact."""
    with get_client(sync_client=True) as client:
        return {(each.id, each.key, each.flow_run_id) for each in client.read_artifacts()}


@pytest.fixture
def loads(monkeypatch):
    """Replace the source of market data; returns the list of outcomes to play and of calls made."""
    outcomes, calls = [], []

    def load_tables(data):
        calls.append(data)
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def derive(name, build, home, force, inputs, parameters, pieces=False):
        return str(load_tables(parameters["data"]))

    monkeypatch.setattr(datasets, "derived", derive)
    return outcomes, calls


def test_reading_is_tried_again(prefect, loads, small_desk, tmp_path):
    outcomes, calls = loads
    outcomes += [OSError("lost the disk"), "market-1"]
    assert stages.ingest(str(small_desk), str(tmp_path)) == "market-1"
    assert len(calls) == 2


def test_bad_data_is_not_tried_again_and_the_stage_names_itself(prefect, loads, small_desk, tmp_path):
    outcomes, calls = loads
    outcomes += [DataError("bars, row 7: close is negative: correct it")]
    message = "ingest failed for desk small-desk.toml: bars, row 7: close is negative: correct it"
    state = stages.ingest(str(small_desk), str(tmp_path), return_state=True)
    assert len(calls) == 1
    assert (state.is_failed(), state.message) == (True, message)
    with pytest.raises(StageError, match=f"^{message}$") as caught:
        state.result()
    assert caught.value.stage == "ingest"


def test_a_stage_inside_another_says_it_once(prefect, loads, small_desk, tmp_path):
    outcomes, _ = loads
    outcomes += [DataError("row 7: correct it")]
    before = artifacts()
    state = stages.features(str(small_desk), str(tmp_path), return_state=True)
    assert state.message == "ingest failed for desk small-desk.toml: row 7: correct it"
    (shown,) = artifacts() - before
    assert shown[1:] == ("what-failed", state.state_details.flow_run_id), "once, on the page that was opened"


def test_a_decision_that_fails_names_itself_and_what_to_do(prefect, finished, small_desk, tmp_path):
    said = "decide failed for desk small-desk.toml: "
    with pytest.raises(
        StageError, match=rf"^{said}desk small has no champion.* `hedge run {small_desk}` makes one$"
    ):
        daily_decision(str(small_desk), str(finished.datasets_copied(tmp_path / "new")))
    with pytest.raises(StageError, match=f"^{said}stale data: the newest"):
        daily_decision(str(small_desk), str(finished.copied(tmp_path / "run")))


def test_our_own_fault_stays_what_it_is_and_says_where_to_look(prefect, loads, small_desk, tmp_path):
    outcomes, _ = loads
    outcomes += [ZeroDivisionError("division by zero")]
    state = stages.ingest(str(small_desk), str(tmp_path), return_state=True)
    assert state.message.startswith(
        "ingest failed for desk small-desk.toml: ZeroDivisionError: division by zero; this is a fault of the"
    )
    with pytest.raises(ZeroDivisionError):
        state.result()
    outcomes += [ZeroDivisionError("division by zero")]
    around = stages.features(str(small_desk), str(tmp_path), return_state=True)
    assert around.message == state.message, "the stage around it does not claim the fault"


def test_a_stage_asks_for_what_it_needs_and_passes_keys(prefect, small_desk, tmp_path):
    key = stages.features(str(small_desk), str(tmp_path))
    store = datasets.store_of(str(tmp_path))
    meta = store.open(key).meta
    market = meta["inputs"]["bars"].removesuffix("/bars")
    assert store.keys() == sorted([key, market])
    assert meta["inputs"] == {"bars": f"{market}/bars", "implied_vol": f"{market}/implied_vol"}
    assert stages.features(str(small_desk), str(tmp_path), False, market) == key
    assert isinstance(store.open(key)["features"], pd.DataFrame)


def test_the_stopwatch_keeps_the_order_of_the_stages():
    watch = Stopwatch()
    for stage in ("ingest", "features"):
        with watch(stage):
            pass
    assert list(watch.seconds) == ["ingest", "features"]
    assert all(0 <= seconds < 1 for seconds in watch.seconds.values())


@pytest.fixture
def two_windows(monkeypatch):
    """Let the small desk be tested in two windows."""
    days = [date(2017, 1, 3), date(2017, 7, 3)]
    monkeypatch.setattr("pipeline.learning.windows.first_days", lambda _: days)
    return days


def test_a_run_trains_the_hedgers_that_its_desk_trains_window_by_window(
    prefect, finished, small_desk, tmp_path, two_windows
):
    """Each training is a dataset that is made once; its network is kept, and the newest registered."""
    home = finished.datasets_copied(tmp_path / "home")
    text = small_desk.read_text().replace('"whalley_wilmott"', '"network_band", "recurrent_band"')
    file = tmp_path / "learns.toml"
    plans = "".join(f"{each} = {{steps = 2, paths = 64}}\n" for each in ("network_band", "recurrent_band"))
    file.write_text(f"{text}\n[policies.train]\n{plans}")
    signals = finished.summary["dataset_keys"]["signals"]
    trained = stages.learn(str(file), str(home), False, signals)
    store = datasets.store_of(str(home))
    made = hedgers(store)
    assert list(trained["recurrent_band"]) == two_windows
    assert len(set(trained["recurrent_band"].values())) == 2
    assert len(made) == sum(map(len, trained.values()))
    told = {
        name: facts(home, trained["recurrent_band"][day]) for name, day in zip("ab", two_windows, strict=True)
    }
    assert [len(told[name]["history"]) for name in "ab"] == [2, 2]
    assert [told[name]["history"][-1][0] for name in "ab"] == [2, 1]
    assert [told[name]["goes_on"] for name in "ab"] == [False, True]
    assert [told[name]["seen_until"] for name in "ab"] == ["2016-12-30", "2017-06-30"]
    assert told["a"]["market"]["ratio"] != told["b"]["market"]["ratio"]
    assert stages.learn(str(file), str(home), False, signals) == trained
    assert hedgers(store) == made, "what has not changed is not trained again"
    client = connect(home / "mlruns")
    for policy, files in trained.items():
        assert network_version(client, f"small.{policy}", files[max(files)]) == "1"
        assert champion(client, f"small.{policy}") is None, "a stage crowns nobody"
    settings = stages.settings_of(str(file), str(home), "", False, (), trained)
    assert settings.policies.networks == trained


def hedgers(store):
    return [key for key in store.keys() if key.startswith("hedger-")]  # noqa: SIM118 - a store's


def facts(home, network):
    return Checkpoint.read(home / "data" / "networks" / network).facts


def test_a_run_that_was_killed_trains_only_the_windows_that_it_had_not(
    prefect, finished, small_desk, tmp_path, monkeypatch, two_windows
):
    home = finished.datasets_copied(tmp_path / "home")
    text = small_desk.read_text().replace('"whalley_wilmott"', '"recurrent_band"')
    file = tmp_path / "learns.toml"
    file.write_text(f"{text}\n[policies.train]\nrecurrent_band = {{steps = 2, paths = 64}}\n")
    signals = finished.summary["dataset_keys"]["signals"]
    learn, steps = NetworkTrainer.learn, []

    def counted(trainer, rate):
        steps.append(trainer.plan.steps)
        if steps == [2, 2, 1]:
            raise RuntimeError("killed")
        learn(trainer, rate)

    monkeypatch.setattr(NetworkTrainer, "learn", counted)
    with pytest.raises(RuntimeError, match="killed"):
        stages.learn(str(file), str(home), False, signals)
    stages.learn(str(file), str(home), False, signals)
    assert steps == [2, 2, 1, 1], "the first window was done"
