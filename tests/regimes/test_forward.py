from itertools import product

import numpy as np
import pytest
from hmmlearn.hmm import GaussianHMM
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from pipeline.domain.errors import DataError
from pipeline.regimes.forward import filter_returns, forward_filter, gaussian_forward_filter, predict_prob
from pipeline.simulate.markov_chain import sample_chain, stationary_distribution
from pipeline.simulate.switching import MarkovSwitching

TRANSITION = np.array([[0.95, 0.04, 0.01], [0.03, 0.90, 0.07], [0.02, 0.08, 0.90]])
INITIAL = np.array([0.2, 0.5, 0.3])
MEANS = np.array([[0.0, 0.0], [0.5, 0.8], [-1.0, 2.0]])
FACTORS = np.array([[[0.5, 0.0], [0.1, 0.4]], [[1.0, 0.0], [-0.3, 0.7]], [[2.0, 0.0], [0.5, 1.0]]])
COVARIANCES = FACTORS @ FACTORS.transpose(0, 2, 1)
MARKET_B = (np.array([0.12, 0.35]), np.array([[0.98, 0.02], [0.05, 0.95]]), 1 / 252)


@pytest.fixture(scope="module")
def observations():
    rng = np.random.default_rng(7)
    states = sample_chain(TRANSITION, steps=600, paths=1, rng=rng)[0]
    return MEANS[states] + np.einsum("tij,tj->ti", FACTORS[states], rng.standard_normal((600, 2)))


def gaussian_log_density(x):
    emissions = zip(MEANS, COVARIANCES, strict=True)
    return np.column_stack([multivariate_normal(mean, cov).logpdf(x) for mean, cov in emissions])


def plain_filter(log_density, transition, initial):
    """The readable twin: the same recursion in logarithms, one line a step."""
    filtered, total = np.empty_like(log_density), 0.0
    predicted = initial
    for t, row in enumerate(log_density):
        if np.isnan(row).any():
            filtered[t] = predicted
        else:
            with np.errstate(divide="ignore"):
                joint = np.log(predicted) + row
            total += logsumexp(joint)
            filtered[t] = np.exp(joint - logsumexp(joint))
        predicted = filtered[t] @ transition
    return filtered, total


def test_both_kernels_equal_the_plain_filter(observations):
    x = observations.copy()
    x[[0, 40, 41, 599], [0, 1, 0, 1]] = np.nan
    missing = np.isnan(x).any(axis=1)
    log_density = gaussian_log_density(np.where(np.isnan(x), 0.0, x))
    log_density[missing] = np.nan
    expected, likelihood = plain_filter(log_density, TRANSITION, INITIAL)
    by_density = forward_filter(log_density, TRANSITION, INITIAL)
    by_pass = gaussian_forward_filter(x, MEANS, COVARIANCES, TRANSITION, INITIAL)
    for filtered, total in (by_density, by_pass):
        np.testing.assert_allclose(filtered, expected, rtol=1e-10)
        assert total == pytest.approx(likelihood, rel=1e-12)


@pytest.fixture(scope="module")
def peer():
    model = GaussianHMM(3, covariance_type="full")
    model.startprob_, model.transmat_, model.means_, model.covars_ = INITIAL, TRANSITION, MEANS, COVARIANCES
    return model


def test_filter_is_the_last_row_of_the_smoothed_probabilities_of_every_prefix(observations, peer):
    filtered, _ = gaussian_forward_filter(observations, MEANS, COVARIANCES, TRANSITION, INITIAL)
    for t in [*range(30), *range(30, 600, 19), 599]:
        np.testing.assert_allclose(filtered[t], peer.predict_proba(observations[: t + 1])[-1], rtol=1e-9)


def test_smoothed_probabilities_are_not_filtered_ones(observations, peer):
    filtered, _ = gaussian_forward_filter(observations, MEANS, COVARIANCES, TRANSITION, INITIAL)
    assert np.abs(filtered - peer.predict_proba(observations)).max() > 0.3


def test_log_likelihood_is_the_score(observations, peer):
    _, likelihood = gaussian_forward_filter(observations, MEANS, COVARIANCES, TRANSITION, INITIAL)
    assert likelihood == pytest.approx(peer.score(observations), rel=1e-12)


