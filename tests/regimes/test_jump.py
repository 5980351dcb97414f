import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import FitError
from pipeline.regimes.describe import switches_a_year
from pipeline.regimes.jump import PENALTIES, JumpDetector
from pipeline.regimes.kmeans import KMeansDetector
from pipeline.simulate.markov_chain import sample_chain

VOLATILITY = np.array([0.006, 0.02])
PERSISTENT = np.array([[0.99, 0.01], [0.02, 0.98]])
ALTERNATING = np.array([[0.5, 0.5], [0.5, 0.5]])


def simulated(moves, noise, rows=3000):
    rng = np.random.default_rng(11)
    regimes = sample_chain(moves, steps=rows, paths=1, rng=rng)[0]
    returns = VOLATILITY[regimes] * rng.standard_normal(rows)
    log_range = np.log(VOLATILITY[regimes]) + rng.normal(0.0, noise, rows)
    return pd.DataFrame({"log_range": log_range}), returns, regimes


@pytest.fixture(scope="module")
def noisy():
    return simulated(PERSISTENT, noise=0.9)


def test_noisy_regimes_are_told_apart_where_clusters_fail(noisy):
    """The classes overlap (distance 1.3 deviations): without persistence a fifth of the rows is wrong."""
    features, returns, regimes = noisy
    jump, kmeans = (kind(2, 2, 7).fit(features, returns) for kind in (JumpDetector, KMeansDetector))
    right = [(one.filter(features).argmax(axis=1) == regimes).mean() for one in (jump, kmeans)]
    assert right[0] > 0.95
    assert right[1] < 0.8
    assert switches_a_year(jump.filter(features)) < 0.2 * switches_a_year(kmeans.filter(features))


def test_means_transitions_and_temperature_are_recovered(noisy):
    features, returns, _ = noisy
    detector = JumpDetector(2, 2, 7).fit(features, returns)
    np.testing.assert_allclose(np.exp(detector.state_means_[:, 0]), VOLATILITY, rtol=0.1)
    np.testing.assert_allclose(np.diagonal(detector.transition_), [0.99, 0.98], atol=0.01)
    np.testing.assert_allclose(np.sqrt(detector.state_covariances_.ravel()), 0.9, rtol=0.05)
    scale = features["log_range"].to_numpy().std()
    np.testing.assert_allclose(
        detector.state_covariances_.ravel(), detector.temperature_ * scale**2, rtol=1e-12
    )


def test_persistent_markets_ask_for_a_penalty_and_others_do_not():
    chosen = [
        JumpDetector(2, 2, 7).fit(*simulated(moves, 0.4)[:2]).penalty_ for moves in (PERSISTENT, ALTERNATING)
    ]
    assert chosen[1] == PENALTIES[0]
    assert chosen[0] > chosen[1]


def test_units_do_not_matter(noisy):
    features, returns, _ = noisy
    once, other = (JumpDetector(2, 2, 7).fit(one, returns) for one in (features, 1000.0 * features + 5.0))
    assert other.penalty_ == once.penalty_
    np.testing.assert_allclose(other.transition_, once.transition_, rtol=1e-12)
    np.testing.assert_allclose(other.state_means_, 1000.0 * once.state_means_ + 5.0, rtol=1e-9)


def test_gaps_are_no_moves(noisy):
    features, returns, _ = noisy
    broken = features.copy()
    broken.iloc[::50] = np.nan
    whole, gappy = (JumpDetector(2, 2, 7).fit(one, returns) for one in (features, broken))
    np.testing.assert_allclose(gappy.state_means_, whole.state_means_, atol=0.05)
    assert np.diagonal(gappy.transition_).min() > 0.95


def test_fewer_levels_than_states_is_said_in_one_line():
    features = pd.DataFrame({"log_range": np.tile([-4.0, -5.0], 150)})
    with pytest.raises(FitError, match="no start of the jump model gave 3 states"):
        JumpDetector(states=3).fit(features, np.full(300, 0.01))
