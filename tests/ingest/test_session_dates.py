from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from pipeline.ingest import session_dates as kinds
from pipeline.ingest.session_dates import session_dates

NEW_YORK = ZoneInfo("America/New_York")


def read(*texts, written_in=None, formats=()):
    zone = ZoneInfo(written_in) if written_in else None
    sessions, reasons = session_dates(texts, NEW_YORK, zone, formats)
    assert [bool(reason) for reason in reasons] == np.isnat(sessions).tolist()
    return [reason or str(session) for session, reason in zip(sessions, reasons, strict=True)]


@pytest.mark.parametrize(
    ("text", "session"),
    [
        ("2018-07-03", "2018-07-03"),
        ("20180703", "2018-07-03"),
        ("20180703 00:00", "2018-07-03"),
        ("2018/07/03", "2018-07-03"),
        ("2018-07-03 16:00", "2018-07-03"),
        ("13.7.2018", "2018-07-13"),
        ("07/13/2018", "2018-07-13"),
        ("7/7/2018", "2018-07-07"),
        ("2018-07-03T20:00:00Z", "2018-07-03"),
        ("2018-07-04T02:30:00+02:00", "2018-07-03"),
        ("2018-07-03T23:30:00-0400", "2018-07-03"),
        ("2018-07-03T00:00:00Z", "2018-07-03"),
        ("2018-07-03 00:00:00+00:00", "2018-07-03"),
        ("7/3/18", kinds.TWO_DIGITS),
        ("7/3/2018", kinds.AMBIGUOUS),
        ("2018-02-30", kinds.UNREADABLE),
        ("2018-07-03 25:00", kinds.UNREADABLE),
        ("20180703000", kinds.UNREADABLE),
        ("soon", kinds.UNREADABLE),
        ("", kinds.UNREADABLE),
        ("1718-07-03", kinds.OUTSIDE),
        ("9999-12-31 23:00-10:00", kinds.OUTSIDE),
        ("0001-01-01 01:00+14:00", kinds.OUTSIDE),
    ],
)
def test_a_date_alone(text, session):
    assert read(text) == [session]


def test_one_date_that_tells_day_from_month_tells_it_for_all():
    assert read("03/07/2018", "25/07/2018") == ["2018-07-03", "2018-07-25"]
    assert read("03/07/2018", "07/25/2018") == ["2018-03-07", "2018-07-25"]


def test_where_dates_contradict_only_the_plain_ones_are_read():
    assert read("03/07/2018", "25/07/2018", "07/25/2018") == [kinds.AMBIGUOUS, "2018-07-25", "2018-07-25"]


def test_formats_mixed_in_one_file():
    assert read("2018-07-03", "07/25/2018", "20180726") == ["2018-07-03", "2018-07-25", "2018-07-26"]
    assert read("3-Jul-18", "2018-07-05", formats=("%d-%b-%y", "%Y-%m-%d")) == ["2018-07-03", "2018-07-05"]


def test_times_are_read_in_their_zone_and_turned_into_the_exchanges_date():
    assert read("2018-07-04 05:00", written_in="Asia/Tokyo") == ["2018-07-03"]
    assert read("2018-07-04 05:00") == ["2018-07-04"]


def test_mixed_zones_are_not_guessed():
    assert read("2018-07-03 20:00Z", "2018-07-05 20:00") == ["2018-07-03", kinds.NO_ZONE]
    assert read("2018-07-03 20:00Z", "2018-07-05 20:00", written_in="UTC") == ["2018-07-03", "2018-07-05"]
    assert read("2018-07-03 20:00Z", "2018-07-05") == ["2018-07-03", "2018-07-05"]


def test_a_format_that_is_none_reads_nothing():
    assert read("2018-07-03", formats=("%Q",)) == [kinds.UNREADABLE]


def test_daylight_saving_makes_no_error():
    twice = datetime(2018, 11, 4, 1, 30).isoformat()
    assert read(twice, "2018-03-11 02:30", written_in="America/New_York") == ["2018-11-04", "2018-03-11"]
