import pandas as pd
import pytest
from prefect.client.orchestration import get_client

from flows import datasets, stages
from flows.progress import Stopwatch
from pipeline.domain.errors import DataError, StageError
from pipeline.tracking.database import connect
from pipeline.tracking.registry import champion

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


def test_a_run_trains_the_hedgers_that_its_desk_trains(prefect, finished, small_desk, tmp_path):
    """The training is a dataset: it is made once, kept among the networks, and registered."""
    home = finished.datasets_copied(tmp_path / "home")
    text = small_desk.read_text().replace('"whalley_wilmott"', '"network_band", "recurrent_band"')
    file = tmp_path / "learns.toml"
    plans = "".join(f"{each} = {{steps = 1, paths = 64}}\n" for each in ("network_band", "recurrent_band"))
    file.write_text(f"{text}\n[policies.train]\n{plans}")
    signals = finished.summary["dataset_keys"]["signals"]
    trained = stages.learn(str(file), str(home), False, signals)
    store = datasets.store_of(str(home))
    made = [key for key in store.keys() if key.startswith("hedger-")]  # noqa: SIM118 - a store's
    told = [store.open(key).meta["parameters"] for key in made]
    market = {each["policy"]: each["market"] for each in told}
    low, high = market["network_band"]["volatility"]
    assert 0.02 < low < high < 2.0
    assert market["recurrent_band"]["ratio"] != market["network_band"]["ratio"]  # the desk's own
    assert stages.learn(str(file), str(home), False, signals) == trained
    for policy in ("network_band", "recurrent_band"):
        assert champion(connect(home / "mlruns"), f"small.{policy}").version == 1
    settings = stages.settings_of(str(file), str(home), "", False, (), trained)
    assert settings.policies.networks == trained
