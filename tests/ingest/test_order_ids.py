import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.order_ids import REMEMBERED, IdGaps, SeenIds


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=30), st.integers(1, 7))
def test_ids_come_again_as_in_a_loop_however_the_rows_are_cut(rows, size):
    seen, wanted = set(), []
    for each, enters in rows:
        wanted.append(each in seen)
        if enters:
            seen.add(each)
    ids, entered = np.array([r[0] for r in rows], np.int64), np.array([r[1] for r in rows], bool)
    found, reader = [], SeenIds()
    for at in range(0, len(rows), size):
        found += reader.again(ids[at : at + size], entered[at : at + size]).tolist()
    assert found == wanted


def gaps(ids, times, size):
    reader = IdGaps(patience=10)
    ids, times = np.array(ids, np.int64), np.array(times, np.int64)
    parts = [reader.missed(ids[at : at + size], times[at : at + size]) for at in range(0, len(ids), size)]
    return np.concatenate(parts).tolist() if parts else []


@given(st.permutations(range(8)), st.integers(1, 9))
def test_ids_that_overtake_one_another_in_time_are_not_missed(ids, size):
    assert not any(gaps(ids, range(8), size))


@given(st.sets(st.integers(1, 8)), st.integers(1, 9))
def test_a_lost_id_is_missed_once_patience_is_over(lost, size):
    ids = [each for each in range(10) if each not in lost] + [10, 11]
    times = [*range(len(ids) - 2), 100, 200]
    assert gaps(ids, times, size) == [False] * (len(ids) - 2) + [bool(lost), False]


def test_a_jump_too_far_to_wait_for_is_missed_at_once():
    assert gaps([1, 2 + 2 * REMEMBERED, 3 + 2 * REMEMBERED], [0, 1, 2], 9) == [False, True, False]
