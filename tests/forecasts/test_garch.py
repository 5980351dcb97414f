import numpy as np
import pandas as pd
import pytest
from arch import arch_model
from arch.univariate import GARCH, ZeroMean

from pipeline.domain.errors import FitError
from pipeline.forecasts.catalogue import LEVEL_FORECASTERS, VARIANCE_FORECASTERS, forecasters
from pipeline.forecasts.garch import Garch, Gjr, cumulated_variance, variance_recursion
from pipeline.forecasts.targets import level_ahead, variance_ahead
from pipeline.forecasts.task import illiquidity_task, variance_task

TRUTH = {"omega": 2e-6, "alpha": 0.04, "gamma": 0.10, "beta": 0.88}
both = pytest.mark.parametrize("model", [Garch, Gjr], ids=lambda model: model.name)


def simulated(rows, seed=0, omega=2e-6, alpha=0.04, gamma=0.10, beta=0.88):
    shocks = np.random.default_rng(seed).normal(size=rows)
    returns, variance = np.empty(rows), omega / (1 - alpha - gamma / 2 - beta)
    for t in range(rows):
        returns[t] = np.sqrt(variance) * shocks[t]
        variance = omega + (alpha + gamma * (returns[t] < 0)) * returns[t] ** 2 + beta * variance
    return returns


def frame(returns):
    return pd.DataFrame({"return_1d": returns}), variance_ahead(
        pd.Series(100 * np.exp(np.cumsum(returns))), 5
    )


@pytest.fixture(scope="module")
def history():
    return frame(simulated(4000))


def test_the_kernel_is_the_recursion():
    returns = simulated(300)
    expected, variance = [], 1e-4
    for r in returns:
        variance = 2e-6 + 0.04 * r**2 + 0.10 * r**2 * (r < 0) + 0.88 * variance
        expected.append(variance)
    np.testing.assert_allclose(
        variance_recursion(returns, 2e-6, 0.04, 0.10, 0.88, 1e-4), expected, rtol=1e-12
    )


def test_a_missing_return_counts_as_its_expectation():
    holes = np.array([0.01, np.nan, np.nan])
    one, two, three = variance_recursion(holes, 2e-6, 0.04, 0.10, 0.88, 1e-4)
    assert two == pytest.approx(2e-6 + 0.97 * one, rel=1e-12)
    assert three == pytest.approx(2e-6 + 0.97 * two, rel=1e-12)


@pytest.mark.parametrize("persistence", [0.0, 0.9, 0.999999, 1.0])
@pytest.mark.parametrize("horizon", [1, 2, 21])
def test_cumulated_variance_is_the_iterated_expectation(persistence, horizon):
    ahead = np.array([1e-4, 4e-4])
    total, step = np.zeros(2), ahead.copy()
    for _ in range(horizon):
        total += step
        step = 2e-6 + persistence * step
    np.testing.assert_allclose(cumulated_variance(ahead, 2e-6, persistence, horizon), total, rtol=1e-12)


def test_at_its_long_run_mean_the_variance_stays():
    mean = 2e-6 / (1 - 0.9)
    assert cumulated_variance(np.array([mean]), 2e-6, 0.9, 21)[0] == pytest.approx(21 * mean, rel=1e-12)


@both
@pytest.mark.parametrize("horizon", [1, 5, 21])
def test_forecasts_equal_those_of_arch(history, model, horizon):
    X, y = history
    ours = model(variance_task(horizon)).fit(X, y.outcome)
    unit = np.sqrt(ours.start_)
    volatility = GARCH(p=1, o=int(ours.asymmetric), q=1)
    peer = ZeroMean(X["return_1d"] / unit, volatility=volatility, rescale=False)
    gamma = [ours.gamma_] if ours.asymmetric else []
    fixed = peer.fix([ours.omega_ / unit**2, ours.alpha_, *gamma, ours.beta_])
    expected = fixed.forecast(horizon=horizon, start=2000, reindex=False).variance.sum(axis=1) * unit**2
    np.testing.assert_allclose(ours.predict(X)[2000:], expected, rtol=1e-9)


@both
def test_the_fit_reaches_the_likelihood_of_arch_on_percent_returns(history, model):
    X, y = history
    ours = model(variance_task(1)).fit(X, y.outcome)
    percent = 100 * X["return_1d"]
    peer = arch_model(percent, mean="Zero", o=int(ours.asymmetric), rescale=False)
    omega, start = 1e4 * ours.omega_, 1e4 * ours.start_
    theirs = peer.fit(disp="off", backcast=start)
    ahead = variance_recursion(percent.to_numpy(), omega, ours.alpha_, ours.gamma_, ours.beta_, start)
    variance = np.insert(ahead[:-1], 0, omega + ours.persistence * start)
    own = -0.5 * (np.log(2 * np.pi * variance) + percent**2 / variance).sum()
    assert own == pytest.approx(theirs.loglikelihood, abs=0.01)


def test_gjr_recovers_the_process_that_made_the_returns():
    X, y = frame(simulated(20_000, seed=2))
    model = Gjr(variance_task(1)).fit(X, y.outcome)
    assert model.alpha_ == pytest.approx(TRUTH["alpha"], abs=0.015)
    assert model.gamma_ == pytest.approx(TRUTH["gamma"], abs=0.02)
    assert model.beta_ == pytest.approx(TRUTH["beta"], abs=0.02)
    assert model.omega_ == pytest.approx(TRUTH["omega"], rel=0.25)
    assert model.persistence < 1


def test_the_unit_of_the_returns_does_not_matter(history):
    X, y = history
    one = Gjr(variance_task(5)).fit(X, y.outcome).predict(X)
    scaled = Gjr(variance_task(5)).fit(100 * X, 1e4 * y.outcome).predict(100 * X)
    np.testing.assert_allclose(scaled, 1e4 * one, rtol=1e-6)


def test_a_hole_does_not_void_the_rows_after_it(history):
    X, y = history
    hole = X.copy()
    hole.iloc[[0, 700], 0] = np.nan
    assert np.isfinite(Garch(variance_task(5)).fit(hole, y.outcome).predict(hole)).all()


@both
def test_only_variances_are_forecast(history, model):
    X, _ = history
    assert not set(VARIANCE_FORECASTERS) - set(forecasters(variance_task(5)))
    assert list(forecasters(illiquidity_task())) == list(LEVEL_FORECASTERS)
    with pytest.raises(FitError, match="illiquidity_1d: it forecasts variances only"):
        model(illiquidity_task()).fit(X, level_ahead(X["return_1d"]).outcome)


def test_returns_that_are_all_zero_are_an_error():
    X, y = frame(np.zeros(300))
    with pytest.raises(FitError, match="every training return is zero"):
        Garch(variance_task(5)).fit(X, y.outcome)


@both
def test_one_fit_serves_every_horizon(history, model):
    X, y = history
    once = model(variance_task(1)).learn(X["return_1d"].to_numpy())
    for horizon in (5, 21):
        own = model(variance_task(horizon)).fit(X, y.outcome)
        np.testing.assert_array_equal(once.over(variance_task(horizon)).predict(X), own.predict(X))


def test_a_process_of_few_returns_is_an_error():
    with pytest.raises(FitError, match="99 usable training rows"):
        Garch(variance_task(5)).learn(simulated(99))


def test_the_fit_can_be_simulated():
    model = Gjr(variance_task(5)).learn(simulated(4000))
    market = model.market(step=1 / 252, spot=50.0)
    assert (market.spot, market.persistence) == (50.0, pytest.approx(model.persistence))
    assert market.long_run == pytest.approx(model.omega_ / (1 - model.persistence))
