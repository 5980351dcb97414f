import pandas as pd
import pytest

from flows import stages
from flows.progress import Stopwatch
from pipeline.domain.errors import DataError

pytestmark = pytest.mark.slow


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

    def derive(name, build, home, force, inputs, parameters):
        return str(load_tables(parameters["data"]))

    monkeypatch.setattr(stages, "_derive", derive)
    return outcomes, calls


def test_reading_is_tried_again(prefect, loads, small_desk, tmp_path):
    outcomes, calls = loads
    outcomes += [OSError("lost the disk"), "market-1"]
    assert stages.ingest(str(small_desk), str(tmp_path)) == "market-1"
    assert len(calls) == 2


def test_bad_data_is_not_tried_again_and_raised_as_it_is(prefect, loads, small_desk, tmp_path):
    outcomes, calls = loads
    outcomes += [DataError("bars, row 7: close is negative")]
    with pytest.raises(DataError, match="row 7"):
        stages.ingest(str(small_desk), str(tmp_path))
    assert len(calls) == 1


def test_a_stage_asks_for_what_it_needs_and_passes_keys(prefect, small_desk, tmp_path):
    key = stages.features(str(small_desk), str(tmp_path))
    store = stages.store_of(str(tmp_path))
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