def test_sum_over_all_paths():
    rng = np.random.default_rng(3)
    density = rng.uniform(0.1, 2.0, (5, 3))
    joint = np.zeros(3)
    for path in product(range(3), repeat=5):
        weight = INITIAL[path[0]] * density[0, path[0]]
        for t in range(1, 5):
            weight *= TRANSITION[path[t - 1], path[t]] * density[t, path[t]]
        joint[path[-1]] += weight
    filtered, likelihood = forward_filter(np.log(density), TRANSITION, INITIAL)
    np.testing.assert_allclose(filtered[-1], joint / joint.sum(), rtol=1e-12)
    assert likelihood == pytest.approx(np.log(joint.sum()), rel=1e-12)


def test_two_states_move_by_the_odds():
    """Odds before Bayes: (p a + q b) / (p (1 − a) + q (1 − b)); Bayes multiplies by the likelihood ratio."""
    stay, come, ratios = 0.9, 0.2, [3.0, 0.25, 8.0]
    odds, expected = 0.5 / 0.5, []
    for t, ratio in enumerate(ratios):
        prob = odds / (1 + odds)
        ahead = prob if t == 0 else prob * stay + (1 - prob) * come
        odds = ratio * ahead / (1 - ahead)
        expected.append(odds / (1 + odds))
    log_density = np.column_stack([np.log(ratios), np.zeros(3)])
    moves = np.array([[stay, 1 - stay], [come, 1 - come]])
    filtered, _ = forward_filter(log_density, moves, np.array([0.5, 0.5]))
    np.testing.assert_allclose(filtered[:, 0], expected, rtol=1e-13)


def test_rows_that_tell_nothing_lead_to_the_stationary_distribution():
    filtered, likelihood = forward_filter(np.zeros((500, 3)), TRANSITION, INITIAL)
    np.testing.assert_allclose(filtered[3], INITIAL @ np.linalg.matrix_power(TRANSITION, 3), rtol=1e-12)
    np.testing.assert_allclose(filtered[-1], stationary_distribution(TRANSITION), rtol=1e-10)
    assert likelihood == pytest.approx(0.0, abs=1e-10)


def test_a_missing_row_equals_a_row_that_tells_nothing(observations):
    gap = observations.copy()
    gap[100] = np.nan
    told = gaussian_log_density(observations)
    told[100] = 0.0
    expected, likelihood = forward_filter(told, TRANSITION, INITIAL)
    filtered, total = gaussian_forward_filter(gap, MEANS, COVARIANCES, TRANSITION, INITIAL)
    np.testing.assert_allclose(filtered, expected, rtol=1e-10)
    assert total == pytest.approx(likelihood, rel=1e-12)
    np.testing.assert_array_equal(filtered[100], predict_prob(filtered[99], TRANSITION))


def test_regimes_named_in_another_order_give_the_same_probabilities(observations):
    order = np.array([2, 0, 1])
    filtered, likelihood = gaussian_forward_filter(observations, MEANS, COVARIANCES, TRANSITION, INITIAL)
    moved = TRANSITION[np.ix_(order, order)]
    other, total = gaussian_forward_filter(
        observations, MEANS[order], COVARIANCES[order], moved, INITIAL[order]
    )
    np.testing.assert_allclose(other, filtered[:, order], rtol=1e-9)
    assert total == pytest.approx(likelihood, rel=1e-12)


def test_an_outlier_of_a_thousand_deviations_does_not_underflow():
    x = np.array([[0.0], [1000.0], [0.0]])
    cov = np.array([[[1.0]], [[4.0]]])
    moves = np.array([[0.9, 0.1], [0.1, 0.9]])
    filtered, likelihood = gaussian_forward_filter(x, np.zeros((2, 1)), cov, moves, np.array([0.5, 0.5]))
    assert np.isfinite(filtered).all()
    assert filtered[1, 1] == pytest.approx(1.0)
    assert likelihood == pytest.approx(-125_000.0, rel=1e-3)


def test_a_state_that_cannot_be_reached_does_not_scale_the_others_away():
    log_density = np.array([[0.0, -2000.0], [0.0, -2000.0]])
    filtered, likelihood = forward_filter(log_density, np.eye(2), np.array([0.0, 1.0]))
    np.testing.assert_array_equal(filtered, [[0.0, 1.0], [0.0, 1.0]])
    assert likelihood == pytest.approx(-4000.0)


def test_an_impossible_row_is_named():
    log_density = np.array([[0.0, 0.0], [-np.inf, -np.inf]])
    with pytest.raises(DataError, match="row 1 "):
        forward_filter(log_density, np.full((2, 2), 0.5), np.array([0.5, 0.5]))


