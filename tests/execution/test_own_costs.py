"""Own fills against what made them, against other estimators, and none at all."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.linear_model import Ridge

from pipeline.domain.intraday_desk import LatencySettings
from pipeline.execution.own_costs import book_impact, costs_of_fills, latency_of, regressors

TYPICAL = np.array([2e-4, 1.5e-4, 2e-5])
TRUE = np.array([1.4, 0.9, 0.05])
BOOK, WEIGHT = 0.6, 40.0


def fills(rng, number, noise=1.0, true=TRUE):
    """Orders in markets around the typical one: what each paid, and what it was paid for."""
    seen = TYPICAL * np.exp(0.6 * rng.standard_normal((number, 3)))
    scatter = noise * np.sqrt(seen[:, 0] ** 2 + seen[:, 2] ** 2) * rng.standard_normal(number)
    return seen @ true + scatter, seen


def augmented(paid, seen):
    """The same regression with the prior as further rows, all of unit variance."""
    scale = 1.0 / np.sqrt(seen[:, 0] ** 2 + seen[:, 2] ** 2)
    typical = TYPICAL[:2] ** 2 / (TYPICAL[0] ** 2 + TYPICAL[2] ** 2)
    extra = np.diag(np.sqrt(WEIGHT * np.array([*typical, 1.0])))
    rows = np.concatenate([seen * scale[:, None], extra])
    return np.concatenate([paid * scale, extra @ [1.0, BOOK, 0.0]]), rows, extra


def test_coefficients_are_those_of_least_squares_with_the_prior_as_rows_and_of_ridge():
    paid, seen = fills(np.random.default_rng(1), 60)
    found = costs_of_fills(paid, seen, TYPICAL, BOOK, WEIGHT)
    target, rows, extra = augmented(paid, seen)
    fitted = sm.OLS(target, rows).fit()
    np.testing.assert_allclose(found.coefficients, fitted.params, rtol=1e-9)
    ours, theirs = found.covariance, fitted.normalized_cov_params
    np.testing.assert_allclose(ours / ours[0, 0], theirs / theirs[0, 0], rtol=1e-9)
    noise = (WEIGHT + fitted.ssr) / (WEIGHT + len(paid) - 2.0)
    np.testing.assert_allclose(ours, noise * theirs, rtol=1e-9)
    start, scales = np.array([1.0, BOOK, 0.0]), np.diag(extra)
    ridge = Ridge(alpha=1.0, fit_intercept=False).fit(
        rows[: len(paid)] / scales, target[: len(paid)] - rows[: len(paid)] @ start
    )
    np.testing.assert_allclose(found.coefficients, start + ridge.coef_ / scales, rtol=1e-6)


def test_what_made_the_fills_is_found_within_standard_errors():
    """Of 200 estimates, every coefficient lies within two errors about 95 % of the time."""
    rng, inside = np.random.default_rng(2), []
    for _ in range(200):
        found = costs_of_fills(*fills(rng, 4000), TYPICAL, BOOK, WEIGHT)
        inside.append(np.abs(found.coefficients - TRUE) < 2.0 * found.errors)
    share = np.mean(inside, axis=0)
    assert (share > 0.88).all(), share
    value, error = found.crossing
    assert abs(value - (TRUE[:2] @ TYPICAL[:2]) / (np.array([1.0, BOOK]) @ TYPICAL[:2])) < 3.0 * error


def test_without_fills_the_book_and_the_desk_file_stay_to_the_last_bit():
    found = costs_of_fills(np.empty(0), np.empty((0, 3)), TYPICAL, BOOK, WEIGHT)
    assert found.coefficients.tolist() == [1.0, BOOK, 0.0]
    assert found.crossing[0] == 1.0
    prior = LatencySettings(median_seconds=0.07, spread=0.3)
    latency = latency_of(np.empty(0), prior, WEIGHT)
    assert (latency.median, latency.spread, latency.orders) == (0.07, 0.3, 0)


def test_few_fills_move_little_and_many_move_all():
    rng = np.random.default_rng(4)
    way = [
        costs_of_fills(*fills(rng, number, noise=0.01), TYPICAL, BOOK, WEIGHT).coefficients[0]
        for number in (2, 20, 200, 20_000)
    ]
    assert way == sorted(way)
    assert way[0] < 1.05
    assert way[-1] == pytest.approx(TRUE[0], abs=0.01)


def test_errors_shrink_with_noise_and_number():
    rng = np.random.default_rng(5)
    base, more, calm = (
        costs_of_fills(*fills(rng, number, noise), TYPICAL, BOOK, WEIGHT).errors
        for number, noise in ((500, 1.0), (5000, 1.0), (500, 0.3))
    )
    assert (more < base).all()
    assert (calm < base).all()


def test_latency_is_that_of_own_orders_among_as_many_of_the_prior():
    """A prior of weight w is w made-up orders whose logs have its mean and its variance."""
    rng, prior = np.random.default_rng(6), LatencySettings(median_seconds=0.05, spread=0.5)
    made = math.log(0.05) + 0.5 * np.tile([-1.0, 1.0], 20)
    own = np.exp(math.log(0.3) + 0.8 * rng.standard_normal(70))
    found = latency_of(own, prior, 40.0)
    both = np.concatenate([made, np.log(own)])
    assert found.median == pytest.approx(np.exp(both.mean()), rel=1e-12)
    assert found.spread == pytest.approx(both.std(), rel=1e-12)
    many = latency_of(np.exp(math.log(0.3) + 0.8 * rng.standard_normal(20_000)), prior, 40.0)
    assert abs(math.log(many.median / 0.3)) < 3.0 * many.log_error
    assert abs(many.spread - 0.8) < 3.0 * many.spread_error


def test_a_prior_of_no_latency_weighs_nothing():
    own = np.array([0.1, 0.4])
    found = latency_of(own, LatencySettings(median_seconds=0.0, spread=0.5), 40.0)
    assert found.median == pytest.approx(0.2)
    assert latency_of(np.zeros(3), LatencySettings(), 40.0).median < 0.05


def test_impact_of_a_book_is_least_squares_through_the_origin():
    rng = np.random.default_rng(7)
    push = regressors(np.ones(50), rng.uniform(1e-4, 1e-3, 50), rng.uniform(0, 1, 50), np.zeros(50))[:, 1]
    beyond = 0.7 * push + 1e-5 * rng.standard_normal(50)
    assert book_impact(beyond, push) == pytest.approx(sm.OLS(beyond, push).fit().params[0], rel=1e-12)
    assert book_impact(np.zeros(3), np.zeros(3)) == 0.0
