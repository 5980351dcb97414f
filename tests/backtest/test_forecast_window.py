"""What one window is fitted on: without implied volatility, and with realised measures."""

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.forecast_window import NO_IMPLIED, forecast_blind
from pipeline.backtest.learned_forecasts import _are_measured
from pipeline.backtest.windows import Window
from pipeline.domain.desk import ForecastSettings
from pipeline.domain.errors import DataError
from pipeline.forecasts.boosted import LightGbm
from pipeline.forecasts.task import IMPLIED, LOG_IMPLIED, illiquidity_task, variance_task

ROWS, LEARNED = 500, 400
SETTINGS = ForecastSettings(trees=10)


@pytest.fixture(scope="module")
def features():
    rng = np.random.default_rng(2)
    task, liquidity = variance_task(1, implied=True), illiquidity_task()
    names = {*task.levels, *task.inputs, *task.tree_inputs, *liquidity.levels}
    return pd.DataFrame({name: 0.2 * np.exp(0.3 * rng.normal(size=ROWS)) for name in sorted(names)})


@pytest.mark.parametrize(
    ("task", "models"),
    [
        (variance_task(1, implied=True), ["lightgbm_no_implied", "log_linear_no_implied"]),
        (illiquidity_task(), ["lightgbm_no_implied"]),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_a_blind_forecast_does_not_move_with_implied_volatility(features, task, models):
    learned = (0.1 * features[task.levels[0]] * features["implied_vol"]).to_numpy()[:LEARNED]

    def forecasts(X):
        return forecast_blind(task, task.blind, NO_IMPLIED, SETTINGS, 7, X, learned, LEARNED)["predictions"]

    blind = forecasts(features)
    assert list(blind) == models
    assert blind.index.equals(features.index[LEARNED:])
    implied = [name for name in (*IMPLIED, LOG_IMPLIED) if name in features]
    moved = features.assign(**{name: 3.0 * features[name] for name in implied})
    pd.testing.assert_frame_equal(forecasts(moved), blind)
    seeing = LightGbm(task, SETTINGS, 7).fit(features[:LEARNED], learned).predict(features)[LEARNED:]
    assert not np.array_equal(seeing, blind["lightgbm_no_implied"])


def test_measures_that_end_before_the_test_are_an_error():
    sessions = pd.bdate_range("2001-01-01", periods=100)
    features = pd.DataFrame({"session": sessions, "rv_1d": np.where(np.arange(100) < 60, 0.2, np.nan)})
    early = [Window(0, 50, 60, tested=True)]
    assert _are_measured(features, early)
    assert not _are_measured(features.drop(columns="rv_1d"), early)
    assert not _are_measured(features, [Window(0, 90, 95, tested=True)])
    late = [Window(0, 60, 70, tested=False), Window(1, 70, 100, tested=True)]
    with pytest.raises(DataError, match=r"no session of the test period .* last that does is 2001-03-23"):
        _are_measured(features, late)
