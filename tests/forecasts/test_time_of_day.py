"""The forecast of the clock: means by half-hour, the mean of all for one never seen."""

import numpy as np
import pandas as pd

from pipeline.forecasts.catalogue import forecasters, restore
from pipeline.forecasts.intraday_tasks import liquidity_task
from pipeline.forecasts.time_of_day import TimeOfDay

TASK = liquidity_task("depth", ())


def test_means_by_half_hour():
    X = pd.DataFrame({"half_hour": np.r_[np.zeros(60), np.ones(60)]})
    y = np.r_[np.full(60, 2.0), np.full(60, 6.0)]
    model = TimeOfDay(TASK).fit(X, y)
    asked = pd.DataFrame({"half_hour": [0.0, 1.0, 7.0, np.nan]})
    np.testing.assert_array_equal(model.predict(asked), [2.0, 6.0, 4.0, np.nan])
    np.testing.assert_array_equal(restore(model.to_state()).predict(asked), model.predict(asked))


def test_only_a_task_that_knows_the_time_has_it():
    from pipeline.forecasts.task import illiquidity_task

    assert TimeOfDay.name in forecasters(TASK)
    assert TimeOfDay.name not in forecasters(illiquidity_task())
