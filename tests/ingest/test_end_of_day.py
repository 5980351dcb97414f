import numpy as np

from pipeline.ingest.end_of_day import end_of_day


def test_quotes_are_known_a_quarter_of_an_hour_and_the_lag_after_the_close():
    found = end_of_day(np.array(["2019-01-03", "2019-07-05"], "datetime64[D]"), 60.0)
    assert found.event_time.astype("datetime64[m]").astype(str).tolist() == [
        "2019-01-03T21:00",
        "2019-07-05T20:00",
    ]
    assert ((found.known_time - found.event_time) == np.timedelta64(16, "m")).all()


def test_a_day_without_a_session_has_no_time():
    days = np.array(["2019-05-27", "2019-07-06", "1066-10-14", "NaT"], "datetime64[D]")
    assert not end_of_day(days).sound.any()
