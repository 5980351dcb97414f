"""No forecaster, found by name in the catalogue, sees a row after the one it forecasts from."""

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.desk import ForecastSettings
from pipeline.domain.errors import SettingsError
from pipeline.domain.lstm_settings import LstmSettings
from pipeline.forecasts.catalogue import LEVEL_FORECASTERS, forecasters
from pipeline.forecasts.forecaster import Forecaster
from pipeline.forecasts.harness import training_rows
from pipeline.forecasts.targets import gap_ahead, level_ahead, spike_ahead, variance_ahead
from pipeline.forecasts.task import gap_task, illiquidity_task, spike_task, variance_task

SETTINGS = ForecastSettings(lstm=LstmSettings(units=4, networks=2, passes=5))
ROWS, BOUNDARY, CUTS = 900, 700, (700, 701, 777, 898)

LEVEL_TARGETS = {
    "variance_1d": (variance_task(1), lambda X: variance_ahead(X["close"], 1)),
    "variance_5d": (variance_task(5, measured=True), lambda X: variance_ahead(X["close"], 5)),
    "variance_21d": (variance_task(21), lambda X: variance_ahead(X["close"], 21)),
    "illiquidity_1d": (illiquidity_task(), lambda X: level_ahead(X["illiquidity_1d"])),
}
EVENT_TARGETS = {
    "spike_1d": (spike_task(), lambda X: spike_ahead(X["parkinson_1d"], 1.2, 100)),
    "gap_1d": (gap_task(), lambda X: gap_ahead(X["illiquidity_1d"], 0.25)),
}
CASES = [
    pytest.param(model, task, target, id=f"{name}-{task.name}")
    for task, target in (*LEVEL_TARGETS.values(), *EVENT_TARGETS.values())
    for name, model in forecasters(task, SETTINGS).items()
]


@pytest.fixture(scope="module")
def market() -> pd.DataFrame:
    rng = np.random.default_rng(21)
    tasks = [task for task, _ in (*LEVEL_TARGETS.values(), *EVENT_TARGETS.values())]
    names = sorted(
        {
            name
            for task in tasks
            for each in (task, task.spare)
            if each
            for name in (*each.levels, *each.logs, *each.inputs, *each.tree_inputs, *each.measures)
        }
    )
    X = pd.DataFrame(0.2 * np.exp(0.3 * rng.normal(size=(ROWS, len(names)))), columns=names)
    X["return_1d"] = 0.01 * np.exp(np.sin(np.arange(ROWS) / 40)) * rng.normal(size=ROWS)
    X["close"] = 100 * np.exp(np.cumsum(X["return_1d"]))
    return X


def scrambled_after(X: pd.DataFrame, row: int) -> pd.DataFrame:
    future = X.iloc[row + 1 :].sample(frac=1.0, random_state=5) * 3.0
    return pd.concat([X.iloc[: row + 1], future], ignore_index=True)


def assert_causal(model: Forecaster, X: pd.DataFrame) -> None:
    whole = model.predict(X)
    for row in CUTS:
        for changed in (scrambled_after(X, row), X.iloc[: row + 1]):
            np.testing.assert_array_equal(model.predict(changed)[: row + 1], whole[: row + 1])


def fit_at_boundary(model, task, target, X) -> Forecaster:
    known = target(X)
    rows = training_rows(known.known, BOUNDARY, embargo=2)
    return model(task, SETTINGS, seed=1).fit(X[rows], known.outcome[rows])


@pytest.mark.parametrize(("model", "task", "target"), CASES)
def test_a_forecast_reads_no_later_row(market, model, task, target):
    assert_causal(fit_at_boundary(model, task, target, market), market)


@pytest.mark.parametrize(("model", "task", "target"), CASES)
def test_rows_that_come_one_by_one_are_forecast_as_all_at_once(market, model, task, target):
    fitted = fit_at_boundary(model, task, target, market)
    goes_on = fitted.row_form() is not None or model.following is not Forecaster.following
    if not goes_on or getattr(fitted, "spare_", None) is not None:
        with pytest.raises(SettingsError, match="row by row"):
            fitted.following(market[:BOUNDARY], list(market))
        return
    following, rows = fitted.following(market[:BOUNDARY], list(market)), market.to_numpy()
    found = [following(rows[row]) for row in range(BOUNDARY, BOUNDARY + 30)]
    np.testing.assert_allclose(found, fitted.predict(market)[BOUNDARY : BOUNDARY + 30], rtol=1e-12)


@pytest.mark.parametrize(("model", "task", "target"), CASES)
def test_a_fit_reads_no_row_from_the_boundary_on(market, model, task, target):
    fitted = fit_at_boundary(model, task, target, market)
    for changed in (scrambled_after(market, BOUNDARY - 1), market.iloc[:BOUNDARY]):
        assert fit_at_boundary(model, task, target, changed).to_state() == fitted.to_state()


@pytest.mark.parametrize(("task", "target"), [*LEVEL_TARGETS.values(), *EVENT_TARGETS.values()])
def test_training_targets_do_not_move_when_the_rows_from_the_boundary_do(market, task, target):
    known = target(market)
    rows = training_rows(known.known, BOUNDARY)
    later = target(scrambled_after(market, BOUNDARY - 1))
    np.testing.assert_array_equal(later.outcome[rows], known.outcome[rows])
    next_row = np.flatnonzero(rows).max() + 1
    if task.kind == "level":
        assert later.outcome[next_row] != known.outcome[next_row]


class _SeesTomorrow(LEVEL_FORECASTERS["last_value"]):  # type: ignore[misc]
    name = "sees_tomorrow"

    def predict(self, X):
        return np.append(super().predict(X)[1:], 1.0)


class _CentresOnTheWholeFrame(LEVEL_FORECASTERS["last_value"]):  # type: ignore[misc]
    name = "centres_on_the_whole_frame"

    def predict(self, X):
        return super().predict(X) / X[self.task.levels[0]].mean()


@pytest.mark.parametrize("cheat", [_SeesTomorrow, _CentresOnTheWholeFrame])
def test_a_forecaster_that_looks_ahead_is_caught(market, cheat):
    model = fit_at_boundary(cheat, *LEVEL_TARGETS["variance_1d"], market)
    with pytest.raises(AssertionError):
        assert_causal(model, market)


def test_learning_from_targets_not_yet_known_is_caught(market):
    task, target = LEVEL_TARGETS["variance_21d"]

    def fit_without_purge(X):
        return LEVEL_FORECASTERS["har"](task).fit(X[:BOUNDARY], target(X).outcome[:BOUNDARY]).to_state()

    assert fit_without_purge(scrambled_after(market, BOUNDARY - 1)) != fit_without_purge(market)
