import pandas as pd
import pytest

from pipeline.live.clock import freshness


@pytest.mark.parametrize(
    ("session", "now", "behind", "expected"),
    [
        ("2018-06-29", "2018-06-29 20:20", 0, "2018-06-29"),  # a quarter of an hour after the close
        ("2018-06-28", "2018-06-29 20:10", 0, "2018-06-28"),  # the day's close is not known yet
        ("2018-06-28", "2018-06-29 20:20", 1, "2018-06-29"),
        ("2018-06-29", "2018-07-02 13:00", 0, "2018-06-29"),  # over a weekend nothing is missing
        ("2018-07-03", "2018-07-04 22:00", 0, "2018-07-03"),  # nor over a holiday
        ("2018-07-02", "2018-07-03 17:20", 1, "2018-07-03"),  # a half day closes at 13:00 in New York
        ("2018-06-01", "2018-06-29 20:20", 20, "2018-06-29"),
    ],
)
def test_sessions_behind_the_exchange(session, now, behind, expected):
    found = freshness(pd.Timestamp(session), pd.Timestamp(now, tz="UTC"), "XNYS")
    assert (found.behind, found.stale) == (behind, behind > 0)
    assert found.expected == pd.Timestamp(expected)
