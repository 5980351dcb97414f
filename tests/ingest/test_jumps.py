import numpy as np
import pytest

from pipeline.domain.errors import DataError
from pipeline.ingest.jumps import spikes


def found(close, limit=0.35, order=None, **others):
    prices = {"close": np.asarray(close, dtype=float)}
    prices |= {name: np.asarray(values, dtype=float) for name, values in others.items()}
    order = np.arange(len(close)) if order is None else np.asarray(order)
    days = np.datetime64("2018-07-02") + np.arange(len(close))
    return spikes(prices, order, days, limit, "a.csv")


def test_a_crash_is_believed_and_a_slipped_digit_is_not():
    assert found([100, 79.5, 80, 81]) == []  # 19 October 1987 was −20.5 %
    assert found([100, 1010, 101, 10.1, 102]) == [1, 3]


def test_spikes_may_follow_each_other_and_be_the_last():
    assert found([100, 1000, 1001, 1002, 101]) == [1, 2, 3]
    assert found([100, 101, 1010]) == [2]


def test_a_spike_is_the_same_whether_or_not_the_future_is_known():
    close = [100, 101, 1010, 102, 103]
    assert found(close[:3]) == found(close)


def test_a_level_that_stays_is_a_split():
    with pytest.raises(DataError, match=r"a\.csv: the close goes from 100 to 50 on 2018-07-03 and stays"):
        found([100, 50, 50.5, 49, 50])


def test_a_high_far_from_its_close_is_a_spike():
    assert found([100, 101, 102], high=[101, 1010, 103]) == [1]


def test_rows_outside_the_order_are_not_looked_at():
    assert found([100, np.nan, 0.0, 101], order=[0, 3]) == []


def test_the_limit_is_the_desks():
    assert found([100, 120, 100], limit=0.1) == [1]
