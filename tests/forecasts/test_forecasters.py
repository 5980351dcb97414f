import json

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.desk import ForecastSettings
from pipeline.domain.errors import DataError, FitError, StoreError
from pipeline.domain.lstm_settings import LstmSettings
from pipeline.forecasts.boosted import LightGbm, LightGbmEvent
from pipeline.forecasts.catalogue import (
    EVENT_FORECASTERS,
    NAMED_FORECASTERS,
    VARIANCE_FORECASTERS,
    restore,
)
from pipeline.forecasts.events import Climatology, Logistic
from pipeline.forecasts.ewma import Ewma, ewma
from pipeline.forecasts.from_linear import all_inputs, input_names
from pipeline.forecasts.garch import Garch
from pipeline.forecasts.har import Har, LogHar
from pipeline.forecasts.last_value import LastValue
from pipeline.forecasts.linear_forecaster import linear_inputs
from pipeline.forecasts.log_linear import LogLinear
from pipeline.forecasts.scores import qlike
from pipeline.forecasts.targets import level_ahead, spike_ahead, variance_ahead
from pipeline.forecasts.task import Task, illiquidity_task, spike_task, variance_task

WEEK = variance_task(5)
PLAIN = Task("simulated", "level", 1, ("day", "week", "month"), floor=1e-12)


def levels(rng, rows, columns=("day", "week", "month")):
    return pd.DataFrame(np.exp(rng.normal(0.0, 0.5, (rows, len(columns)))), columns=list(columns))


def fitted(model, market):
    task = WEEK if model.name in VARIANCES else spike_task()
    y = variance_ahead(market["close"], 5) if task is WEEK else spike_ahead(market["parkinson_1d"], 1.5, 50)
    return model(task, SETTINGS, seed=3).fit(market, y.outcome), y.outcome


VARIANCES = {**VARIANCE_FORECASTERS, **NAMED_FORECASTERS}
SETTINGS = ForecastSettings(lstm=LstmSettings(units=4, networks=2, passes=5))
ALL = [*VARIANCES.values(), *EVENT_FORECASTERS.values()]
by_name = pytest.mark.parametrize("model", ALL, ids=lambda model: model.name)


@by_name
def test_forecasts_are_positive_and_as_long_as_the_features(market, model):
    forecaster, _ = fitted(model, market)
    forecast = forecaster.predict(market)
    assert forecast.shape == (len(market),)
    assert np.isfinite(forecast[22:]).all()
    assert (forecast[22:] > 0).all()
    if forecaster.task.kind == "event":
        assert (forecast[22:] < 1).all()


@by_name
def test_a_saved_model_predicts_the_same_bits(market, model):
    forecaster, _ = fitted(model, market)
    back = restore(json.loads(json.dumps(forecaster.to_state())))
    assert type(back) is model
    assert back.task == forecaster.task
    assert back.settings == forecaster.settings
    np.testing.assert_array_equal(back.predict(market), forecaster.predict(market))


@by_name
def test_a_second_fit_repeats_the_first_to_the_bit(market, model):
    np.testing.assert_array_equal(
        fitted(model, market)[0].predict(market), fitted(model, market)[0].predict(market)
    )


@by_name
def test_too_few_rows_are_an_error(market, model):
    task = WEEK if model.name in VARIANCES else spike_task()
    y = np.where(np.arange(len(market)) < 99, np.arange(len(market)) % 2, np.nan)
    with pytest.raises(FitError, match=f"of {task.name}: .* 100 are needed"):
        model(task).fit(market, y)


@pytest.mark.parametrize("model", [m for m in ALL if m is not Climatology], ids=lambda model: model.name)
def test_a_missing_column_is_named(market, model):
    forecaster, y = fitted(model, market)
    column = "return_1d" if issubclass(model, Garch) else "parkinson_1d"
    with pytest.raises(DataError, match=f"lack {column}"):
        model(forecaster.task).fit(market.drop(columns=column), y)


@pytest.mark.parametrize("model", [LastValue, Har, LogHar, LogLinear, LightGbm, Logistic, LightGbmEvent])
def test_a_missing_level_voids_its_own_row_only(market, model):
    forecaster, _ = fitted(model, market)
    hole = market.copy()
    hole.iloc[700, hole.columns.get_loc("parkinson_1d")] = np.nan
    forecast = forecaster.predict(hole)
    assert np.isnan(forecast[700])
    np.testing.assert_array_equal(np.delete(forecast, 700), np.delete(forecaster.predict(market), 700))


def test_ewma_keeps_its_forecast_through_a_hole(market):
    forecaster, _ = fitted(Ewma, market)
    hole = market.copy()
    hole.iloc[700, hole.columns.get_loc("parkinson_1d")] = np.nan
    forecast = forecaster.predict(hole)
    assert forecast[700] == forecast[699]


def test_trees_take_missing_columns_of_their_own(market):
    forecaster, _ = fitted(LightGbm, market)
    assert market["log_volume_ratio"].iloc[:700].isna().all()
    assert np.isfinite(forecaster.predict(market)[30:700]).all()


