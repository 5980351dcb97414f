import numpy as np
import pytest

from pipeline.regimes.detection import detection, simulate_regimes
from pipeline.regimes.hmm import HiddenMarkovDetector
from pipeline.simulate.markov_chain import stationary_distribution


@pytest.fixture(scope="module")
def fitted(market):
    return HiddenMarkovDetector(3, 2, 7).fit(market.features, market.returns)


def certain(states, number=3):
    return 0.02 + 0.94 * np.eye(number)[np.asarray(states)]


def test_who_knows_the_truth_is_never_late_nor_wrong():
    truth = np.array([[0, 0, 1, 1, 2, 0, 0], [2, 2, 2, 1, 1, 1, 0]])
    found = detection(certain(truth), truth)
    assert (found.median_lag, found.missed, found.false_alarms_a_year, found.switches) == (0.0, 0.0, 0.0, 5)


@pytest.mark.parametrize("delay", [1, 3])
def test_who_is_late_by_a_delay_has_that_lag_and_is_wrong_once_a_switch(delay):
    truth = np.repeat([0, 1, 0, 2], 20)[None]
    late = np.roll(truth, delay, axis=1)
    late[:, :delay] = truth[:, :1]
    found = detection(certain(late), truth)
    assert (found.median_lag, found.missed, found.false_alarms_a_year) == (float(delay), 0.0, 0.0)


def test_who_never_moves_misses_all_and_raises_no_alarm():
    truth = np.repeat([0, 1, 0, 1], 10)[None]
    found = detection(certain(np.zeros_like(truth)), truth)
    assert found.missed == pytest.approx(2 / 3)
    assert np.isinf(found.median_lag)
    assert found.false_alarms_a_year == 0.0


def test_a_short_wrong_belief_is_one_false_alarm():
    truth = np.zeros((1, 252), dtype=np.int64)
    believed = truth.copy()
    believed[0, 100:105] = 1
    assert detection(certain(believed), truth).false_alarms_a_year == 1.0


def test_a_market_without_a_switch_has_no_lag():
    truth = np.zeros((2, 30), dtype=np.int64)
    found = detection(certain(truth), truth)
    assert found.switches == 0
    assert np.isnan(found.median_lag)


def test_simulated_regimes_have_the_moments_of_the_detector(fitted):
    """Five standard errors; the occupancy's own is widened for the long stays."""
    market = simulate_regimes(fitted, steps=2000, paths=60, rng=np.random.default_rng(7))
    for state in range(3):
        rows = market.regimes == state
        count = np.count_nonzero(rows)
        share = stationary_distribution(fitted.transition_)[state]
        assert count / rows.size == pytest.approx(share, abs=0.03)
        deviation = np.sqrt(np.diagonal(fitted.state_covariances_[state]))
        bound = 5 * deviation / np.sqrt(count)
        assert (np.abs(market.features[rows].mean(axis=0) - fitted.state_means_[state]) < bound).all()
        found = np.cov(market.features[rows].T)
        noise = 5 * np.outer(deviation, deviation) * np.sqrt(2 / count)
        assert (np.abs(found - fitted.state_covariances_[state]) < noise).all()
        variance = (market.returns[rows] ** 2).mean()
        assert variance == pytest.approx(fitted.state_variance_[state], rel=5 * np.sqrt(2 / count))
    np.testing.assert_array_equal(market.table(3).to_numpy(), market.features[3])
    assert tuple(market.table(0).columns) == fitted.feature_names_


def test_the_filter_is_early_and_rarely_wrong_in_its_own_market(fitted):
    market = simulate_regimes(fitted, steps=1000, paths=10, rng=np.random.default_rng(7))
    prob = np.stack([fitted.filter(market.table(path)) for path in range(10)])
    found = detection(prob, market.regimes)
    assert found.median_lag <= 3.0
    assert found.missed < 0.2
    assert found.false_alarms_a_year < found.switches / market.regimes.size * 252
