import numpy as np
import pytest

from pipeline.domain.errors import FitError
from pipeline.regimes.forward import gaussian_forward_filter
from pipeline.regimes.kmeans import KMeansDetector, count_transitions, fit_temperature
from pipeline.simulate.markov_chain import sample_chain, stationary_distribution

MOVES = np.array([[0.95, 0.05], [0.1, 0.9]])
MEANS = np.array([[-2.0, 0.0], [2.0, 1.0]])


def observations(temperature, rows=6000):
    rng = np.random.default_rng(7)
    states = sample_chain(MOVES, steps=rows, paths=1, rng=rng)[0]
    return MEANS[states] + np.sqrt(temperature) * rng.standard_normal((rows, 2)), states


@pytest.mark.parametrize("temperature", [0.05, 1.0, 4.0])
def test_the_temperature_of_isotropic_emissions_is_recovered(temperature):
    """The estimator of a variance has a relative standard error of √(2/n), n = rows × dimensions."""
    x, _ = observations(temperature)
    assert fit_temperature(x, MEANS, MOVES) == pytest.approx(temperature, rel=5 * np.sqrt(2 / x.size))


def test_the_temperature_is_the_most_likely_one():
    x, _ = observations(1.0, rows=800)
    best = fit_temperature(x, MEANS, MOVES)

    def likelihood(temperature):
        covariances = np.tile(temperature * np.eye(2), (2, 1, 1))
        return gaussian_forward_filter(x, MEANS, covariances, MOVES, np.array([0.5, 0.5]))[1]

    assert likelihood(best) > max(likelihood(0.97 * best), likelihood(1.03 * best))


def limit(temperature, x):
    covariances = np.tile(temperature * np.eye(2), (2, 1, 1))
    return gaussian_forward_filter(x, MEANS, covariances, MOVES, stationary_distribution(MOVES))[0]


def test_cold_regimes_are_hard_clusters():
    x, _ = observations(1.0, rows=300)
    nearest = ((x[:, None, :] - MEANS) ** 2).sum(axis=2).argmin(axis=1)
    np.testing.assert_allclose(limit(1e-6, x), np.eye(2)[nearest], atol=1e-12)


def test_hot_regimes_know_nothing():
    x, _ = observations(1.0, rows=300)
    np.testing.assert_allclose(limit(1e9, x), np.tile([2 / 3, 1 / 3], (300, 1)), rtol=1e-6)


def test_rows_on_the_centres_have_no_temperature():
    with pytest.raises(FitError, match="cluster centre"):
        fit_temperature(np.repeat(MEANS, 20, axis=0), MEANS, MOVES)


def test_moves_across_a_gap_are_not_counted():
    labels = np.array([0, 0, 1, 1, 0])
    whole = count_transitions(labels, np.array([5]), 2)
    np.testing.assert_allclose(whole, [[1.5 / 3, 1.5 / 3], [1.5 / 3, 1.5 / 3]])
    broken = count_transitions(labels, np.array([2, 3]), 2)
    np.testing.assert_allclose(broken, [[1.5 / 2, 0.5 / 2], [1.5 / 3, 1.5 / 3]])


def test_a_state_that_is_never_left_gets_the_prior():
    np.testing.assert_allclose(count_transitions(np.array([0, 0]), np.array([2]), 2)[1], [0.5, 0.5])


def test_clusters_are_found_and_moves_recovered(market):
    features = market.features[["log_range"]]
    detector = KMeansDetector(states=3, restarts=2, seed=7).fit(features, market.returns)
    assert (detector.filter(features).argmax(axis=1) == market.regimes).mean() > 0.85
    np.testing.assert_allclose(np.exp(detector.state_means_[:, 0]), [0.006, 0.013, 0.030], rtol=0.15)
    deviation = np.sqrt(detector.state_covariances_[:, 0, 0])
    np.testing.assert_allclose(deviation, 0.3, rtol=0.1)
    scale = features["log_range"].to_numpy().std()
    np.testing.assert_allclose(deviation, np.sqrt(detector.temperature_) * scale, rtol=1e-12)
