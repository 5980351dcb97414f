"""A desk that chooses recurrent networks is given their forecasts and intervals, and goes on with them."""

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.continuation import Continuation
from pipeline.backtest.forecast_walk import walk_forward
from pipeline.backtest.windows import Window
from pipeline.domain.desk import ForecastSettings, load_desk
from pipeline.domain.lstm_settings import LstmSettings
from pipeline.forecasts.targets import level_ahead
from pipeline.forecasts.task import Task
from pipeline.ingest.pieces import anew

TASK = Task("variance_made", "level", 1, ("day", "week", "month"))
WINDOWS = (Window(0, 400, 450, tested=False), Window(1, 450, 500, tested=True))
LSTM = LstmSettings(units=3, networks=1, passes=4)


@pytest.fixture(scope="module")
def rows():
    day = pd.Series(np.exp(np.random.default_rng(6).normal(size=500)))
    X = pd.DataFrame({"day": day, "week": day.rolling(5).mean(), "month": day.rolling(22).mean()})
    return X.assign(session=pd.bdate_range("2001-01-01", periods=500, tz="UTC"))


def walked(rows, task=TASK, **forecasts):
    desk = load_desk("spx-daily").model_copy(update={"forecasts": ForecastSettings(trees=5, **forecasts)})
    return walk_forward(desk, rows, WINDOWS, task, lambda _: level_ahead(rows["day"]), anew)


def test_hedgers_are_given_the_chosen_forecast_and_its_interval(rows):
    walk = walked(rows, lstm=LSTM, chosen="lstm")
    intervals = walk.intervals("variance")
    assert walk.best == "lstm"
    pd.testing.assert_series_equal(walk.chosen, walk.predictions["lstm"])
    assert intervals.adaptive is intervals.by_model["lstm_adaptive"]
    assert {"lightgbm_adaptive", "lightgbm_fixed", "lstm_fixed", "log_har_normal"} <= set(intervals.by_model)
    assert (intervals.adaptive.lower < walk.chosen).all()

    kept = walk.continuation(pd.DatetimeIndex(rows["session"]), WINDOWS)
    after = Continuation.from_bytes(kept.to_bytes())
    np.testing.assert_array_equal(after.forecast(rows), walk.chosen.loc[450:])
    again = after.interval(rows, level_ahead(rows["day"]).outcome)
    np.testing.assert_array_equal(again.upper, intervals.adaptive.upper[50:])


def test_beside_the_trees_networks_change_nothing_that_hedgers_see(rows):
    beside, alone = walked(rows, lstm=LSTM), walked(rows)
    assert beside.best == alone.best == "lightgbm"
    assert set(beside.predictions) - set(alone.predictions) == {"lstm"}
    pd.testing.assert_frame_equal(beside.predictions[list(alone.predictions)], alone.predictions)
    assert "lstm_adaptive" in beside.intervals("variance").by_model


def test_what_is_no_variance_is_left_to_the_trees(rows):
    other = Task("depth", "level", 1, TASK.levels)
    walk = walked(rows, other, lstm=LSTM, chosen="lstm")
    assert walk.best == "lightgbm"
    assert "lstm" not in walk.predictions
