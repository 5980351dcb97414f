"""What the default inputs were chosen for, on the embedded market before the shipped desk's test years."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.data_settings import SampleData
from pipeline.domain.desk import ForecastSettings
from pipeline.features.assemble import assemble
from pipeline.forecasts.harness import fit_all, predict_all, score_table, training_rows
from pipeline.forecasts.targets import level_ahead, variance_ahead
from pipeline.forecasts.task import gap_task, illiquidity_task, spike_task, variance_task
from pipeline.ingest.sources import load_tables

END = pd.Timestamp("2016-01-01")
REFITS = pd.date_range("2014-01-01", END, freq="6MS")


@pytest.fixture(scope="module")
def real() -> pd.DataFrame:
    tables = load_tables(SampleData())
    features = assemble(tables["bars"], tables["implied_vol"])["features"].set_index("session")
    features["close"] = tables["bars"].set_index("session")["close"]
    return features[features.index < END]


def walk_forward(task, target, X):
    pieces = []
    bounds = X.index.searchsorted(REFITS)
    for start, stop in pairwise(bounds):
        rows = training_rows(target.known, start, embargo=5)
        models = fit_all(task, X[rows], target.outcome[rows], ForecastSettings(), seed=7)
        pieces.append(predict_all(models, X.iloc[:stop]).iloc[start:])
    return score_table(pd.concat(pieces), target.outcome[bounds[0] :], task)


def test_every_column_of_the_tasks_is_a_feature(real):
    for task in (variance_task(1), illiquidity_task(), spike_task(), gap_task()):
        assert {*task.levels, *task.inputs, *task.tree_inputs} <= set(real.columns)


@pytest.mark.parametrize("horizon", [1, 5, 10, 21])
def test_trees_are_not_worse_than_their_linear_start(real, horizon):
    table = walk_forward(variance_task(horizon), variance_ahead(real["close"], horizon), real)
    assert table.loc["lightgbm", "qlike"] < 1.01 * table.loc["log_linear", "qlike"]
    assert table.loc["lightgbm", "qlike"] < table.loc["log_har", "qlike"]
    assert (table.loc["last_value", "qlike"] >= table["qlike"]).all()
    if horizon <= 5:
        assert table.loc["lightgbm", "qlike"] < 0.98 * table.loc["log_linear", "qlike"]


def test_illiquidity_beats_har_clearly(real):
    table = walk_forward(illiquidity_task(), level_ahead(real["illiquidity_1d"]), real)
    assert table.loc["lightgbm", "qlike"] < table.loc["log_linear", "qlike"] < table.loc["har", "qlike"]
    assert table.loc["lightgbm", "dm_p"] < 0.01
    assert np.isfinite(table["mse"]).all()
