import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from pipeline.domain.errors import DataError
from pipeline.forecasts.venn_abers import merged, venn_abers


def drawn(count, seed=3, slope=1.0):
    rng = np.random.default_rng(seed)
    scores = rng.uniform(0.0, 1.0, count)
    return scores, (rng.uniform(size=count) < slope * scores**2).astype(float)


def test_the_edges_are_those_of_sklearn_with_the_pair_added():
    scores, events = drawn(200)
    scores = scores.round(2)
    asked = np.array([0.005, 0.1, 0.55, 0.99])
    lower, upper = venn_abers(scores, events, asked)
    for place, score in enumerate(asked):
        for event, found in ((0.0, lower[place]), (1.0, upper[place])):
            fit = IsotonicRegression().fit(np.append(scores, score), np.append(events, event))
            assert found == pytest.approx(fit.predict([score])[0], abs=1e-12)


@given(st.integers(0, 10_000))
def test_the_edges_are_ordered_and_rise_with_the_score(seed):
    scores, events = drawn(80, seed)
    if events.min() == events.max():
        return
    asked = np.sort(np.random.default_rng(seed).uniform(0.0, 1.0, 15))
    lower, upper = venn_abers(scores, events, asked)
    assert (lower <= upper).all()
    assert (np.diff(lower) >= -1e-12).all()
    assert (np.diff(upper) >= -1e-12).all()
    assert ((merged(lower, upper) >= lower - 1e-12) & (merged(lower, upper) <= upper + 1e-12)).all()


def test_a_distorted_probability_is_put_right_and_more_rows_say_more():
    wide = {}
    for count in (200, 5000):
        scores, events = drawn(count)
        lower, upper = venn_abers(scores, events, np.array([0.3, 0.5, 0.8]))
        wide[count] = (upper - lower).mean()
        if count == 5000:
            np.testing.assert_allclose(merged(lower, upper), [0.09, 0.25, 0.64], atol=0.06)
    assert wide[5000] < 0.3 * wide[200]


def test_too_little_says_nothing_and_nothing_asked_stays_unknown():
    scores, events = drawn(40)
    lower, upper = venn_abers(scores, events, np.array([0.2, np.nan]))
    assert (lower[0], upper[0]) == (0.0, 1.0)
    assert np.isnan([lower[1], upper[1]]).all()
    scores, _ = drawn(400)
    assert venn_abers(scores, np.zeros(400), np.array([0.2]))[1][0] == 1.0


def test_what_is_no_event_is_refused():
    with pytest.raises(DataError, match="an event is 0 or 1"):
        venn_abers(np.ones(3), np.array([0.0, 0.5, 1.0]), np.ones(1))
    with pytest.raises(DataError, match="one event for each score"):
        venn_abers(np.ones(3), np.ones(2), np.ones(1))
