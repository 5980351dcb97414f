"""A small run with news sentiment among the inputs of the trees and of the detector."""

from pathlib import Path

import pytest

from flows.works import works_of
from pipeline.backtest.desk_check import checked_desk
from pipeline.domain.errors import SettingsError
from pipeline.ingest.store import DatasetStore
from tests import records

FURTHER = ("news_sentiment_surprise", "news_sentiment_momentum_30d")
SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "sentiment"


def desk_with(small_desk, folder, entry=records.ENTRY):
    text = small_desk.read_text()
    data, forecasts = entry.split("[forecasts]\n")
    path = folder / "desk.toml"
    path.write_text(text.replace("[forecasts]\n", "[forecasts]\n" + forecasts.strip() + "\n") + data)
    return str(path)


def run(desk, folder, stages=("market", "matrix", "signals")):
    """Derive market, features and signals; return the store and their keys."""
    settings, store = checked_desk(desk), DatasetStore(folder / "store")
    works, keys = works_of(settings), []
    for stage in stages:
        work = getattr(works, stage)(settings, *keys)
        key = store.derive(
            work.name, work.build, inputs=work.inputs, parameters=work.parameters, pieces=work.pieces
        )
        keys.append(key)
    return store, keys


def checked_importance(store, signals):
    table = store.open(signals)["importance"].set_index(["target", "input"])
    for target in ("variance", "illiquidity", "spike", "gap"):
        for name in FURTHER:
            assert (target, name) in table.index
    moved = table.loc[[("variance", name) for name in FURTHER], "trees"]
    scores = store.open(signals)["scores"]
    assert set(scores.loc[scores["model"] == "lightgbm_no_further", "target"]) == {"variance", "illiquidity"}
    return moved


@pytest.mark.slow
def test_a_desk_with_news_sentiment_learns_from_it_and_knows_its_file_by_its_content(small_desk, tmp_path):
    path = records.sentiment_workbook(tmp_path / "news_sentiment.xlsx")
    desk = desk_with(small_desk, tmp_path)
    store, keys = run(desk, tmp_path)
    assert (checked_importance(store, keys[2]) >= 0.0).all()
    read = ("market", "matrix")
    assert run(desk, tmp_path, read)[1] == keys[:2]
    records.sentiment_workbook(path, seed=8)
    changed = run(desk, tmp_path, read)[1]
    assert all(new != old for new, old in zip(changed, keys[:2], strict=True))


@pytest.mark.slow
def test_real_news_sentiment_with_its_two_vintages(small_desk, tmp_path):
    if not SHARED.is_dir():
        pytest.skip("the shared market data is not on this machine")
    entry = f"""
[data.alternative]
news_sentiment = [
    {{ file = "{SHARED}/news_sentiment_2025-03.xlsx", terms = {{ published_lag_days = 7 }} }},
    {{ file = "{SHARED}/news_sentiment_2025-10.xlsx", terms = {{ day = 2025-10-31 }} }},
]
[forecasts]
further = ["news_sentiment_surprise", "news_sentiment_momentum_30d"]
"""
    store, keys = run(desk_with(small_desk, tmp_path, entry), tmp_path)
    assert (checked_importance(store, keys[2]) > 0.0).any()
    notes = " ".join(store.open(keys[0])["notes"]["note"])
    assert "pseudo-vintage" in notes
    assert "the later one revises" in notes


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('[forecasts]\nfurther = ["news_sentiment_surprise"]\n',
         r"forecasts\.further names news_sentiment_surprise, which needs the news_sentiment: "
         r"set data\.alternative\.news_sentiment"),
        ('[forecasts]\nfurther = ["news_sentiment_suprise"]\n',
         r"forecasts\.further names the unknown feature news_sentiment_suprise; did you mean news_sentiment"),
    ],
)  # fmt: skip
def test_a_feature_without_its_file_is_named(small_desk, tmp_path, entry, message):
    with pytest.raises(SettingsError, match=message):
        checked_desk(desk_with(small_desk, tmp_path, entry))


OWN = """
[data.own]
instrument = "SPX"
[data.own.fills]
file = "fills.csv"
[data.own.positions]
file = "positions.csv"
"""


@pytest.mark.slow
def test_a_desk_with_own_records_sees_its_account_at_each_decision(small_desk, tmp_path):
    head = "time,instrument,side,size,price,fee\n"
    (tmp_path / "fills.csv").write_text(head + "2016-03-01T15:00:00Z,SPX,buy,3,1950,1.5\n")
    rows = "".join(f"2016-02-{day:02d}T15:00:00Z,SPX,{day},1900\n" for day in range(1, 21))
    text = "time,instrument,quantity,price\n" + rows + "2016-02-22T15:00:00Z,SPZ,7,\n"
    (tmp_path / "positions.csv").write_text(text)
    desk = tmp_path / "desk.toml"
    desk.write_text(
        small_desk.read_text().replace("[regimes]", '[regimes]\nfeatures = ["own_inventory"]') + OWN
    )
    store, (market, matrix) = run(str(desk), tmp_path, ("market", "matrix"))
    held = store.open(market)["quarantine"]
    assert held["reason"].tolist() == ["unknown instrument SPZ; did you mean SPX?"]
    rows = store.open(matrix)["features"].set_index("session")
    days = ["2016-01-29", "2016-02-19", "2016-02-29", "2016-03-01"]
    assert rows.loc[days, "own_inventory"].tolist() == [0.0, 19.0, 20.0, 23.0]
    (tmp_path / "bare.toml").write_text(desk.read_text().replace(OWN, ""))
    with pytest.raises(
        SettingsError, match=r"own_inventory, which needs the own records: set data\.own\.positions"
    ):
        checked_desk(str(tmp_path / "bare.toml"))
