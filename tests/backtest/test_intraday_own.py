"""A desk within the day with its own positions, fills and limits: as known at each decision."""

import numpy as np
import pandas as pd
import pytest

from flows.works import works_of
from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import DataError
from pipeline.evaluate.own_fills import OWN_FILLS, fills_within_day, own_fill_table
from pipeline.features.decision_grid import decision_features
from pipeline.features.own import OWN_NAMES
from pipeline.ingest.market_days import content_of, load_days
from pipeline.ingest.pieces import InMemory
from pipeline.ingest.record_files import records_content
from tests.market_ticks import DESK, write_market

TABLES = ("positions", "fills", "limits")
POSITIONS = """time,instrument,quantity,price
2020-03-02T15:10:00Z,XYZ,1000,20.0
2020-03-05T15:10:00Z,XYZ,-300,
"""
LIMITS = "time,limit,instrument,value,unit\n2020-03-02T00:00:00Z,position,XYZ,4000,units\n"
FILLS = """time,instrument,side,size,price,fee,mid
2020-03-03T15:10:00.5Z,XYZ,buy,500,20.03,0.02,20.02
2020-03-03T15:10:30Z,XYZ,sell,1500,20.01,0.02,20.02
2020-03-05T16:00:10Z,ABC,sell,900,20.01,0.02,
2020-03-05T16:00:10Z,XYZ,sell,200,20.01,0.02,20.02
"""
ENTRIES = """
[data.own]
instrument = "XYZ"
others = ["ABC"]
positions = { file = "positions.csv" }
fills = { file = "own_fills.csv", format = "fills" }
limits = { file = "limits.csv" }
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = write_market(tmp_path_factory.mktemp("ticks"))
    for name, text in (("positions", POSITIONS), ("own_fills", FILLS), ("limits", LIMITS)):
        (folder / f"{name}.csv").write_text(text)
    path = tmp_path_factory.mktemp("desk") / "desk.toml"
    text = DESK.replace("[data]", f'[data]\nfolder = "{folder}"')
    text = text.replace("every_seconds = 30", "every_events = 40")
    path.write_text(text + ENTRIES)
    return load_any(str(path))


@pytest.fixture(scope="module")
def made(desk):
    pieces = InMemory()
    market = load_days(
        desk.data, desk.grid.zone, content_of(desk.data), pieces, records_content(desk.data.records)
    )
    return pieces, market, decision_features(desk, market, pieces)["features"]


def test_the_grid_has_inventory_pnl_and_room_as_they_were_known(desk, made):
    _, market, grid = made
    assert set(OWN_NAMES) <= set(grid)
    steps = ["03-02 15:10:00", "03-03 15:10:00.5", "03-03 15:10:30", "03-05 15:10:00", "03-05 16:00:10"]
    held = [1000.0, 1500.0, 0.0, -300.0, -500.0]
    place = (
        pd.DatetimeIndex([pd.Timestamp(f"2020-{step}", tz="UTC") for step in steps]).searchsorted(
            grid["time"], "right"
        )
        - 1
    )
    expected = np.where(place < 0, np.nan, np.array(held)[place.clip(0)])
    np.testing.assert_array_equal(grid["own_inventory"].fillna(0.0), np.nan_to_num(expected))
    assert set(place) >= {0, 2, 3, 4}
    np.testing.assert_allclose(
        grid["own_room_position"], 1.0 - np.abs(grid["own_inventory"].fillna(0.0)) / 4000.0
    )
    first = grid[place == 0]
    np.testing.assert_allclose(first["own_unrealised_pnl"], 1000.0 * (first["mid"] - 20.0), atol=1e-9)
    assert market["intake"]["table"].tolist() == list(TABLES)
    assert works_of(desk).market(desk).parameters["records"].keys() == {f"{name}/0" for name in TABLES}


@pytest.mark.parametrize("row", [20, 60, 105])
def test_the_future_changes_nothing_that_was_known(desk, made, row):
    pieces, market, grid = made
    now = grid["time"].iloc[row]
    tables = {name: market[name] for name in TABLES}
    late = {name: table["known_time"] > now for name, table in tables.items()}
    assert late["fills"].any()
    scrambled = {
        "positions": tables["positions"].assign(
            quantity=tables["positions"]["quantity"].mask(late["positions"], 7.0)
        ),
        "fills": tables["fills"].assign(size=tables["fills"]["size"].mask(late["fills"], 7.0)),
    }
    cut = {name: table[~late[name]] for name, table in tables.items() if (~late[name]).any()}
    for changed in (scrambled, cut):
        other = decision_features(desk, {**market, **changed}, pieces)["features"]
        names = list(OWN_NAMES)
        pd.testing.assert_frame_equal(
            other[names].iloc[: row + 1], grid[names].iloc[: row + 1], check_exact=True
        )


def test_own_fills_stand_by_day_against_the_forecast_of_their_decision(desk, made):
    _, market, grid = made
    signals = grid[["time", "day", "mid"]].assign(cost_forecast=2e-4)
    signals = signals[signals["day"] > "2020-03-03"]
    tables = {"signals": signals, OWN_FILLS: market["fills"]}
    table = own_fill_table(fills_within_day(desk, tables)).set_index("period")
    assert table["fills"].to_dict() == {"2020-03-05": 1, "all": 1}
    cost = 1e4 * (0.01 / 20.02 + 0.02 / (200 * 20.02))
    np.testing.assert_allclose(table.loc["all", "cost_bps"], cost)
    np.testing.assert_allclose(table.loc["all", "forecast_bps"], desk.costs.fee_bps + 2.0)
    assert fills_within_day(desk, {"signals": signals}) is None


def test_records_of_another_instrument_are_one_clear_error(desk, made):
    pieces, market, _ = made
    positions = market["positions"].assign(instrument="ABC")
    with pytest.raises(DataError, match="positions: none of XYZ: there are ABC"):
        decision_features(desk, {**market, "positions": positions}, pieces)
