import numpy as np
import pandas as pd
import pytest

from pipeline.domain.desk import ForecastSettings
from pipeline.domain.errors import DataError
from pipeline.domain.lstm_settings import LstmSettings
from pipeline.forecasts.catalogue import EVENT_FORECASTERS, VARIANCE_FORECASTERS, forecasters
from pipeline.forecasts.harness import fit_all, predict_all, score_table, training_rows
from pipeline.forecasts.scores import brier, diebold_mariano, mse, qlike
from pipeline.forecasts.targets import spike_ahead, variance_ahead
from pipeline.forecasts.task import spike_task, variance_task

SETTINGS = ForecastSettings(lstm=LstmSettings(units=4, networks=2, passes=5))


def test_training_rows_end_before_the_boundary_by_horizon_and_embargo():
    rows = training_rows(np.arange(100) + 21, boundary=60, embargo=5)
    assert np.flatnonzero(rows).max() == 60 - 5 - 21 - 1
    assert rows[: 60 - 26].all()


def test_level_table(market):
    task, target = variance_task(5), variance_ahead(market["close"], 5)
    train = training_rows(target.known, 1200, embargo=5)
    models = fit_all(task, market[train], target.outcome[train], SETTINGS, seed=1)
    predictions = predict_all(models, market)
    assert list(predictions.columns) == [*VARIANCE_FORECASTERS, "lstm"]
    assert predictions.index.equals(market.index)

    test = predictions.iloc[1200:]
    y = target.outcome[1200:]
    table = score_table(test, y, task)
    assert list(table.columns) == [*("qlike", "mse", "dm_p", "dm_p_log_har", "dm_p_log_linear", "mcs_p", "n")]
    assert (table["n"] == 295).all()
    ours, har = qlike(y[:-5], test["lightgbm"].to_numpy()[:-5]), qlike(y[:-5], test["har"].to_numpy()[:-5])
    assert table.loc["lightgbm", "qlike"] == pytest.approx(ours.mean())
    assert table.loc["har", "mse"] == pytest.approx(mse(y[:-5], test["har"].to_numpy()[:-5]))
    assert table.loc["lightgbm", "dm_p"] == pytest.approx(diebold_mariano(ours, har, 5).p_value)
    assert np.isnan(table.loc["har", "dm_p"])
    log_har = qlike(y[:-5], test["log_har"].to_numpy()[:-5])
    assert table.loc["har", "dm_p_log_har"] == pytest.approx(diebold_mariano(har, log_har, 5).p_value)
    start = qlike(y[:-5], test["log_linear"].to_numpy()[:-5])
    assert table.loc["lightgbm", "dm_p_log_linear"] == pytest.approx(diebold_mariano(ours, start, 5).p_value)
    assert table["qlike"].idxmin() not in ("last_value",)
    assert table.loc[table["qlike"].idxmin(), "mcs_p"] == 1.0
    assert table["mcs_p"].between(0.0, 1.0).all()


def test_event_table(market):
    task, target = spike_task(), spike_ahead(market["parkinson_1d"], 1.5, 50)
    train = training_rows(target.known, 1200)
    models = fit_all(task, market[train], target.outcome[train], SETTINGS, seed=1)
    predictions = predict_all(models, market).iloc[1200:]
    y = target.outcome[1200:]
    table = score_table(predictions, y, task)
    assert list(table.index) == list(EVENT_FORECASTERS)
    assert table.loc["climatology", "brier_skill"] == 0.0
    expected = 1 - brier(y[:-1], predictions["logistic"].to_numpy()[:-1]) / table.loc["climatology", "brier"]
    assert table.loc["logistic", "brier_skill"] == pytest.approx(expected)
    assert (table["base_rate"] == y[:-1].mean()).all()
    squares = [(predictions[name].to_numpy()[:-1] - y[:-1]) ** 2 for name in ("lightgbm_event", "logistic")]
    assert table.loc["lightgbm_event", "dm_p_logistic"] == pytest.approx(diebold_mariano(*squares, 1).p_value)


@pytest.mark.parametrize("task", [variance_task(5), spike_task()], ids=lambda each: each.name)
def test_what_models_share_is_what_each_would_fit_and_forecast_alone(market, task):
    outcome = {"level": variance_ahead(market["close"], 5).outcome}
    outcome["event"] = (np.arange(len(market)) % 7 < 2).astype(float)
    X, y = market[:900], outcome[task.kind][:900]
    together = fit_all(task, X, y, SETTINGS, seed=1)
    predicted = predict_all(together, market)
    for name, model in forecasters(task, SETTINGS).items():
        alone = model(task, SETTINGS, 1).fit(X, y)
        assert alone.to_state() == together[name].to_state()
        np.testing.assert_array_equal(alone.predict(market), predicted[name])


def test_every_model_is_scored_on_the_same_rows():
    task = variance_task(1)
    rng = np.random.default_rng(0)
    predictions = pd.DataFrame(rng.uniform(1e-4, 2e-4, (50, 2)), columns=["har", "log_har"])
    predictions.loc[3, "log_har"] = np.nan
    y = rng.uniform(1e-4, 2e-4, 50)
    y[7] = np.nan
    y[9] = 0.0
    table = score_table(predictions, y, task)
    assert (table["n"] == 48).all()
    assert np.isfinite(table["qlike"]).all()


def test_faults_are_named():
    task = variance_task(1)
    predictions = pd.DataFrame({"har": [1e-4], "log_har": [1e-4]})
    with pytest.raises(DataError, match="no forecasts of log_har"):
        score_table(predictions[["har"]], np.array([1e-4]), task)
    with pytest.raises(DataError, match="no row"):
        score_table(predictions, np.array([np.nan]), task)


def test_too_few_rows_have_scores_but_no_p_value():
    forecasts = np.full(10, 1e-4)
    predictions = pd.DataFrame({"har": forecasts, "log_har": 1.1 * forecasts})
    table = score_table(predictions, np.linspace(0.5e-4, 2e-4, 10), variance_task(5))
    assert np.isfinite(table["qlike"]).all()
    assert table[["dm_p", "dm_p_log_har", "dm_p_log_linear", "mcs_p"]].isna().all().all()
