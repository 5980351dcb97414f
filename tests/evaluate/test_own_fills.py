import numpy as np
import pandas as pd
import pytest

from pipeline.domain.desk import Desk
from pipeline.evaluate.own_fills import OWN_FILLS, daily_fills, own_fill_table, own_fills_sheet

DESK = Desk(
    name="x",
    policies={"run": ()},
    costs={"fee_bps": 1.0, "half_spread_bps": 2.0},
    data={"own": {"instrument": "SPX", "fills": {"file": "fills.csv"}}},
)


def test_own_fills_stand_by_year_against_the_close_and_the_forecast_of_their_session():
    known = pd.date_range("2019-12-30 21:15", periods=4, tz="UTC").as_unit("ns")
    signals = pd.DataFrame(
        {
            "known_time": known,
            "close": [50.0, 100.0, 100.0, 100.0],
            "illiquidity_forecast": [1.0, 1.5, 2.0, 2.0],
        }
    )
    times = pd.DatetimeIndex(
        ["2019-12-29", "2019-12-31 15:00", "2020-01-01 15:00", "2020-01-02 15:00"], tz="UTC"
    )
    fills = pd.DataFrame(
        {
            "known_time": times,
            "instrument": "SPX",
            "side": [1, 1, -1, 1],
            "size": [1.0, 1.0, 1.0, 3.0],
            "price": [100.0, 100.05, 99.9, 100.02],
            "fee": 0.0,
            "mid": np.nan,
        }
    )
    tables = {"signals": signals, OWN_FILLS: fills}
    table = own_fill_table(daily_fills(DESK, tables)).set_index("period")
    assert table["fills"].to_dict() == {"2019": 1, "2020": 2, "all": 3}
    np.testing.assert_allclose(table.loc["2019", ["cost_bps", "forecast_bps", "excess_bps"]], [5.0, 3.0, 2.0])
    np.testing.assert_allclose(table.loc["2020", "cost_bps"], (10.0 + 3 * 2.0) / 4)
    np.testing.assert_allclose(table.loc["2020", "forecast_bps"], (4.0 + 3 * 5.0) / 4)
    assert table.loc["2020", "dearer"] == 0.5
    none = own_fill_table(daily_fills(DESK, tables | {OWN_FILLS: fills.iloc[:1]}))
    assert none["fills"].tolist() == [0]
    sheet = own_fills_sheet(daily_fills(DESK, tables))
    assert [row[0].text for row in sheet.rows] == ["2019", "2020", "all"]
    assert sheet.rows[0][7].text == "+2.00"
    assert own_fills_sheet(daily_fills(DESK, {"signals": signals})) is None


@pytest.mark.parametrize(
    ("time", "cost"),
    [
        ("2019-12-31 09:00", 10.0),
        ("2019-12-31 16:30", 10.0),  # after the close
        ("2020-01-01 00:00", 10.0),  # the date alone
        ("2020-01-01 00:01", -190.0),
    ],
)
def test_a_fill_is_of_the_session_of_its_day_on_the_exchange(time, cost):
    known = pd.DatetimeIndex(["2019-12-30 16:15", "2019-12-31 16:15", "2020-01-02 16:15"])
    known = known.tz_localize("America/New_York").tz_convert("UTC").as_unit("ns")
    close = [50.0, 100.0, 100.1 / 0.981]
    signals = pd.DataFrame({"known_time": known, "close": close, "illiquidity_forecast": 1.0})
    at = pd.DatetimeIndex([time], tz="America/New_York").tz_convert("UTC")
    row = {"instrument": "SPX", "side": 1, "size": 1.0, "price": 100.1, "fee": 0.0, "mid": np.nan}
    fills = pd.DataFrame([row]).assign(known_time=at)
    made = daily_fills(DESK, {"signals": signals, OWN_FILLS: fills})
    assert own_fill_table(made)["cost_bps"].iloc[-1] == pytest.approx(cost)
