"""Walk-forward windows: their edges, and a clear line where the data does not reach."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.windows import check_coverage, check_implied, refit_windows
from pipeline.domain.desk import WindowSettings
from pipeline.domain.errors import DataError

DAYS = pd.bdate_range("1999-01-04", "2018-12-31")


def test_windows_tile_the_signal_period_and_refit_at_the_test_start():
    windows = refit_windows(WindowSettings(), DAYS)
    assert [w.start for w in windows[1:]] == [w.stop for w in windows[:-1]]
    assert DAYS[windows[0].start] == pd.Timestamp("2014-01-01")
    assert windows[-1].stop == len(DAYS)
    tested = [w for w in windows if w.tested]
    assert DAYS[tested[0].start] == pd.Timestamp("2016-01-01")
    assert len(windows) == 10
    assert len(tested) == 6


def test_a_first_window_shorter_than_the_others():
    settings = WindowSettings(signals_start=date(2014, 3, 3), refit_months=12)
    windows = refit_windows(settings, DAYS)
    assert DAYS[windows[0].start] == pd.Timestamp("2014-03-03")
    assert DAYS[windows[1].start] == pd.Timestamp("2015-01-01")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"learn_start": date(1990, 1, 1)}, "windows.learn_start"),
        ({"test_start": date(2019, 6, 1), "test_end": date(2020, 1, 1)}, "windows.test_start"),
        ({"test_end": date(2020, 1, 1)}, "windows.test_end"),
        (
            {
                "signals_start": date(2030, 1, 1),
                "test_start": date(2031, 1, 1),
                "test_end": date(2032, 1, 1),
            },
            "windows.signals_start",
        ),
    ],
)
def test_windows_without_data_name_the_key(changes, key):
    with pytest.raises(DataError, match=rf"{key} is .*but the data runs from 1999-01-04 to 2018-12-31"):
        check_coverage(WindowSettings(**changes), DAYS, life=21)


def test_a_test_period_shorter_than_an_episode_is_an_error():
    settings = WindowSettings(test_start=date(2017, 12, 1), test_end=date(2017, 12, 29))
    check_coverage(settings, DAYS, life=20)
    with pytest.raises(DataError, match=r"windows\.test_end 2017-12-29 has 21 sessions, an episode needs 22"):
        check_coverage(settings, DAYS, life=21)


def test_volatility_must_be_known_in_the_test_period():
    days = pd.bdate_range("2010-01-04", "2018-12-31")
    settings = WindowSettings(learn_start="2010-01-04", test_start="2016-01-01", test_end="2018-12-31")
    check_implied(settings, days, days >= "2014-01-01", 21)
    with pytest.raises(
        DataError, match=r"known from 2010-01-04 to 2015-12-31, on 0 sessions of the test per"
    ):
        check_implied(settings, days, days < "2016-01-01", 21)
    with pytest.raises(
        DataError, match=r"on 21 sessions .*an option needs 22: move the windows or give a long"
    ):
        check_implied(settings, days, days < days[days.searchsorted(pd.Timestamp("2016-01-01")) + 21], 21)
    with pytest.raises(DataError, match=r"has no value on any session from 2010-01-04 to 2018-12-31"):
        check_implied(settings, days, np.zeros(len(days), dtype=bool), 21)
