"""A chain by days: each day sees its own quotes, and one more day is one more day's work."""

import pandas as pd
import pytest

from pipeline.features.chain_matrix import QUOTED, chain_day, chain_matrix
from pipeline.features.option_expiries import with_implied_vols
from pipeline.features.option_surface import option_surface
from pipeline.ingest.calendar import sessions_between
from pipeline.ingest.chain_files import DAYS
from pipeline.ingest.dataset import Output
from pipeline.ingest.partitions import in_turn
from pipeline.ingest.store import DatasetStore
from tests.option_chain import chain

ALL = ("2019-05-01", "2019-05-02", "2019-05-03")


def quotes_of(day: str) -> Output:
    return {f"option_quotes/{day}": chain(day)}


def market(days: list, pieces) -> Output:
    made = pieces.partitions("quotes", quotes_of, "SPX", {day: {"day": day} for day in days})
    index = pd.DataFrame({"day": pd.to_datetime(days), "file": days, "key": [each.key for each in made]})
    index["again"] = [[]] * len(days)
    sessions = sessions_between(pd.Timestamp("2019-04-01"), pd.Timestamp("2019-05-03"))
    known = {"session": sessions, "event_time": sessions.tz_localize("UTC"), "close": 100.0}
    bars = pd.DataFrame(known).assign(known_time=lambda rows: rows["event_time"])
    return {DAYS: index, "bars": bars}


@pytest.fixture
def made():
    return []


@pytest.fixture
def matrix(tmp_path, made, monkeypatch):
    monkeypatch.setattr(
        "pipeline.features.chain_matrix.assemble", lambda **tables: {"features": tables["bars"]}
    )
    store = DatasetStore(
        tmp_path / "datasets", runner=lambda calls: (made.extend(call.key for call in calls), in_turn(calls))
    )

    def derive(days):
        sources = {
            "market": store.derive("market", market, inputs={}, parameters={"days": days}, pieces=True)
        }
        terms = {"underlying": "SPX"}
        return store.open(
            store.derive("features", chain_matrix, inputs=sources, parameters=terms, pieces=True)
        )

    return derive


def test_a_day_more_is_a_day_more_of_work_and_the_same_numbers(matrix, made):
    first = matrix(list(ALL[:2]))
    assert sorted(key.split("/")[2] for key in made if key.startswith("chain_day")) == list(ALL[:2])
    made.clear()
    second = matrix(list(ALL))
    assert [key.split("/")[2] for key in made if key.startswith("chain_day")] == [ALL[2]]
    pd.testing.assert_frame_equal(second["surface"].iloc[:2], first["surface"], check_exact=True)


def test_the_days_together_are_the_chain_as_a_whole(matrix):
    found = matrix(list(ALL))
    whole = pd.concat([chain(day) for day in ALL], ignore_index=True)
    pd.testing.assert_frame_equal(found["surface"], option_surface(whole), check_exact=True)
    quoted = [with_implied_vols(rows)[0][QUOTED] for _, rows in whole.groupby("event_time")]
    pd.testing.assert_frame_equal(found["quoted"], pd.concat(quoted, ignore_index=True), check_exact=True)


def test_quotes_of_another_underlying_are_left_out():
    other = chain(ALL[0]).assign(underlying="NDX")
    both = {"option_quotes": pd.concat([chain(ALL[0]), other], ignore_index=True)}
    alone = {"option_quotes": chain(ALL[0])}
    for table, rows in chain_day(ALL[0], alone, "SPX").items():
        pd.testing.assert_frame_equal(chain_day(ALL[0], both, "SPX")[table], rows, check_exact=True)