def test_inputs_are_left_alone(observations):
    initial, x = INITIAL.copy(), observations.copy()
    gaussian_forward_filter(x, MEANS, COVARIANCES, TRANSITION, initial)
    np.testing.assert_array_equal(initial, INITIAL)
    np.testing.assert_array_equal(x, observations)


def test_filter_returns_predicts_what_the_gaussian_filter_predicts():
    volatility, moves, dt = MARKET_B
    market = MarkovSwitching(volatility=tuple(volatility), moves=tuple(map(tuple, moves)))
    returns = np.diff(np.log(market.simulate(paths=3, steps=40, dt=dt, seed=1).spot), axis=1)
    prob = filter_returns(returns, volatility, moves, dt)
    variance = volatility**2 * dt
    start = stationary_distribution(moves)
    for path in range(3):
        filtered, _ = gaussian_forward_filter(
            returns[path][:, None], -0.5 * variance[:, None], variance[:, None, None], moves, start
        )
        np.testing.assert_allclose(prob[path, 1:], filtered @ moves, rtol=1e-10)
        np.testing.assert_allclose(prob[path, 0], start, rtol=1e-14)


def test_filter_returns_is_calibrated():
    """Of the steps with a probability near p, a share p is turbulent (four standard errors)."""
    volatility, moves, dt = MARKET_B
    market = MarkovSwitching(volatility=tuple(volatility), moves=tuple(map(tuple, moves)))
    found = market.simulate(paths=20_000, steps=31, dt=dt, seed=2)
    prob = filter_returns(np.diff(np.log(found.spot), axis=1), volatility, moves, dt)[:, 30, 1]
    turbulent = found.regime[:, 30] == 1
    for low in (0.0, 0.1, 0.5, 0.9):
        inside = (prob >= low) & (prob < low + 0.1)
        error = np.sqrt((prob[inside] * (1 - prob[inside])).sum()) / inside.sum()
        assert inside.sum() > 300
        assert turbulent[inside].mean() == pytest.approx(prob[inside].mean(), abs=4 * error)


def test_filter_returns_takes_a_known_start_and_refuses_gaps():
    volatility, moves, dt = MARKET_B
    prob = filter_returns(np.zeros((1, 1)), volatility, moves, dt, start=np.array([0.0, 1.0]))
    np.testing.assert_allclose(prob[0], [[0.0, 1.0], [0.05, 0.95]], rtol=1e-14)
    with pytest.raises(DataError, match="return 1 of path 0 is nan"):
        filter_returns(np.array([[0.0, np.nan]]), volatility, moves, dt)


def test_filter_returns_survives_a_crash():
    volatility, moves, dt = MARKET_B
    prob = filter_returns(np.array([[0.0, -1.0, 0.0]]), volatility, moves, dt)
    np.testing.assert_allclose(prob[0, 2], moves[1], rtol=1e-12)
    assert np.isfinite(prob).all()


@pytest.mark.parametrize("level", [-5000.0, 5000.0])
def test_the_level_of_the_densities_does_not_matter(level):
    log_density = np.log(np.random.default_rng(4).uniform(0.1, 1.0, (50, 3)))
    expected, likelihood = forward_filter(log_density, TRANSITION, INITIAL)
    filtered, total = forward_filter(log_density + level, TRANSITION, INITIAL)
    np.testing.assert_allclose(filtered, expected, rtol=1e-9)
    assert total == pytest.approx(likelihood + 50 * level, rel=1e-12)


def test_thin_covariances_in_small_units_do_not_overflow():
    """Densities of e^350 a row: the likelihood only shifts by the units."""
    rng = np.random.default_rng(5)
    x, dims = rng.standard_normal((40, 50)), 50
    means = np.stack([np.zeros(dims), np.full(dims, 0.3)])
    covariances = np.tile(np.eye(dims), (2, 1, 1))
    moves, start = np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0.5, 0.5])
    expected, likelihood = gaussian_forward_filter(x, means, covariances, moves, start)
    small = 1e-7
    filtered, total = gaussian_forward_filter(small * x, small * means, small**2 * covariances, moves, start)
    np.testing.assert_allclose(filtered, expected, rtol=1e-7)
    assert total == pytest.approx(likelihood - 40 * dims * np.log(small), rel=1e-12)
