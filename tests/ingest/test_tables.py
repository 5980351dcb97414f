import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import DataError
from pipeline.ingest.tables import checked


def bars():
    closes = pd.to_datetime(["2018-07-02 20:00", "2018-07-03 17:00", "2018-07-05 20:00"], utc=True).as_unit(
        "us"
    )
    return pd.DataFrame(
        {
            "session": closes.tz_localize(None).normalize(),
            "event_time": closes,
            "known_time": closes + pd.Timedelta(minutes=15),
            "open": [100.0, 101.0, 102.0],
            "high": [102.0, 103.0, 104.0],
            "low": [99.0, 100.0, 101.0],
            "close": [101.0, 102.0, 103.0],
            "volume": [1e9, 0.0, 2e9],
        }
    )


def implied_vol():
    quotes = bars()[["session", "event_time", "known_time"]]
    return quotes.assign(implied_vol=[0.15, 0.16, 0.17], tenor_days=30)


def with_cell(table, column, value, row=1):
    table = table.copy()
    table.loc[row, column] = value
    return table


def test_good_tables_pass_unchanged():
    for name, table in {"bars": bars(), "implied_vol": implied_vol()}.items():
        pd.testing.assert_frame_equal(checked(name, table), table)


def test_equal_prices_are_a_valid_bar():
    flat = bars().assign(open=100.0, high=100.0, low=100.0, close=100.0)
    pd.testing.assert_frame_equal(checked("bars", flat), flat)


DAY = pd.Timedelta(days=1)
FAULTS = {
    "price of zero": (
        lambda t: with_cell(t, "close", 0.0),
        r"close in row 1 \(2018-07-03\) is 0\.0: it must be",
    ),
    "infinite price": (
        lambda t: with_cell(t, "open", np.inf),
        r"open in row 1 \(2018-07-03\) is inf: it must be",
    ),
    "missing price": (lambda t: with_cell(t, "low", np.nan), r"low in row 1 \(2018-07-03\) is missing"),
    "negative volume": (lambda t: with_cell(t, "volume", -1.0), r"volume in row 1 .* is -1\.0: it must be"),
    "high below close": (lambda t: with_cell(t, "high", 101.9), r"row 1 \(2018-07-03\): high lies below"),
    "high below open": (lambda t: with_cell(t, "open", 103.1), r"row 1 \(2018-07-03\): high lies below"),
    "low above open": (lambda t: with_cell(t, "low", 101.1), r"row 1 \(2018-07-03\): low lies above"),
    "low above close": (lambda t: with_cell(t, "close", 99.9), r"row 1 \(2018-07-03\): low lies above"),
    "text for prices": (lambda t: t.assign(close="a"), r"close is of type str: convert it to float64"),
    "integer volume": (
        lambda t: t.astype({"volume": int}),
        r"volume is of type int64: convert it to float64",
    ),
    "naive event time": (
        lambda t: t.assign(event_time=t["event_time"].dt.tz_localize(None)),
        r"event_time is of type datetime64\[us\]: convert it to datetime64\[us, UTC\]",
    ),
    "session with a zone": (
        lambda t: t.assign(session=t["event_time"]),
        r"session is of type datetime64\[us, UTC\]: convert it to datetime64\[us\]",
    ),
    "unsorted": (lambda t: t.iloc[::-1], r"session in row 1 \(2018-07-03\) .* sort the rows"),
    "repeated session": (
        lambda t: t.iloc[[0, 1, 1, 2]],
        r"session in row 2 \(2018-07-03\) .* drop duplicates",
    ),
    "time in session": (
        lambda t: t.assign(session=t["session"] + pd.Timedelta(hours=1)),
        r"session in row 0 .* is not a midnight",
    ),
    "known too early": (
        lambda t: with_cell(t, "known_time", t.loc[1, "known_time"] - DAY),
        r"row 1 \(2018-07-03\): known_time lies before event_time",
    ),
    "missing column": (
        lambda t: t.drop(columns="volume"),
        r"columns are .*, close: deliver .*, close, volume",
    ),
    "extra column": (lambda t: t.assign(vwap=1.0), r"columns are .*, volume, vwap: deliver"),
    "no rows": (lambda t: t.iloc[:0], "no rows"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_one_line_that_names_table_column_and_row(fault):
    spoil, message = FAULTS[fault]
    with pytest.raises(DataError, match=rf"^bars: {message}") as caught:
        checked("bars", spoil(bars()))
    assert "\n" not in str(caught.value)


def test_volatility_in_points_is_refused_with_the_remedy():
    with pytest.raises(
        DataError, match=r"implied_vol in row 1 \(2018-07-03\) is 16\.1: .*divide index points"
    ):
        checked("implied_vol", with_cell(implied_vol(), "implied_vol", 16.1))


def test_tenor_must_be_positive():
    with pytest.raises(DataError, match=r"tenor_days in row 1 .* is 0: it must be above zero"):
        checked("implied_vol", with_cell(implied_vol(), "tenor_days", 0))
