import numpy as np
import pandas as pd
import pytest

from pipeline.ingest.as_of import as_of

HOUR = pd.Timedelta(hours=1)


def table(events, delays_hours, values):
    event_time = pd.to_datetime(events, utc=True)
    known_time = event_time + pd.to_timedelta(delays_hours, unit="h")
    return pd.DataFrame({"event_time": event_time, "known_time": known_time, "value": values})


def plain(times, frame):
    """The definition, row by row."""
    rows = []
    for time in times:
        seen = frame[frame["known_time"] <= time]
        newest = seen[seen["event_time"] == seen["event_time"].max()]
        rows.append(newest.sort_values("known_time")["value"].iloc[-1] if len(newest) else np.nan)
    return rows


def test_known_at_the_very_instant_counts_and_an_instant_before_does_not():
    frame = table(["2018-01-02"], [1], [5.0])
    times = pd.DatetimeIndex(frame["known_time"])
    assert as_of(times, frame, ["value"])["value"].tolist() == [5.0]
    assert np.isnan(as_of(times - pd.Timedelta(microseconds=1), frame, ["value"])["value"].iloc[0])


def test_a_revision_is_seen_from_its_publication_on():
    frame = table(["2018-01-02", "2018-01-02"], [1, 48], [5.0, 6.0])
    times = pd.to_datetime(["2018-01-03", "2018-01-05"], utc=True)
    assert as_of(times, frame, ["value"])["value"].tolist() == [5.0, 6.0]


def test_a_late_revision_of_an_old_event_does_not_hide_the_newest():
    frame = table(["2018-01-02", "2018-01-03", "2018-01-02"], [1, 1, 72], [5.0, 7.0, 6.0])
    assert as_of(pd.to_datetime(["2018-01-06"], utc=True), frame, ["value"])["value"].tolist() == [7.0]


def test_stale_rows_are_missing_where_an_age_is_given():
    frame = table(["2018-01-02"], [0], [5.0])
    times = pd.to_datetime(["2018-01-02 12:00", "2018-01-02 12:01"], utc=True)
    known = as_of(times, frame, ["value"], max_age=12 * HOUR)["value"]
    assert known.iloc[0] == 5.0
    assert np.isnan(known.iloc[1])


def test_order_and_index_of_the_times_are_kept():
    frame = table(["2018-01-02", "2018-01-03"], [0, 0], [1.0, 2.0])
    times = pd.Series(pd.to_datetime(["2018-01-04", "2018-01-02"], utc=True), index=["b", "a"])
    assert as_of(times, frame, ["value"])["value"].to_dict() == {"b": 2.0, "a": 1.0}


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_time_units_may_differ(unit):
    frame = table(["2018-01-02"], [0], [1.0])
    times = pd.DatetimeIndex(frame["known_time"]).as_unit(unit)
    assert as_of(times, frame, ["value"])["value"].tolist() == [1.0]


def test_equals_the_definition_on_random_revisions():
    rng = np.random.default_rng(1)
    events = pd.Timestamp("2018-01-01", tz="UTC") + pd.to_timedelta(rng.integers(0, 40, 120), unit="D")
    frame = table(events, rng.permutation(2000)[:120] / 7.0, rng.normal(size=120))
    times = pd.Timestamp("2017-12-31", tz="UTC") + pd.to_timedelta(
        np.sort(rng.integers(0, 1500, 200)), unit="h"
    )
    np.testing.assert_array_equal(as_of(times, frame, ["value"])["value"], plain(times, frame))
