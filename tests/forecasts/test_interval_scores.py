import numpy as np
import pytest

from pipeline.domain.errors import DataError
from pipeline.forecasts.interval_scores import interval_table
from pipeline.forecasts.intervals import Interval, winkler
from pipeline.forecasts.scores import diebold_mariano

ROWS, NAMES = 400, ["calm", "wild", "unseen"]


@pytest.fixture
def edges():
    one = np.ones(ROWS)
    return {"tight": Interval(one / 1.5, one * 1.5), "log_har_normal": Interval(one / 3, one * 3)}


@pytest.fixture
def regime():
    return np.repeat([0, 1], ROWS // 2)


@pytest.fixture
def y(regime):
    return np.exp(np.where(regime == 0, 0.1, 1.0) * np.random.default_rng(1).normal(size=ROWS))


def test_coverage_in_all_and_in_each_regime(edges, y, regime):
    y[7] = np.nan
    table = interval_table(edges, y, regime, NAMES, horizon=1).set_index(["model", "regime"])
    inside = (y >= 1 / 1.5) & (y <= 1.5)
    known = np.isfinite(y)
    assert table.loc[("tight", "all"), "n"] == ROWS - 1
    assert table.loc[("tight", "all"), "coverage"] == pytest.approx(inside[known].mean())
    for k, name in enumerate(NAMES[:2]):
        assert table.loc[("tight", name), "coverage"] == pytest.approx(inside[known & (regime == k)].mean())
    assert table.loc[("tight", "calm"), "coverage"] > 0.95 > table.loc[("tight", "wild"), "coverage"]
    row = table.loc[("tight", "all")]
    assert row["coverage"] + row["below"] + row["above"] == pytest.approx(1.0)
    assert row["ratio"] == pytest.approx(2.25)
    assert table.loc[("tight", "unseen"), "n"] == 0
    assert np.isnan(table.loc[("tight", "unseen"), "coverage"])


def test_losses_and_their_test(edges, y, regime):
    table = interval_table(edges, y, regime, NAMES, horizon=5).set_index(["model", "regime"])
    logs = {
        name: winkler(np.log(y), Interval(np.log(each.lower), np.log(each.upper)))
        for name, each in edges.items()
    }
    row = table.loc[("tight", "all")]
    assert row["winkler"] == pytest.approx(winkler(y, edges["tight"]).mean())
    assert row["winkler_log"] == pytest.approx(logs["tight"].mean())
    expected = diebold_mariano(logs["tight"], logs["log_har_normal"], 5).p_value
    assert row["dm_p"] == pytest.approx(expected)
    assert table["dm_p"].notna().sum() == 1


def test_all_models_are_scored_on_the_same_rows(edges, y, regime):
    edges["tight"].lower[:10] = np.nan
    table = interval_table(edges, y, regime, NAMES, horizon=1)
    assert (table.loc[table["regime"] == "all", "n"] == ROWS - 10).all()


def test_faults_are_named(edges, y, regime):
    with pytest.raises(DataError, match="log_har_normal"):
        interval_table({"tight": edges["tight"]}, y, regime, NAMES, horizon=1)
    with pytest.raises(DataError, match="no row"):
        interval_table(edges, np.full(ROWS, np.nan), regime, NAMES, horizon=1)
