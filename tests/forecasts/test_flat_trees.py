"""The trees of one row are LightGBM's own, to the last bit, whatever is missing."""

import lightgbm as lgb
import numpy as np
import pytest

from pipeline.domain.errors import StoreError
from pipeline.forecasts.flat_trees import FlatTrees
from pipeline.forecasts.row_form import RowForm, of_one_row
from pipeline.forecasts.task import illiquidity_task

QUIET = {"verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5, "num_leaves": 7}


def walked(booster):
    names = [f"x{k}" for k in range(booster.num_feature())]
    form = RowForm(illiquidity_task(), 0.0, np.empty(0), plain=names, trees=FlatTrees.of(booster))
    return of_one_row(form, names)


@pytest.fixture
def rows():
    rng = np.random.default_rng(5)
    values = rng.normal(size=(400, 5))
    for each in (np.nan, 0.0, 1e-36, -1e-36):
        values[rng.random(values.shape) < 0.1] = each
    return values


@pytest.mark.parametrize(
    "settings", [{}, {"zero_as_missing": True}, {"use_missing": False}, {"objective": "gamma"}]
)
def test_a_row_has_the_bits_of_all_rows(rows, settings):
    came = np.exp(np.nan_to_num(rows[:, 0]) - np.isnan(rows[:, 1]) + (rows[:, 2] == 0.0))
    booster = lgb.train(QUIET | settings, lgb.Dataset(rows, came), 20)
    trees = walked(lgb.Booster(model_str=booster.model_to_string()))
    np.testing.assert_array_equal([trees(row) for row in rows], booster.predict(rows, raw_score=True))


def test_trees_without_a_split_are_their_leaf(rows):
    booster = lgb.train(QUIET | {"min_data_in_leaf": 390}, lgb.Dataset(rows, np.ones(400)), 2)
    assert walked(booster)(rows[0]) == booster.predict(rows[:1], raw_score=True)[0]


def test_trees_that_split_by_category_are_refused(rows):
    kinds = np.arange(400.0) % 3
    data = lgb.Dataset(np.column_stack([kinds, rows]), kinds == 1.0, categorical_feature=[0])
    booster = lgb.train(QUIET | {"min_data_per_group": 5, "cat_smooth": 0.0}, data, 2)
    with pytest.raises(StoreError, match="category"):
        FlatTrees.of(booster)
