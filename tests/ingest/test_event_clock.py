import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.event_clock import EventClock, longest_chain

TIMES = st.lists(st.integers(0, 12), max_size=12)


def longest_by_trying(times):
    best = [0] * len(times)
    for row, time in enumerate(times):
        best[row] = 1 + max((best[k] for k in range(row) if times[k] <= time), default=0)
    return max(best, default=0)


@given(TIMES)
def test_the_chain_never_goes_back_and_is_as_long_as_any(times):
    chosen = longest_chain(np.array(times, dtype=np.int64))
    kept = np.array(times)[chosen] if times else np.array([])
    assert (np.diff(kept) >= 0).all()
    assert len(kept) == longest_by_trying(times)


@given(TIMES, st.integers(0, 12), st.integers(0, 3))
def test_what_is_kept_goes_back_by_no_more_than_the_tolerance(times, cut, tolerance):
    clock = EventClock(tolerance)
    parts = [np.array(part, dtype=np.int64) for part in (times[:cut], times[cut:])]
    kept = np.concatenate([part[~clock.astray(part)] for part in parts])
    if len(kept):
        assert (kept >= np.maximum.accumulate(kept) - tolerance).all()


@given(TIMES)
def test_times_in_order_are_all_kept(times):
    assert not EventClock(0).astray(np.array(sorted(times), dtype=np.int64)).any()


def test_one_slip_into_the_future_costs_one_row():
    assert EventClock(1).astray(np.array([10, 11, 999, 12, 11, 13])).tolist() == [
        False, False, True, False, False, False,
    ]  # fmt: skip


def test_rows_that_are_held_already_do_not_count():
    sound = np.array([True, False, True])
    assert not EventClock(0).astray(np.array([1, 99, 2]), sound).any()


def test_a_later_batch_may_not_begin_before_the_last_one_ended():
    clock = EventClock(0)
    clock.astray(np.array([5, 9]))
    assert clock.astray(np.array([8, 9, 10])).tolist() == [True, False, False]
