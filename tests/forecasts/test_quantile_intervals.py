import numpy as np
import pytest

from pipeline.domain.desk import ForecastSettings
from pipeline.domain.errors import DataError
from pipeline.forecasts.harness import training_rows
from pipeline.forecasts.intervals import Interval
from pipeline.forecasts.quantile_intervals import QuantileEdges, conformal_interval, regress_quantiles
from pipeline.forecasts.targets import level_ahead, variance_ahead
from pipeline.forecasts.task import illiquidity_task, variance_task

SETTINGS = ForecastSettings()


def test_split_conformal_covers_exchangeable_outcomes_and_stays_near_the_truth():
    """Log-normal outcomes whose spread depends on the day: coverage to three standard errors."""
    rng = np.random.default_rng(1)
    spread = rng.uniform(0.2, 1.0, 6000)
    y = np.exp(spread * rng.standard_normal(6000))
    raw = Interval(np.exp(-1.2 * spread), np.exp(1.2 * spread))  # too narrow
    logs, calibrated = np.log(y[:2000]), slice(0, 2000)
    low, high = np.log(raw.lower[calibrated]), np.log(raw.upper[calibrated])
    scores = np.sort(np.maximum(low - logs, logs - high))
    window = QuantileEdges(0, Interval(raw.lower[2000:], raw.upper[2000:]), scores)
    found = conformal_interval([window], y[2000:], 1, step=0.0)
    covered = ((found.lower <= y[2000:]) & (y[2000:] <= found.upper)).mean()
    assert covered == pytest.approx(0.9, abs=3 * np.sqrt(0.09 / 2000 + 0.09 / 4000))


def test_it_adapts_to_outcomes_that_grew_wilder():
    rng = np.random.default_rng(2)
    scores = np.sort(np.abs(rng.standard_normal(2000)) - 1.0)
    y = np.exp(1.5 * rng.standard_normal(4000))
    window = QuantileEdges(0, Interval(np.full(4000, np.exp(-1.0)), np.full(4000, np.exp(1.0))), scores)
    static, moving = (conformal_interval([window], y, 1, step) for step in (0.0, 0.02))
    misses = [((y < each.lower) | (y > each.upper)).mean() for each in (static, moving)]
    assert misses[0] > 0.2
    assert misses[1] < 0.13


def test_an_outcome_counts_from_the_row_in_which_it_is_known():
    window = QuantileEdges(0, Interval(np.full(30, 0.5), np.full(30, 2.0)), np.linspace(-0.1, 1.0, 50))
    calm, wild = np.ones(30), np.ones(30)
    wild[10] = 50.0
    before, after = (conformal_interval([window], y, 5, 0.05).upper for y in (calm, wild))
    np.testing.assert_array_equal(before[:15], after[:15])
    assert (after[15:] > before[15:]).all()


def test_edges_that_would_cross_meet():
    window = QuantileEdges(0, Interval(np.full(3, 1.0), np.full(3, 1.21)), np.full(9, -5.0))
    found = conformal_interval([window], np.ones(3), 1, step=0.0)
    np.testing.assert_allclose(found.lower, 1.1)
    np.testing.assert_allclose(found.upper, 1.1)


def test_the_regressed_edges_find_the_days_of_doubt(market):
    """Illiquidity whose log scatters three times as much after a loss: the interval is wider there."""
    rng = np.random.default_rng(9)
    X, task = market.copy(), illiquidity_task(market.columns)
    loss = X["return_1d"].to_numpy() < 0
    y = np.exp(-1.0 + np.where(loss, 0.9, 0.3) * rng.standard_normal(len(X)))
    found = regress_quantiles(task, SETTINGS, 7, X, y[:1300], 1300)
    width = np.log(found.raw.upper / found.raw.lower)
    assert width.shape == (200,)
    assert np.median(width[loss[1300:]]) > 1.4 * np.median(width[~loss[1300:]])
    interval = conformal_interval([QuantileEdges(0, found.raw, found.scores)], y[1300:], 1, step=0.0)
    covered = ((interval.lower <= y[1300:]) & (y[1300:] <= interval.upper)).mean()
    assert covered == pytest.approx(0.9, abs=3 * np.sqrt(0.09 / 200 + 0.09 / 433))


def test_it_reads_no_row_from_the_boundary_on(market):
    task, target = variance_task(5), variance_ahead(market["close"], 5)
    learned = target.outcome[training_rows(target.known, 1200, 5)]
    found = regress_quantiles(task, SETTINGS, 7, market.iloc[:1400], learned, 1200)
    changed = market.iloc[:1300].copy()
    changed.iloc[1250:, changed.columns.get_indexer(task.levels)] *= 3.0
    other = regress_quantiles(task, SETTINGS, 7, changed, learned, 1200)
    np.testing.assert_array_equal(found.scores, other.scores)
    np.testing.assert_array_equal(found.raw.upper[:50], other.raw.upper[:50])
    assert (found.raw.upper[50:100] != other.raw.upper[50:]).any()


def test_the_scores_are_those_of_rows_that_were_held_out(market):
    """Targets of the last third move the scores and leave the edges alone."""
    task, target = illiquidity_task(market.columns), level_ahead(market["illiquidity_1d"])
    y = target.outcome[:1200]
    changed = y.copy()
    changed[800:] *= 2.0
    found, other = (regress_quantiles(task, SETTINGS, 7, market, each, 1200) for each in (y, changed))
    np.testing.assert_array_equal(found.raw.lower, other.raw.lower)
    assert not np.array_equal(found.scores, other.scores)


def test_no_held_out_outcome_is_an_error(market):
    y = level_ahead(market["illiquidity_1d"]).outcome[:1200].copy()
    y[800:] = np.nan
    with pytest.raises(DataError, match="illiquidity_1d: no held-out row"):
        regress_quantiles(illiquidity_task(market.columns), SETTINGS, 7, market, y, 1200)
