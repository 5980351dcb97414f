"""SHAR, HARQ and log-SHARQ: what each sees, what it recovers, where its forecasts end."""

import json

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import DataError, FitError
from pipeline.forecasts.boosted import LightGbm
from pipeline.forecasts.catalogue import MEASURED_FORECASTERS, VARIANCE_FORECASTERS, forecasters, restore
from pipeline.forecasts.from_linear import input_names
from pipeline.forecasts.realized import Harq, LogSharq, Shar
from pipeline.forecasts.scores import qlike
from pipeline.forecasts.task import MEASURES, RECENT, RQ_RATIO, RV_LEVELS, SEMI_LEVELS, variance_task

ROWS = 1200
DAY, WEEK = variance_task(1, measured=True), variance_task(5, measured=True)
by_name = pytest.mark.parametrize("model", MEASURED_FORECASTERS.values(), ids=lambda model: model.name)


@pytest.fixture(scope="module")
def measures():
    """Variances of the day as decimals, and the feature columns that stand for them."""
    rng = np.random.default_rng(4)
    log_vol = np.zeros(ROWS)
    for t in range(1, ROWS):
        log_vol[t] = 0.95 * log_vol[t - 1] + 0.2 * rng.normal()
    rv = pd.Series(1e-4 * np.exp(log_vol + 0.2 * rng.normal(size=ROWS)))
    plus = rv * rng.uniform(0.3, 0.7, ROWS)
    rq = rv**2 * np.exp(rng.normal(0.3, 0.4, ROWS))
    X = pd.DataFrame({f"rv_{days}d": np.sqrt(252 * rv.rolling(days).mean()) for days in (1, 5, 22)})
    X["upside_rv_1d"], X["downside_rv_1d"] = np.sqrt(252 * plus), np.sqrt(252 * (rv - plus))
    X["log_rq_ratio_1d"] = 0.5 * np.log(rq) - np.log(rv)
    return {"rv": rv, "plus": plus, "minus": rv - plus, "rq": rq}, X


def test_they_are_offered_for_variances_where_their_measures_are():
    assert list(forecasters(WEEK)) == [*VARIANCE_FORECASTERS, "shar", "harq", "log_sharq"]
    assert list(forecasters(variance_task(5))) == list(VARIANCE_FORECASTERS)
    without_rq = variance_task(5, set(MEASURES) - {"log_rq_ratio_1d"}, measured=True)
    assert set(forecasters(without_rq)) - set(VARIANCE_FORECASTERS) == {"shar"}
    without_halves = variance_task(5, set(MEASURES) - {"upside_rv_1d", "downside_rv_1d"}, measured=True)
    assert set(forecasters(without_halves)) - set(VARIANCE_FORECASTERS) == {"harq"}


def test_shar_recovers_the_slopes_of_rises_and_falls(measures):
    of, X = measures
    week, month = (of["rv"].rolling(days).mean() for days in (5, 22))
    y = (1e-5 + 0.1 * of["plus"] + 0.9 * of["minus"] + 0.2 * week + 0.3 * month).to_numpy()
    model = Shar(DAY).fit(X, y)
    np.testing.assert_allclose(model.slopes_, [0.1, 0.9, 0.2, 0.3], rtol=1e-7)
    assert model.intercept_ == pytest.approx(1e-5, rel=1e-7)
    np.testing.assert_allclose(model.predict(X)[21:], y[21:], rtol=1e-9)


def test_harq_recovers_a_slope_that_falls_with_the_error_of_the_day(measures):
    of, X = measures
    week, month = (of["rv"].rolling(days).mean() for days in (5, 22))
    slope = 0.6 - 500.0 * np.sqrt(of["rq"])
    y = (2e-5 + slope * of["rv"] + 0.2 * week + 0.3 * month).to_numpy()
    model = Harq(DAY).fit(X, y)
    np.testing.assert_allclose(model.slopes_, [0.6, -500.0, 0.2, 0.3], rtol=1e-7)


def test_log_sharq_recovers_its_elasticities_without_a_smear_where_nothing_scatters(measures):
    of, X = measures
    logs = [np.log(of[name]) for name in ("plus", "minus")]
    logs += [np.log(of["rv"].rolling(days).mean()) for days in (5, 22)]
    ratio = np.log(np.sqrt(of["rq"]) / of["rv"])
    y = np.exp(sum(b * x for b, x in zip((0.1, 0.3, 0.2, 0.3), logs, strict=True)) - 0.2 * ratio - 1.0)
    model = LogSharq(DAY).fit(X, y.to_numpy())
    np.testing.assert_allclose(model.slopes_, [0.1, 0.3, 0.2, 0.3, -0.2], rtol=1e-7)
    assert model.smearing_ == pytest.approx(1.0, abs=1e-9)


def test_the_smear_makes_the_mean_forecast_the_mean_target(measures):
    of, X = measures
    noise = np.exp(0.8 * np.random.default_rng(2).normal(size=ROWS))
    y = (of["rv"].rolling(22).mean() * noise).to_numpy()
    forecast = LogSharq(DAY).fit(X, y).predict(X)
    error = np.nanstd(y - forecast) / np.sqrt(ROWS)
    assert np.nanmean(forecast) == pytest.approx(np.nanmean(y), abs=4 * error)


