import logging
from datetime import date

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.detector_comparison import HORIZONS, compare_detectors
from pipeline.backtest.windows import refit_windows
from pipeline.domain.desk import Desk
from pipeline.regimes.catalogue import DETECTORS
from pipeline.simulate.markov_chain import sample_chain

MOVES = np.array([[0.98, 0.02], [0.04, 0.96]])
WINDOWS = {
    "learn_start": date(2008, 1, 1),
    "signals_start": date(2014, 1, 1),
    "test_start": date(2016, 1, 1),
    "test_end": date(2016, 12, 31),
}


@pytest.fixture(scope="module")
def desk():
    regimes = {"states": 2, "restarts": 1, "features": ("log_range",)}
    return Desk(name="x", policies={"run": ()}, windows=WINDOWS, regimes=regimes)


@pytest.fixture(scope="module")
def market():
    sessions = pd.bdate_range("2008-01-01", "2016-12-30", name="session")
    rng = np.random.default_rng(7)
    volatility = np.array([0.006, 0.02])[sample_chain(MOVES, steps=len(sessions), paths=1, rng=rng)[0]]
    returns = volatility * rng.standard_normal(len(sessions))
    log_range = np.log(volatility) + rng.normal(0.0, 0.5, len(sessions))
    features = pd.DataFrame({"return_1d": returns, "log_range": log_range})
    return sessions, features, pd.Series(100.0 * np.exp(np.cumsum(returns)))


def compared(desk, market):
    sessions, features, close = market
    return compare_detectors(desk, features, close, refit_windows(desk.windows, sessions))


@pytest.fixture(scope="module")
def table(desk, market):
    return compared(desk, market)


def test_every_detector_has_a_row_and_every_figure(table):
    assert list(table["detector"]) == list(DETECTORS)
    assert list(table.loc[table["own"], "detector"]) == ["hmm"]
    assert np.isfinite(table.drop(columns="detector").to_numpy(float)).all()


def test_persistence_pays_where_regimes_persist(table):
    by_name = table.set_index("detector")
    for name in ("hmm", "jump"):
        assert by_name.loc[name, "mean_stay"] > 2 * by_name.loc["kmeans", "mean_stay"]
        assert by_name.loc[name, "false_alarms_a_year"] < 0.5 * by_name.loc["kmeans", "false_alarms_a_year"]
        for horizon in HORIZONS:
            assert by_name.loc[name, f"qlike_{horizon}"] < by_name.loc["kmeans", f"qlike_{horizon}"]


def test_the_test_years_are_not_read(desk, market, table):
    sessions, features, close = market
    since = sessions.searchsorted(pd.Timestamp(desk.windows.test_start))
    wild, crash = features.copy(), close.copy()
    wild.iloc[since:] = 50.0
    crash.iloc[since:] = 1e-3
    again = compared(desk, (sessions, wild, crash))
    pd.testing.assert_frame_equal(
        again.drop(columns="fit_seconds"), table.drop(columns="fit_seconds"), check_exact=True
    )


def test_a_detector_that_cannot_be_fitted_is_left_out_and_named(desk, market, caplog, monkeypatch):
    class Broken(DETECTORS["kmeans"]):
        def _estimate(self, rows):
            from pipeline.domain.errors import FitError

            raise FitError("nothing to be found")

    monkeypatch.setitem(DETECTORS, "kmeans", Broken)
    with caplog.at_level(logging.WARNING):
        table = compared(desk, market).set_index("detector")
    assert "kmeans is left out of the comparison: nothing to be found" in caplog.text
    assert table.loc["kmeans"].drop("own").isna().all()
    assert np.isfinite(table.loc["jump", "qlike_21"])
