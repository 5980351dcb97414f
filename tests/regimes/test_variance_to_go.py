import numpy as np
import pytest

from pipeline.regimes.variance_to_go import expected_variance, variance_to_go
from pipeline.simulate.markov_chain import sample_chain, stationary_distribution

MOVES = np.array([[0.97, 0.02, 0.01], [0.03, 0.92, 0.05], [0.01, 0.09, 0.90]])
VARIANCE = np.array([0.006, 0.012, 0.030]) ** 2


def test_one_regime_is_linear_in_time():
    found = variance_to_go(np.ones((2, 1)), np.ones((1, 1)), np.array([4e-4]), 21)
    np.testing.assert_allclose(found, np.tile(4e-4 * np.arange(1, 22), (2, 1)), rtol=1e-13)


def test_two_regimes_in_closed_form():
    """σ²_{t+j} = s + λ^j (π − π̄)·σ², λ = a + b − 1 the second eigenvalue and s the stationary variance."""
    moves, variance = np.array([[0.98, 0.02], [0.05, 0.95]]), np.array([1.0, 9.0])
    now, still = np.array([0.3, 0.7]), np.array([5 / 7, 2 / 7])
    each = still @ variance + 0.93 ** np.arange(1, 31) * ((now - still) @ variance)
    np.testing.assert_allclose(variance_to_go(now[None], moves, variance, 30)[0], np.cumsum(each), rtol=1e-12)


def test_equals_the_sum_of_matrix_powers():
    prob = np.random.default_rng(7).dirichlet(np.ones(3), size=4)
    expected = sum(prob @ np.linalg.matrix_power(MOVES, j + 1) @ VARIANCE for j in range(13))
    np.testing.assert_allclose(variance_to_go(prob, MOVES, VARIANCE, 13)[:, -1], expected, rtol=1e-12)


def test_the_stationary_distribution_stays():
    still = stationary_distribution(MOVES)
    found = variance_to_go(still[None], MOVES, VARIANCE, 21)[0]
    np.testing.assert_allclose(found, still @ VARIANCE * np.arange(1, 22), rtol=1e-12)


def test_against_simulated_returns():
    rng = np.random.default_rng(7)
    prob = np.array([0.1, 0.3, 0.6])
    regimes = sample_chain(MOVES, steps=22, paths=40_000, rng=rng, start=prob)[:, 1:]
    square = (VARIANCE[regimes] * rng.standard_normal(regimes.shape) ** 2).cumsum(axis=1)
    error = square.std(axis=0) / np.sqrt(len(square))
    found = variance_to_go(prob[None], MOVES, VARIANCE, 21)[0]
    assert (np.abs(found - square.mean(axis=0)) < 4 * error).all()


def test_expected_variance_takes_predicted_probabilities():
    prob = np.array([0.1, 0.3, 0.6])
    by_state = expected_variance(MOVES, VARIANCE, 5)
    np.testing.assert_allclose(by_state[:, 0], VARIANCE, rtol=1e-15)
    np.testing.assert_allclose(prob @ MOVES @ by_state, variance_to_go(prob, MOVES, VARIANCE, 5), rtol=1e-12)


def test_leading_dimensions_are_free_and_rows_are_alone():
    prob = np.random.default_rng(7).dirichlet(np.ones(3), size=(4, 6))
    found = variance_to_go(prob, MOVES, VARIANCE, 3)
    assert found.shape == (4, 6, 3)
    for path in range(4):
        np.testing.assert_array_equal(found[path, 2], variance_to_go(prob[path, 2], MOVES, VARIANCE, 3))


def test_unknown_probabilities_stay_unknown():
    prob = np.array([[0.2, 0.3, 0.5], [np.nan] * 3])
    found = variance_to_go(prob, MOVES, VARIANCE, 2)
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all()


def test_more_turbulence_is_never_less_variance():
    prob = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    calm, turbulent = variance_to_go(prob, MOVES, VARIANCE, 63)
    assert (turbulent > calm).all()
    assert (
        turbulent[-1] / calm[-1]
        < turbulent[0] / calm[0]
        == pytest.approx((MOVES[2] @ VARIANCE) / (MOVES[0] @ VARIANCE))
    )
