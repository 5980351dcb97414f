import pandas as pd
import pytest

from pipeline.domain.errors import DataError
from pipeline.ingest.calendar import check_complete, session_closes, sessions_between


@pytest.mark.parametrize(
    ("session", "close"),
    [
        ("2018-07-02", "2018-07-02 20:00"),  # summer time
        ("2018-12-31", "2018-12-31 21:00"),  # winter time
        ("2018-07-03", "2018-07-03 17:00"),  # half day before Independence Day
        ("2018-11-23", "2018-11-23 18:00"),  # half day after Thanksgiving
    ],
)
def test_close_in_utc_follows_daylight_saving_and_half_days(session, close):
    assert session_closes(pd.DatetimeIndex([session]))[0] == pd.Timestamp(close, tz="UTC")


def test_closes_keep_the_order_of_the_sessions_asked_for():
    later, earlier = session_closes(pd.DatetimeIndex(["2018-12-31", "2018-07-02"]))
    assert later > earlier


def test_no_sessions_no_closes():
    assert session_closes(pd.DatetimeIndex([])).empty


def test_special_closures_are_no_sessions():
    september = sessions_between(pd.Timestamp("2001-09-10"), pd.Timestamp("2001-09-17"))
    assert september.strftime("%d").tolist() == ["10", "17"]
    mourning = sessions_between(pd.Timestamp("2018-12-05"), pd.Timestamp("2018-12-06"))
    assert mourning.strftime("%d").tolist() == ["06"]


def test_units_are_microseconds_without_zone_for_sessions_and_in_utc_for_closes():
    sessions = sessions_between(pd.Timestamp("2018-07-02"), pd.Timestamp("2018-07-06"))
    assert str(sessions.dtype) == "datetime64[us]"
    assert str(session_closes(sessions).dtype) == "datetime64[us, UTC]"


def test_a_holiday_has_no_close():
    with pytest.raises(DataError, match="2018-07-04 is not a session of XNYS"):
        session_closes(pd.DatetimeIndex(["2018-07-03", "2018-07-04"]))


def test_the_paper_crisis_of_1968_has_no_wednesdays():
    sessions = sessions_between(pd.Timestamp("1968-07-08"), pd.Timestamp("1968-07-19"))
    assert sessions.day_name().tolist() == ["Monday", "Tuesday", "Thursday", "Friday"] * 2


def test_a_calendar_that_begins_later_says_what_to_do():
    with pytest.raises(
        DataError, match=r"XTKS: sessions from 1990-01-04 .* another data\.calendar"
    ) as caught:
        sessions_between(pd.Timestamp("1990-01-04"), pd.Timestamp("2000-01-05"), "XTKS")
    assert "\n" not in str(caught.value)


def test_a_span_before_the_calendar_is_refused():
    with pytest.raises(DataError, match=r"1920-01-02 lies before 1927-01-01.*cut the rows before it"):
        sessions_between(pd.Timestamp("1920-01-02"), pd.Timestamp("1920-01-05"))


def test_a_missing_session_and_a_row_on_a_holiday_are_named():
    with pytest.raises(DataError, match="bars: no value for 2018-07-03, a session"):
        check_complete(pd.DatetimeIndex(["2018-07-02", "2018-07-05"]), "bars")
    with pytest.raises(DataError, match="bars: a value for 2018-07-04, no session"):
        check_complete(pd.DatetimeIndex(["2018-07-03", "2018-07-04", "2018-07-05"]), "bars")
    with pytest.raises(DataError, match="bars: no rows"):
        check_complete(pd.DatetimeIndex([]), "bars")
