"""What is learned for the monitors: its file, and the decisions it is learned from."""

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import StoreError
from pipeline.monitor.alarm import Forecast, Observed
from pipeline.monitor.held_out import held_out
from pipeline.monitor.reference import Reference, learn_reference, watched_horizons
from pipeline.monitor.training import before_last_window
from pipeline.monitor.watch import Watch, monitors
from pipeline.regimes.kmeans import KMeansDetector

DAYS, LENGTH, NAMES = 4, 250, ("a", "b")


@pytest.fixture(scope="module")
def grid() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    values = rng.standard_normal((DAYS * LENGTH, 2)) + 3.0 * (rng.random((DAYS * LENGTH, 1)) < 0.5)
    days = np.repeat([f"2020-01-0{d + 1}" for d in range(DAYS)], LENGTH)
    minutes = np.tile(np.arange(LENGTH) / 2.0, DAYS)
    mids = 100.0 * np.exp(np.cumsum(1e-4 * rng.standard_normal(len(days))))
    table = {"day": days, "minutes": minutes, "mid": mids, "step_seconds": 30.0}
    return pd.DataFrame(table | {"a": values[:, 0], "b": values[:, 1], "return": 0.01 * values[:, 0]})


@pytest.fixture(scope="module")
def detector(grid) -> KMeansDetector:
    return KMeansDetector(states=2).fit(grid[list(NAMES)], grid["return"].to_numpy())


@pytest.fixture(scope="module")
def seen(grid, detector) -> list[Observed]:
    prob = detector.filter(grid[list(NAMES)])
    forecasts = {horizon: Forecast(*(horizon * 1e-8 * np.array([1.0, 0.3, 3.0]))) for horizon in (15, 60)}
    return [
        Observed(30_000_000_000 * t, row["day"], row["minutes"], row["mid"], row, forecasts, prob=prob[t])
        for t, row in enumerate(grid.to_dict("records"))
    ]


@pytest.fixture(scope="module")
def reference(grid, detector, seen) -> Reference:
    return learn_reference(load_any("bac-intraday"), grid, NAMES, held_out(detector, grid), seen)


def test_its_file_holds_it_exactly_and_without_pickle(reference):
    again = Reference.from_bytes(reference.to_bytes())
    assert again.to_bytes() == reference.to_bytes()
    assert again.data.names == NAMES
    assert again.concept["qlike_60"].limits == reference.concept["qlike_60"].limits


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04"])
def test_another_file_is_refused(content):
    with pytest.raises(StoreError, match="learn it again"):
        Reference.from_bytes(content)


def test_the_streams_of_the_long_horizons_and_the_regimes_are_learned(reference):
    assert watched_horizons(load_any("bac-intraday")) == (15, 60)
    kinds = {"qlike", "pinball", "coverage"}
    named = {f"{kind}_{h}" for kind in kinds for h in (15, 60)}
    assert set(reference.concept) == named | {"regime_0", "regime_1", "likelihood"}
    assert reference.pnl == {}  # nothing was hedged
    assert (reference.a_day, reference.step_seconds) == (LENGTH, 30.0)


def test_its_monitors_keep_quiet_on_what_they_learned_from(reference, detector, seen):
    watch = Watch(monitors(load_any("bac-intraday"), reference, detector))
    assert [alarm for each in seen for alarm in watch.watch(each) if alarm.feature != "gap"] == []
    assert {name for name, _ in watch.state()} == {"data", "concept", "health"}


def test_the_last_window_and_what_was_not_tested_are_left_out_where_enough_is_left():
    days = pd.DataFrame({"window": range(6), "day": list("abcdef"), "tested": [False, *[True] * 5]})
    assert before_last_window(days)["day"].tolist() == ["b", "c", "d", "e"]
    assert before_last_window(days.iloc[:4])["day"].tolist() == ["a", "b", "c"]