def test_components_of_a_variance_are_over_the_horizon():
    X = pd.DataFrame({name: [0.16, 0.0, np.nan] for name in WEEK.levels})
    components = WEEK.components(X)
    np.testing.assert_allclose(components[0], 0.16**2 * 5 / 252, rtol=1e-12)
    np.testing.assert_array_equal(components[1], 1e-8)
    assert np.isnan(components[2]).all()


def test_targets_of_zero_count_as_one_basis_point_and_events_stay():
    np.testing.assert_array_equal(variance_task(1).floored(np.array([0.0, 1e-4])), [1e-8, 1e-4])
    np.testing.assert_array_equal(spike_task().floored(np.array([0.0, 1.0])), [0.0, 1.0])


def test_last_value_is_the_level_times_the_mean_ratio():
    X = levels(np.random.default_rng(0), 200)
    forecast = LastValue(PLAIN).fit(X, 3.0 * X["day"].to_numpy()).predict(X)
    np.testing.assert_allclose(forecast, 3.0 * X["day"], rtol=1e-12)


def test_ewma_is_the_recursion():
    level = np.random.default_rng(0).chisquare(1, 300)
    level[[0, 40, 41]] = np.nan
    expected, state = [], np.nan
    for value in level:
        if not np.isnan(value):
            state = value if np.isnan(state) else 0.9 * state + 0.1 * value
        expected.append(state)
    np.testing.assert_allclose(ewma(level, 0.9), expected, rtol=1e-12)


def test_ewma_finds_the_decay_that_made_the_data():
    rng = np.random.default_rng(4)
    X = levels(rng, 6000)
    y = 2.0 * ewma(X["day"].to_numpy(), 0.94) * np.exp(0.1 * rng.normal(size=6000) - 0.005)
    model = Ewma(PLAIN).fit(X, y)
    assert model.decay_ == 0.94
    assert model.scale_ == pytest.approx(2.0, rel=0.01)


def test_har_recovers_the_coefficients_of_a_har_process():
    rng = np.random.default_rng(8)
    rows, slopes = 20_000, np.array([0.35, 0.3, 0.25])
    level = np.ones(rows)
    for t in range(22, rows):
        past = np.array([level[t - 1], level[t - 5 : t].mean(), level[t - 22 : t].mean()])
        level[t] = (0.1 + slopes @ past) * rng.gamma(8.0, 1 / 8.0)
    series = pd.Series(level)
    X = pd.DataFrame({"day": series, "week": series.rolling(5).mean(), "month": series.rolling(22).mean()})
    model = Har(PLAIN).fit(X, level_ahead(series).outcome)
    np.testing.assert_allclose(model.slopes_, slopes, atol=0.06)
    assert model.intercept_ == pytest.approx(0.1, abs=0.05)


def test_har_is_floored_and_says_how_often():
    rng = np.random.default_rng(8)
    X = levels(rng, 400)
    y = np.maximum(X["day"].to_numpy() - X["month"].to_numpy(), 1e-9) + 1e-3
    model = Har(PLAIN).fit(X, y)
    forecast = model.predict(X)
    assert model.floor_ > 0
    assert model.floored_share_ == pytest.approx(np.mean(forecast == model.floor_))
    assert 0 < model.floored_share_ < 1
    assert forecast.min() == model.floor_


def test_smearing_makes_the_level_unbiased():
    rng = np.random.default_rng(9)
    X = levels(rng, 20_000)
    truth = np.exp(0.2 + 0.5 * np.log(X["day"].to_numpy()))
    y = truth * np.exp(rng.normal(0.0, 0.8, len(X)))
    model = LogHar(PLAIN).fit(X, y)
    forecast = model.predict(X)
    standard_error = np.std(y / forecast) / np.sqrt(len(y))
    assert (y / forecast).mean() == pytest.approx(1.0, abs=1e-9)
    assert model.smearing_ == pytest.approx(np.exp(0.8**2 / 2), abs=4 * standard_error * model.smearing_)
    np.testing.assert_allclose(forecast, truth * np.exp(0.32), rtol=0.06)


def test_log_linear_is_the_least_qlike_of_its_inputs(market):
    model, y = fitted(LogLinear, market)
    rows = np.isfinite(linear_inputs(WEEK, market)).all(axis=1) & np.isfinite(y)
    base = qlike(y[rows], model.predict(market)[rows]).mean()
    assert (y[rows] / model.predict(market)[rows]).mean() == pytest.approx(1.0, abs=1e-6)
    for j in range(len(model.slopes_)):
        for step in (-0.05, 0.05):
            moved = restore(model.to_state())
            moved.slopes_[j] += step
            assert qlike(y[rows], moved.predict(market)[rows]).mean() > base


