"""The book while it goes by has the numbers of the batch, to the last bit, whatever its parts."""

import numpy as np
import pytest

from pipeline.domain.intraday_desk import GridSettings, IntradayHedge
from pipeline.features.book_at import SIDES, book_at
from pipeline.features.book_walk import MISSING, SOUND
from pipeline.features.decision_day import interval_means, sampled
from pipeline.features.decision_times import SECOND
from pipeline.features.event_feature import EventRows
from pipeline.features.running_book import RunningBook

GRID, HEDGE = (
    GridSettings(stale_after_seconds=20.0, sample_seconds=0.5),
    IntradayHedge(size=20.0, order_share=0.4),
)
LEVELS = 12


@pytest.fixture
def rows():
    """Books of up to twelve levels, some crossed, of one side, not trusted, or long after another."""
    rng = np.random.default_rng(5)
    count = 400
    known = np.cumsum(rng.integers(0, 3 * SECOND, count) * (1 + 20 * (rng.random(count) < 0.02)))
    steps = np.cumsum(rng.uniform(0.01, 0.05, (2, count, LEVELS)), axis=2)
    mid = 100.0 + np.cumsum(rng.normal(0, 0.01, count))
    bid, ask = mid[:, None] - steps[0], mid[:, None] + steps[1]
    sizes = rng.uniform(0.1, 3.0, (2, count, LEVELS))
    shown = rng.integers(LEVELS - 4, LEVELS + 1, count)
    gone = np.arange(LEVELS) >= shown[:, None]
    for each in (bid, ask, *sizes):
        each[gone] = np.nan
    bid[rng.random(count) < 0.05] += 0.2
    ask[rng.random(count) < 0.05] = np.nan
    trusted = (rng.random(count) > 0.05).astype(float)
    flags = np.stack([trusted, shown.astype(float)], axis=1)
    return EventRows(known, np.concatenate([flags, bid, sizes[0], ask, sizes[1]], axis=1))


def test_an_interval_has_the_means_of_the_batch(rows):
    times = np.unique(np.append(rows.known_time[::9], rows.known_time[-1] + 90 * SECOND))[1:]
    since = np.diff(times, prepend=times[0] - 7 * SECOND)
    between, first = sampled(times, since, GRID)
    at = book_at(rows, times, GRID.stale_after_seconds)
    means = interval_means(book_at(rows, between, GRID.stale_after_seconds), first, HEDGE)
    expected = np.stack([at.mid, at.state, *means.values()], axis=1)
    running, found, done = RunningBook(), [], 0
    for now, ago in zip(times, since, strict=True):
        until = int(np.searchsorted(rows.known_time, now, side="right"))
        for cut in np.array_split(np.arange(done, until), 3):
            if len(cut):
                running.take(rows[cut])
        done = until
        looked = running.standing(int(now), GRID.stale_after_seconds)
        assert looked.state == at.state[len(found)]
        sides = np.stack([getattr(at, side)[len(found)] for side in SIDES])
        np.testing.assert_array_equal(looked.sides[:, : sides.shape[1]], sides)
        bid, ask, age = running.quote(int(now), GRID.stale_after_seconds)
        best = looked.sides[[0, 2], 0] if looked.state == SOUND else [np.nan, np.nan]
        np.testing.assert_array_equal([bid, ask], best)
        assert age == (int(now) - int(rows.known_time[until - 1])) / SECOND
        numbers = np.empty(7)
        quote = running.interval(int(now), int(ago), GRID, HEDGE, numbers)
        np.testing.assert_array_equal(quote, [*best, age])
        found.append(numbers)
    np.testing.assert_array_equal(np.array(found), expected)


def test_before_the_first_row_nothing_is_quoted():
    running, numbers = RunningBook(), np.empty(7)
    assert running.standing(5 * SECOND, 30.0).state == MISSING
    np.testing.assert_array_equal(running.quote(5 * SECOND, 30.0), [np.nan, np.nan, np.inf])
    quote = running.interval(5 * SECOND, SECOND, GRID, HEDGE, numbers)
    np.testing.assert_array_equal(quote, [np.nan, np.nan, np.inf])
    assert np.isnan(numbers[[0, 2, 3, 4, 6]]).all()
    assert numbers[5] == 0.0
