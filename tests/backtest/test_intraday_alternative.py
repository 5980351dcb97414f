"""A desk within the day with alternative data: as known at each decision, and seen by the trees."""

import pandas as pd
import pytest

from flows.works import works_of
from pipeline.backtest.intraday_signals import learn_intraday
from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import DataError
from pipeline.features.alternative import alternative_names
from pipeline.features.decision_grid import decision_features
from pipeline.ingest.market_days import content_of, load_days
from pipeline.ingest.pieces import InMemory
from pipeline.ingest.record_files import records_content
from tests import records
from tests.market_ticks import DESK, write_market

pytestmark = pytest.mark.slow
KINDS = ("news_sentiment", "headlines")
FURTHER = ("news_sentiment_surprise", "headline_intensity_6h")
ENTRIES = """
[data.alternative.news_sentiment]
file = "sentiment.xlsx"
format = "news_sentiment"
terms = { published_lag_days = 1 }
[data.alternative.headlines]
file = "headlines.csv"
terms = { known_lag_seconds = 30 }
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = write_market(tmp_path_factory.mktemp("ticks"))
    records.sentiment_workbook(folder / "sentiment.xlsx", "2019-11-01", "2020-03-05")
    records.headlines_file(folder / "headlines.csv", "2020-01-06T15:10:00", 60)
    path = tmp_path_factory.mktemp("desk") / "desk.toml"
    text = DESK.replace("[data]", f'[data]\nfolder = "{folder}"')
    named = ", ".join(f'"{name}"' for name in FURTHER)
    path.write_text(text.replace("[forecasts]", f"[forecasts]\nfurther = [{named}]") + ENTRIES)
    return load_any(str(path))


@pytest.fixture(scope="module")
def made(desk):
    pieces = InMemory()
    known = records_content(desk.data.records)
    market = load_days(desk.data, desk.grid.zone, content_of(desk.data), pieces, known)
    return pieces, market, decision_features(desk, market, pieces)


def test_the_grid_has_what_was_known_at_each_decision(desk, made):
    _, market, features = made
    grid = features["features"]
    names = alternative_names(KINDS)
    assert list(grid.columns[-len(names) :]) == list(names)
    rows = market["alternative"].set_index("known_time")["value"]
    for place in (0, 400, len(grid) - 1):
        assert grid["news_sentiment_level"].iloc[place] == rows[: grid["time"].iloc[place]].iloc[-1]
    assert grid["headline_intensity_6h"].gt(0.0).all()
    assert market["intake"]["table"].tolist() == list(KINDS)
    assert works_of(desk).market(desk).parameters["records"].keys() == {"news_sentiment/0", "headlines/0"}


@pytest.mark.parametrize("row", [350, 700])
def test_the_future_changes_nothing_that_was_known(desk, made, row):
    pieces, market, features = made
    grid = features["features"].iloc[: row + 1]
    now, names = grid["time"].iloc[-1], list(alternative_names(KINDS))
    tables = {name: market[name] for name in ("alternative", "headlines")}
    for table in tables.values():
        assert (table["known_time"] > now).any()
    scrambled = {
        "alternative": tables["alternative"].assign(
            value=tables["alternative"]["value"].where(tables["alternative"]["known_time"] <= now, 3.0)
        ),
        "headlines": tables["headlines"].assign(
            text=tables["headlines"]["text"].where(tables["headlines"]["known_time"] <= now, "other words")
        ),
    }
    cut = {name: table[table["known_time"] <= now] for name, table in tables.items()}
    for changed in (scrambled, cut):
        other = decision_features(desk, {**market, **changed}, pieces)["features"]
        pd.testing.assert_frame_equal(other[names].iloc[: row + 1], grid[names], check_exact=True)


def test_the_trees_see_them_and_stand_beside_those_that_do_not(desk, made):
    pieces, _, features = made
    signals = learn_intraday(desk, features, pieces)
    importance = signals["importance"].set_index(["target", "input"])
    for target in ("variance", "half_spread", "depth", "crossing_cost"):
        assert {(target, name) for name in FURTHER} <= set(importance.index)
    less = signals["scores"].query("model == 'lightgbm_no_further'")
    assert set(less["target"]) == {"variance", "half_spread", "depth", "crossing_cost"}


def test_a_further_input_that_is_not_on_the_grid_is_named(desk, made):
    forecasts = desk.forecasts.model_copy(update={"further": ("network_fees_day",)})
    other = desk.model_copy(update={"forecasts": forecasts})
    with pytest.raises(DataError, match=r"forecasts\.further names network_fees_day, which is not on"):
        learn_intraday(other, made[2], made[0])
