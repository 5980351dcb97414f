"""A desk's own records on its decisions, and its fills against the forecast."""

import re

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import DataError
from pipeline.domain.own_settings import OwnData
from pipeline.features.own import OWN_NAMES, own_fill_costs, own_values, priced_fills
from pipeline.features.own_prices import check_fill_fees
from pipeline.ingest.record_files import load_records, records_content

TIMES = pd.date_range("2020-01-02 21:15", periods=30, tz="UTC").as_unit("ns").asi8
MID = 100.0 + np.arange(30.0)
POSITIONS = "time,instrument,quantity,price\n2020-01-02T15:00:00Z,SPX,10,99\n2020-01-02T15:00:00Z,ES,7,99\n"
POSITIONS += "".join(f"2020-01-{day:02d}T15:00:00Z,SPX,{day},\n" for day in range(3, 25, 3))
LIMITS = "time,limit,instrument,value,unit\n2020-01-02T00:00:00Z,gross,SPX,20,units\n"
FILLS = """time,instrument,side,size,price,fee,mid
2020-01-03T15:00:00Z,SPX,buy,2,100.03,0.02,100.0
2020-01-04T15:00:00Z,ES,buy,9,50,0.02,
2020-01-20T15:00:00Z,SPX,sell,4,116.5,0.0,
"""


@pytest.fixture
def loaded(tmp_path):
    def run(positions=POSITIONS, others=("ES",)):
        for name, text in (("positions", positions), ("fills", FILLS), ("limits", LIMITS)):
            (tmp_path / f"{name}.csv").write_text(text)
        own = OwnData(
            instrument="SPX",
            others=others,
            limit_names={"gross": "position"},
            **{name: {"file": str(tmp_path / f"{name}.csv")} for name in ("positions", "fills", "limits")},
        )
        return own, load_records(own.given, records_content(own.given))

    return run


def values(own, tables, times=TIMES):
    return pd.DataFrame(own_values(tables, own, times, MID[: len(times)]))


def test_inventory_is_that_of_positions_and_fills(loaded):
    found = values(*loaded())
    assert list(found) == list(OWN_NAMES)
    assert found["own_inventory"].iloc[[0, 1, 4, 18, 29]].tolist() == [10.0, 3.0, 6.0, 14.0, 24.0]
    assert found["own_room_position"].iloc[0] == 0.5
    assert found["own_unrealised_pnl"].iloc[0] == 10.0 * (100.0 - 99.0)


def test_without_any_fill_the_account_is_that_of_its_positions(loaded):
    own, tables = loaded()
    tables["fills"] = tables["fills"].iloc[:0]
    without = values(own, {name: table for name, table in tables.items() if name != "fills"})
    pd.testing.assert_frame_equal(values(own, tables), without)
    ahead = np.full(len(TIMES), 5.0)
    assert priced_fills(tables["fills"], own, TIMES, MID, ahead).empty
    assert own_fill_costs(tables["fills"], own, TIMES, MID, ahead).keys()


@pytest.mark.parametrize("row", [0, 2, 11, 25])
def test_the_future_changes_nothing_that_was_known(loaded, row):
    own, tables = loaded()
    whole, now = values(own, tables).iloc[: row + 1], pd.Timestamp(TIMES[row], tz="UTC")
    late = {name: tables[name]["known_time"] > now for name in ("positions", "fills", "limits")}
    other = {
        "positions": tables["positions"].assign(
            quantity=tables["positions"]["quantity"].mask(late["positions"], -50.0)
        ),
        "fills": tables["fills"].assign(price=tables["fills"]["price"].mask(late["fills"], 60.0)),
        "limits": tables["limits"],
    }
    pd.testing.assert_frame_equal(values(own, other).iloc[: row + 1], whole, check_exact=True)
    cut = {name: tables[name][~late[name]] for name in late}
    if (cut["fills"]["instrument"] == "SPX").any():
        pd.testing.assert_frame_equal(values(own, cut, TIMES[: row + 1]), whole, check_exact=True)


def test_a_row_for_an_unknown_instrument_is_in_quarantine(loaded):
    _, tables = loaded(others=("ES", "NQ"), positions=POSITIONS + "2020-01-25T15:00:00Z,EZ,5,\n")
    held = tables["quarantine"]
    assert held["reason"].tolist() == ["unknown instrument EZ; did you mean ES?"]
    assert held["table"].tolist() == ["positions"]
    assert len(tables["positions"]) == 10


def test_fills_are_judged_by_their_mid_and_the_last_forecast(loaded):
    own, tables = loaded()
    ahead = np.linspace(1.0, 4.0, 30)
    priced = priced_fills(tables["fills"], own, TIMES, MID, ahead)
    assert len(priced) == 2
    np.testing.assert_allclose(priced["spread_bps"], [3.0, 1e4 * -(116.5 - 117.0) / 117.0])
    np.testing.assert_allclose(priced["fee_bps"], [1.0, 0.0])
    np.testing.assert_allclose(priced["forecast_bps"], [ahead[0], ahead[17]])
    np.testing.assert_allclose(priced["excess_bps"], priced["cost_bps"] - priced["forecast_bps"])
    found = own_fill_costs(tables["fills"], own, TIMES, MID, ahead)
    first = {name: column[1] for name, column in found.items()}
    np.testing.assert_allclose(list(first.values()), [4.0, 1.0, 3.0])