def test_log_linear_recovers_an_exponential_link():
    rng = np.random.default_rng(10)
    X = levels(rng, 20_000)
    logs = np.log(X.to_numpy())
    y = np.exp(0.3 + logs @ [0.5, 0.3, 0.1]) * rng.chisquare(1, len(X))
    model = LogLinear(PLAIN).fit(X, y)
    np.testing.assert_allclose(model.slopes_ / model.scale_, [0.5, 0.3, 0.1], atol=0.08)


@pytest.mark.parametrize(("boosted", "start"), [(LightGbm, LogLinear), (LightGbmEvent, Logistic)])
def test_trees_that_learn_nothing_equal_their_linear_start(market, boosted, start):
    linear, y = fitted(start, market)
    still = ForecastSettings(trees=1, learning_rate=1e-12)
    forecast = boosted(linear.task, still).fit(market, y).predict(market)
    np.testing.assert_allclose(forecast, linear.predict(market), rtol=1e-9)


@pytest.mark.parametrize(("boosted", "start"), [(LightGbm, LogLinear), (LightGbmEvent, Logistic)])
def test_trees_lower_the_training_loss(market, boosted, start):
    linear, y = fitted(start, market)
    trees, _ = fitted(boosted, market)
    rows = np.isfinite(linear.predict(market)) & np.isfinite(y)

    def loss(model):
        p = model.predict(market)[rows]
        if linear.task.kind == "level":
            return qlike(y[rows], p).mean()
        return -(y[rows] * np.log(p) + (1 - y[rows]) * np.log(1 - p)).mean()

    assert loss(trees) < loss(linear)


def test_trees_find_what_a_linear_model_cannot():
    rng = np.random.default_rng(12)
    X = levels(rng, 4000)
    X["side"] = rng.normal(size=4000)
    y = X["day"].to_numpy() * np.where(np.abs(X["side"]) > 1, 2.0, 1.0) * rng.gamma(4.0, 0.25, 4000)
    task = Task("simulated", "level", 1, ("day", "week", "month"), ("side",))
    train, test = slice(0, 3000), slice(3000, 4000)
    losses = {
        model: qlike(y[test], model(task).fit(X[train], y[train]).predict(X[test])).mean()
        for model in (LogLinear, LightGbm)
    }
    assert losses[LightGbm] < 0.9 * losses[LogLinear]


def test_climatology_is_the_base_rate(market):
    model, y = fitted(Climatology, market)
    np.testing.assert_array_equal(model.predict(market), np.nanmean(y))


def test_logistic_is_calibrated_on_average(market):
    model, y = fitted(Logistic, market)
    rows = np.isfinite(model.predict(market)) & np.isfinite(y)
    assert model.predict(market)[rows].mean() == pytest.approx(y[rows].mean(), abs=1e-4)


def test_logistic_recovers_its_coefficients():
    rng = np.random.default_rng(13)
    task = Task("simulated", "event", 1, ("day", "week", "month"))
    X = levels(rng, 20_000)
    logs = np.log(X.to_numpy())
    y = (rng.uniform(size=len(X)) < 1 / (1 + np.exp(1.0 - logs @ [2.0, 1.0, 0.0]))).astype(float)
    model = Logistic(task).fit(X, y)
    np.testing.assert_allclose(model.slopes_ / model.scale_, [2.0, 1.0, 0.0], atol=0.15)


def test_no_event_in_training_is_an_error(market):
    with pytest.raises(FitError, match="0 events"):
        Logistic(spike_task()).fit(market, np.zeros(len(market)))


def test_an_unknown_saved_model_is_an_error():
    with pytest.raises(StoreError, match="saved forecaster oracle"):
        restore({"model": "oracle"})


def test_illiquidity_uses_its_own_levels(market):
    y = level_ahead(market["illiquidity_1d"]).outcome
    model = LightGbm(illiquidity_task()).fit(market, y)
    forecast = model.predict(market)
    rows = np.isfinite(forecast) & np.isfinite(y)
    assert np.corrcoef(np.log(forecast[rows]), np.log(y[rows]))[0, 1] > 0.5


@pytest.mark.parametrize("model", [LightGbm, LightGbmEvent])
def test_contributions_sum_to_the_score_but_for_constants(market, model):
    forecaster, _ = fitted(model, market)
    parts = forecaster.contributions(market)
    assert parts.shape == (len(market), len(input_names(forecaster.task)), 2)
    rest = (forecaster.score(market) - parts.sum(axis=(1, 2)))[30:]
    np.testing.assert_allclose(rest, rest[0], rtol=0, atol=1e-9)


def test_an_input_that_no_model_uses_moves_nothing(market):
    forecaster, y = fitted(LightGbm, market)
    constant = market.assign(return_1d=0.01)
    parts = LightGbm(forecaster.task, seed=3).fit(constant, y).contributions(constant)
    place = input_names(forecaster.task).index("return_1d")
    assert all_inputs(forecaster.task, constant)[50, place] == 0.01
    np.testing.assert_allclose(parts[30:, place], 0.0, atol=1e-9)