@pytest.mark.parametrize("model", [Harq, LogSharq])
def test_the_unit_of_the_quarticity_moves_no_forecast(measures, model):
    of, X = measures
    y = (of["rv"] * np.exp(np.random.default_rng(3).normal(size=ROWS))).to_numpy()
    other = X.assign(log_rq_ratio_1d=X["log_rq_ratio_1d"] + 0.5 * np.log(1e11))
    np.testing.assert_allclose(
        model(DAY).fit(other, y).predict(other), model(DAY).fit(X, y).predict(X), rtol=1e-7, atol=0
    )


@pytest.mark.parametrize("model", [Shar, LogSharq])
def test_a_crash_beyond_the_training_rows_raises_the_forecast_and_a_calm_keeps_it_positive(measures, model):
    of, X = measures
    y = (of["rv"].rolling(5).sum().shift(-5)).to_numpy()
    fitted = model(WEEK).fit(X, y)
    crash = X.iloc[[-1]] * [30.0, 30.0, 30.0, 30.0, 30.0, 1.0]
    calm = X.iloc[[-1]] * [1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1.0]
    assert 0.0 < fitted.predict(calm)[0] < np.nanmedian(y) < fitted.predict(crash)[0]


def test_harq_forecasts_the_mean_where_its_line_leaves_what_was_seen(measures):
    of, X = measures
    y = (of["rv"] * np.exp(np.random.default_rng(3).normal(size=ROWS))).to_numpy()
    model = Harq(DAY).fit(X, y)
    beyond = X.assign(log_rq_ratio_1d=X["log_rq_ratio_1d"] + 9.0).iloc[-5:]
    np.testing.assert_array_equal(model.predict(beyond), np.mean(y[21:]))
    inside = model.predict(X)[21:]
    assert (inside >= model.floor_).all()
    assert (inside <= y[21:].max()).all()


@by_name
def test_a_saved_model_predicts_the_same_bits_and_a_missing_day_is_missing(measures, model):
    of, X = measures
    fitted = model(WEEK).fit(X, (5 * of["rv"].shift(-5)).to_numpy())
    back = restore(json.loads(json.dumps(fitted.to_state())))
    np.testing.assert_array_equal(back.predict(X), fitted.predict(X))
    hole = X.copy()
    hole.iloc[700] = np.nan
    missing = np.isnan(fitted.predict(hole))
    assert missing[700]
    assert not missing[[699, 701]].any()


@pytest.fixture
def market(measures):
    """The measures with the columns that the trees and their spare read."""
    of, X = measures
    rng = np.random.default_rng(7)
    range_vol = X["rv_1d"] * np.exp(0.3 * rng.normal(size=ROWS))
    wide = {f"parkinson_{d}d": np.sqrt((range_vol**2).rolling(d).mean()) for d in (1, 5, 22)}
    others = {*variance_task(5).tree_inputs, *RECENT} - set(wide)
    noise = {name: rng.normal(0.0, 0.1, ROWS) for name in sorted(others)}
    return X.assign(**wide, **noise), (5 * of["rv"].shift(-5)).to_numpy()


def test_the_trees_and_their_start_see_the_measures(market):
    X, y = market
    assert {f"log {name}" for name in (*RV_LEVELS, *SEMI_LEVELS)} | {RQ_RATIO} <= set(input_names(WEEK))
    without_rq = variance_task(5, set(X) - {RQ_RATIO}, measured=True)
    assert RQ_RATIO not in input_names(without_rq)
    assert variance_task(5).spare is None
    losses = {
        task.spare is None: qlike(y[900:-5], LightGbm(task).fit(X[:800], y[:800]).predict(X)[900:-5]).mean()
        for task in (WEEK, variance_task(5))
    }
    assert losses[False] < losses[True]


def test_a_session_without_measures_is_forecast_without_them(market):
    X, y = market
    fitted = LightGbm(WEEK).fit(X, y)
    spare = LightGbm(WEEK.spare).fit(X, y)
    hole = X.copy()
    hole.loc[700, list(MEASURES)] = np.nan
    forecast = fitted.predict(hole)
    assert forecast[700] == spare.predict(X)[700] != fitted.predict(X)[700]
    np.testing.assert_array_equal(np.delete(forecast, 700), np.delete(fitted.predict(X), 700))
    back = restore(json.loads(json.dumps(fitted.to_state())))
    np.testing.assert_array_equal(back.predict(hole), forecast)


@by_name
def test_what_is_missing_is_named(measures, model):
    of, X = measures
    y = of["rv"].to_numpy()
    with pytest.raises(DataError, match=r"variance_5d: the features lack rv_22d"):
        model(WEEK).fit(X.drop(columns="rv_22d"), y)
    with pytest.raises(FitError, match=rf"forecaster {model.name} of variance_5d: 78 usable training rows"):
        model(WEEK).fit(X[:99], y[:99])