@pytest.mark.parametrize(
    ("row", "columns", "message"),
    [
        (
            0,
            {"price": 10003.0},
            r"1 of 2 of SPX are .*; the price of row 2 is 10003 where the market was at 100 ",
        ),
        (
            2,
            {"price": 1.165},
            r"price of row 4 is 1\.165 where the market was at 117 \(2020-01-20 15:00 UTC\)",
        ),
        (0, {"mid": 1.0}, r"the mid of row 2 is 1 where"),
    ],
)
def test_a_fill_far_from_the_market_is_one_clear_error(loaded, row, columns, message):
    own, tables = loaded()
    assert tables["fills"]["instrument"][1] == "ES"
    for name, value in columns.items():
        tables["fills"].loc[row, name] = value
    with pytest.raises(DataError, match=message):
        values(own, tables)
    tables["fills"]["known_time"] = pd.Timestamp("2020-03-01", tz="UTC").as_unit("ns")
    assert values(own, tables)["own_inventory"].iloc[0] == 10.0


def test_what_is_assumed_of_limits_is_told(loaded, tmp_path):
    own, tables = loaded()
    (note,) = tables["notes"]["note"]
    assert note.startswith("limits: in units; one in money is taken to be in the currency of the market's")
    assert "multiplier" not in note
    (tmp_path / "limits.csv").write_text(LIMITS.replace("units", "Contracts"))
    (note,) = load_records(own.given, records_content(own.given))["notes"]["note"]
    assert note.endswith("; a contract is data.own.multiplier units, 1 where that is not set")


def test_limits_of_the_whole_desk_bound_the_one_instrument_that_it_trades(loaded):
    own, tables = loaded()
    tables["limits"] = tables["limits"].assign(instrument="", value=30.0)
    alone = own.model_copy(update={"others": ()})
    assert values(alone, tables)["own_room_position"].iloc[0] == 1.0 - 10.0 / 30.0
    with pytest.raises(
        DataError, match=r"none of position|none of gross for SPX: .*whole desk, .*data\.own\.others"
    ):
        values(own, tables)


def test_contracts_are_worth_their_multiplier(loaded):
    """P&L, worth and limits in money are those of the same account in units; inventory is in contracts."""
    own, tables = loaded()
    assert own.multiplier == 1.0
    one = own.model_copy(update={"limit_names": {"net": "notional"}})
    contracts = one.model_copy(update={"multiplier": 50.0})
    tables["limits"] = tables["limits"].assign(name="net", unit="USD", value=1e5)
    units = dict(tables)
    units["fills"] = tables["fills"].assign(size=50.0 * tables["fills"]["size"])
    units["positions"] = tables["positions"].assign(quantity=50.0 * tables["positions"]["quantity"])
    found, wanted = values(contracts, tables), values(one, units)
    assert found["own_room_notional"].min() < 0.5
    np.testing.assert_allclose(50.0 * found.pop("own_inventory"), wanted.pop("own_inventory"))
    np.testing.assert_allclose(found, wanted, atol=1e-9)
    ahead = np.linspace(1.0, 4.0, 30)
    told, plain = (
        [pd.DataFrame(judge(t["fills"], o, TIMES, MID, ahead)) for judge in (priced_fills, own_fill_costs)]
        for t, o in ((tables, contracts), (units, one))
    )
    for each, other in zip(told, plain, strict=True):
        pd.testing.assert_frame_equal(each, other)


@pytest.mark.parametrize("fee", [1e12, -99_999.0, 60.0])
def test_a_fee_that_no_fill_costs_is_one_clear_error(loaded, fee):
    own, tables = loaded()
    values(own, tables)
    tables["fills"].loc[2, "fee"] = fee
    with pytest.raises(
        DataError, match=rf"1 of 2 of SPX have a fee .* over 5 %.* row 4, is {re.escape(f'{fee:g}')} for "
    ):
        values(own, tables)


def fills(sizes, fees, price=10.0):
    rows = np.arange(len(sizes)) + 2
    return pd.DataFrame({"instrument": "X", "price": price, "size": sizes, "fee": fees, "source_row": rows})


def test_the_least_charge_of_a_small_fill_is_no_fault():
    sizes = np.array([2.0, 1.0, 300.0, 5_000.0, 20.0])
    fees = np.maximum(1.0, 0.005 * sizes)
    check_fill_fees(fills(sizes, fees), "X")
    check_fill_fees(fills(sizes, 50 * fees), "X", 50.0)
    parts = np.array([1.0, 0.05, 0.2, 0.2])  # an order's first fill pays its least charge
    check_fill_fees(fills(np.array([2.0, 10.0, 40.0, 40.0]), parts), "X")


@pytest.mark.parametrize("factor", [100.0, 1e4, -100.0])
def test_fees_in_another_unit_are_an_error_in_all_rows_and_in_one(factor):
    sizes = np.array([200.0, 100.0, 300.0, 500.0, 80.0])
    fees = 0.001 * 10.0 * sizes
    with pytest.raises(DataError, match=r"5 of 5 of X have a fee .* over 5 %"):
        check_fill_fees(fills(sizes, factor * fees), "X")
    for row in range(5):
        with pytest.raises(DataError, match=rf"1 of 5 of X have .* of row {row + 2}, is"):
            check_fill_fees(fills(sizes, np.where(np.arange(5) == row, factor, 1.0) * fees), "X")


def test_own_records_need_the_name_of_the_instrument(tmp_path):
    with pytest.raises(ValueError, match="name the instrument of the market data"):
        OwnData(fills={"file": "f.csv"})
    with pytest.raises(ValueError, match="give positions or fills too"):
        OwnData(instrument="SPX", limits={"file": "f.csv"})
