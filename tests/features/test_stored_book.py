"""The stored book at an instant is the batch's, in whatever parts it comes, and no part is read too early."""

import numpy as np
import pytest

from pipeline.features.book_at import SIDES, book_at
from pipeline.features.decision_times import SECOND
from pipeline.features.event_feature import EventRows
from pipeline.features.stored_book import StoredBook


def made_rows(count=200, levels=3):
    rng = np.random.default_rng(4)
    known = np.cumsum(rng.integers(1, SECOND, count) * (1 + 40 * (rng.random(count) < 0.03)))
    steps = np.cumsum(rng.uniform(0.01, 0.05, (2, count, levels)), axis=2)
    bid, ask = 100.0 - steps[0], 100.0 + steps[1]
    bid[rng.random(count) < 0.05, 0] += 0.5
    ask[rng.random(count) < 0.05] = np.nan
    sizes = rng.uniform(0.1, 3.0, (2, count, levels))
    trusted = (rng.random(count) > 0.05).astype(float)
    flags = np.stack([trusted, np.full(count, float(levels))], axis=1)
    return EventRows(known, np.concatenate([flags, bid, sizes[0], ask, sizes[1]], axis=1))


@pytest.mark.parametrize("parts", [1, 7, 200])
def test_it_is_the_batch_at_every_instant(parts):
    rows, asked = made_rows(), []
    times = np.sort(np.concatenate([rows.known_time, rows.known_time - 1, rows.known_time + 20 * SECOND]))
    at = book_at(rows, times, 10.0)

    def told():
        for places in np.array_split(np.arange(len(rows)), parts):
            asked.append(rows.known_time[places[0]])
            yield rows[places]

    book = StoredBook(told(), stale_after=10.0)
    for k, time in enumerate(times.tolist()):
        found = book.at(time)
        assert found.state == at.state[k]
        assert len([each for each in asked if each > time]) <= 1
        if time >= rows.known_time[0]:
            expected = np.stack([getattr(at, side)[k] for side in SIDES])
            np.testing.assert_array_equal(found.sides, expected)
    assert len(set(at.state.tolist())) > 3


def test_without_rows_there_is_no_quote():
    found = StoredBook(iter(()), stale_after=10.0).at(5)
    assert np.isnan(found.sides[::2]).all()
    assert found.state == book_at(made_rows(), np.array([0]), 10.0).state[0]
