import numpy as np
import pandas as pd
import pytest
from arch.data import sp500, vix

from pipeline.domain.data_settings import SampleData
from pipeline.domain.errors import DataError
from pipeline.ingest.calendar import sessions_between
from pipeline.ingest.sample import bars, implied_vol
from pipeline.ingest.sources import load_tables


@pytest.fixture(scope="module")
def tables():
    return load_tables(SampleData())


def test_bars_cover_every_session_of_twenty_years(tables):
    sessions = tables["bars"]["session"]
    assert len(sessions) == 5031
    assert (str(sessions.iloc[0].date()), str(sessions.iloc[-1].date())) == ("1999-01-04", "2018-12-31")
    assert pd.DatetimeIndex(sessions).equals(sessions_between(sessions.iloc[0], sessions.iloc[-1]))


def test_bars_hold_the_source_numbers(tables):
    source = sp500.load()
    for column in ("Open", "High", "Low", "Close", "Volume"):
        np.testing.assert_array_equal(tables["bars"][column.lower()], source[column])


def test_implied_vol_is_the_index_in_decimals_on_sessions_only(tables):
    table, source = tables["implied_vol"], vix.load()["vix"]
    assert source.isna().sum() == 46
    assert len(table) == len(source) - 46
    np.testing.assert_allclose(100.0 * table["implied_vol"], source.dropna(), rtol=1e-15)
    assert (table["tenor_days"] == 30).all()


def test_everything_is_known_a_quarter_of_an_hour_after_the_close(tables):
    for table in tables.values():
        assert (table["known_time"] - table["event_time"] == pd.Timedelta(minutes=15)).all()
    half_day = tables["implied_vol"].set_index("session").loc["2018-07-03"]
    assert half_day["known_time"] == pd.Timestamp("2018-07-03 17:15", tz="UTC")


def test_an_empty_day_of_the_index_that_is_a_session_is_an_error():
    source = vix.load()
    source.loc["2016-03-01"] = np.nan
    with pytest.raises(DataError, match="implied_vol: no value for 2016-03-01, a session of XNYS"):
        implied_vol(source)


def test_an_index_value_on_a_holiday_is_an_error():
    source = vix.load()
    source.loc["2016-07-04"] = 15.0
    with pytest.raises(DataError, match="implied_vol: a value for 2016-07-04, no session"):
        implied_vol(source)


def test_a_session_without_a_bar_is_an_error():
    with pytest.raises(DataError, match="bars: no value for 2008-09-15"):
        bars(sp500.load().drop(pd.Timestamp("2008-09-15")))
