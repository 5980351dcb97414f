import numpy as np
import pytest

from pipeline.domain.desk import ForecastSettings
from pipeline.forecasts.boosted import LightGbm
from pipeline.forecasts.combination import Combination, inverse_loss_weights, log_pool
from pipeline.forecasts.har import Har
from pipeline.forecasts.harness import fit_all
from pipeline.forecasts.scores import qlike
from pipeline.forecasts.targets import variance_ahead
from pipeline.forecasts.task import variance_task

WEEK = variance_task(5)


def test_equal_losses_give_equal_weights_and_half_the_loss_twice_the_weight():
    np.testing.assert_allclose(inverse_loss_weights(np.full((5, 4), 0.3)), 0.25)
    weights = inverse_loss_weights(np.tile([0.1, 0.2], (7, 1)))
    assert weights[0] == pytest.approx(2 * weights[1])
    assert weights.sum() == pytest.approx(1.0)


def test_a_row_that_not_every_model_has_does_not_count():
    losses = np.array([[0.1, 0.2], [np.nan, 50.0], [0.1, 0.2]])
    np.testing.assert_array_equal(inverse_loss_weights(losses), inverse_loss_weights(losses[[0, 2]]))


def test_nothing_known_gives_equal_weights():
    np.testing.assert_array_equal(inverse_loss_weights(np.empty((0, 4))), np.full(4, 0.25))
    np.testing.assert_array_equal(inverse_loss_weights(np.full((3, 2), np.nan)), np.full(2, 0.5))


def test_models_without_any_loss_share_all_weight_as_in_the_limit():
    found = inverse_loss_weights(np.array([[0.1, 0.0, 0.0], [0.2, 0.0, 0.0]]))
    assert found.tolist() == [0.0, 0.5, 0.5]
    near = inverse_loss_weights(np.array([[0.1, 1e-12, 1e-12], [0.2, 1e-12, 1e-12]]))
    np.testing.assert_allclose(near, found, atol=1e-10)


def test_the_pool_keeps_its_members_between_scales_with_them_and_passes_nan_on():
    rng = np.random.default_rng(1)
    forecasts = np.exp(rng.normal(size=(40, 3)))
    pooled = log_pool(forecasts, np.array([0.2, 0.3, 0.5]))
    assert (forecasts.min(axis=1) <= pooled).all()
    assert (pooled <= forecasts.max(axis=1)).all()
    np.testing.assert_allclose(log_pool(7.0 * forecasts, np.array([0.2, 0.3, 0.5])), 7.0 * pooled)
    forecasts[4, 1] = np.nan
    assert np.flatnonzero(np.isnan(log_pool(forecasts, np.full(3, 1 / 3)))).tolist() == [4]


def test_the_pool_costs_no_more_than_its_members_on_average():
    """QLIKE is convex in the log of the forecast, so a pool is at most the weighted mean of the losses."""
    rng = np.random.default_rng(2)
    y, forecasts = np.exp(rng.normal(size=500)), np.exp(rng.normal(size=(500, 3)))
    weights = np.array([0.1, 0.6, 0.3])
    losses = np.stack([qlike(y, each) for each in forecasts.T], axis=1)
    assert (qlike(y, log_pool(forecasts, weights)) <= losses @ weights + 1e-12).all()


def test_the_weights_come_from_the_last_third_forecast_by_the_first_two(market):
    """The same by hand: purge five rows, fit, judge, weigh; then the members learn from everything."""
    y = variance_ahead(market["close"], 5).outcome
    found = Combination(WEEK).fit(market[:1200], y[:1200])
    losses = []
    for member in (Har, LightGbm):
        tried = member(WEEK).fit(market[:795], y[:795])
        losses.append(qlike(WEEK.floored(y)[800:1200], tried.predict(market[:1200])[800:]).mean())
    np.testing.assert_allclose(found.weights_, (1 / np.array(losses)) / (1 / np.array(losses)).sum())
    members = [member(WEEK).fit(market[:1200], y[:1200]).predict(market) for member in (Har, LightGbm)]
    expected = np.exp(found.weights_ @ np.log(np.stack(members)))
    np.testing.assert_allclose(found.predict(market), expected, rtol=1e-12)


def test_fitted_beside_its_members_it_is_the_same(market):
    y = variance_ahead(market["close"], 5).outcome
    alone = Combination(WEEK, ForecastSettings(), 3).fit(market, y)
    beside = fit_all(WEEK, market, y, ForecastSettings(), 3)["combination"]
    np.testing.assert_array_equal(beside.predict(market), alone.predict(market))


def test_targets_of_the_last_third_do_not_reach_the_models_that_it_judges(market):
    y = variance_ahead(market["close"], 5).outcome[:1200]
    changed = y.copy()
    changed[800:] *= 3.0
    before, after = (Combination(WEEK).fit(market[:1200], each).weights_ for each in (y, changed))
    tried = [
        member(WEEK).fit(market[:795], y[:795]).predict(market[:1200])[800:] for member in (Har, LightGbm)
    ]
    losses = np.array([qlike(WEEK.floored(changed)[800:], each).mean() for each in tried])
    np.testing.assert_allclose(after, (1 / losses) / (1 / losses).sum())
    assert not np.array_equal(before, after)
