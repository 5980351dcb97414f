"""Drift of features is found where it is; what is usual of a persistent or a seasonal one is no drift."""

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import DataError
from pipeline.monitor.alarm import Alarm, Observed, Severity
from pipeline.monitor.data_drift import DataDrift, DataReference
from pipeline.monitor.distances import Null, largest_distance, median_shift, stability_index
from pipeline.monitor.ranks import SeasonalRanks, counted

DAY, NAMES = 400, ("noise", "slow", "clock")


def made(days: int, seed: int) -> pd.DataFrame:
    """Noise, an AR(1) that remembers half a day, and noise whose level is the time of day."""
    rng = np.random.default_rng(seed)
    shocks = rng.standard_normal((3, days * DAY))
    slow = np.zeros(days * DAY)
    for t in range(1, len(slow)):
        slow[t] = 0.995 * slow[t - 1] + 0.1 * shocks[1, t]
    minutes = np.tile(np.arange(DAY), days)
    return pd.DataFrame(
        {
            "day": np.repeat([f"day {d:03d}" for d in range(days)], DAY),
            "minutes": minutes.astype(float),
            "noise": shocks[0],
            "slow": slow,
            "clock": shocks[2] + minutes / 30.0,
        }
    )


def alarms(reference: DataReference, rows: pd.DataFrame) -> list[Alarm]:
    monitor = DataDrift(reference, DAY)
    found: list[Alarm] = []
    for at, row in enumerate(rows.to_dict("records")):
        found += monitor.watch(Observed(at, row["day"], row["minutes"], 100.0, row))
    return found


@pytest.fixture(scope="module")
def reference() -> DataReference:
    return DataReference.learn(made(8, 1), NAMES)


def test_what_has_not_changed_is_not_alarmed(reference):
    found = [alarms(reference, made(1, seed)) for seed in range(20, 40)]
    assert sum(map(bool, found)) <= 6  # 2 of 20 are allowed for, 3 standard errors more


@pytest.mark.parametrize(("feature", "by"), [("noise", 1.0), ("clock", 1.0), ("slow", 12.0)])
def test_a_shift_is_alarmed_once_and_by_name(reference, feature, by):
    rows = made(1, 5)
    rows[feature] += by
    found = alarms(reference, rows)
    assert [each.feature for each in found] == [feature]
    assert found[0].severity is Severity.CRITICAL
    assert found[0].monitor == "data"
    assert found[0].numbers["psi"] > found[0].numbers["psi_usual"]


def test_a_level_of_another_time_of_day_is_a_drift(reference):
    rows = made(1, 6)
    rows["clock"] = rows["clock"].to_numpy()[::-1]  # the same numbers in all
    assert "clock" in {each.feature for each in alarms(reference, rows)}


def test_a_feature_that_falls_silent_is_a_drift(reference):
    rows = made(1, 7)
    rows["noise"] = np.nan
    assert [each.feature for each in alarms(reference, rows)] == ["noise"]


def test_a_feature_that_was_never_known_is_no_drift():
    rows = made(4, 8).assign(noise=np.nan)
    assert "noise" not in {each.feature for each in alarms(DataReference.learn(rows, NAMES), rows)}


def test_a_single_day_is_a_reference_without_a_time_of_day():
    reference = DataReference.learn(made(1, 9), NAMES)
    assert len(reference.ranks.knots) == 1
    assert reference.window == DAY // 8 // 4


def test_too_few_rows_are_refused():
    with pytest.raises(DataError, match="from 100 decisions: learn from more"):
        DataReference.learn(made(1, 9).iloc[:100], NAMES)


def test_the_time_is_not_watched():
    assert DataReference.learn(made(4, 2), ("noise", "minutes")).names == ("noise",)


def test_distance_and_index_are_those_of_the_plain_samples():
    rng = np.random.default_rng(3)
    before, now = rng.standard_normal(5000), rng.standard_normal(2000) + 0.5
    ranks = SeasonalRanks.learn(before[:, None], np.zeros(5000), 30.0)
    a, b = (counted(ranks.cells(x[:, None], np.zeros(len(x)))) for x in (before, now))
    at = np.concatenate([before, now])
    exact = np.abs(
        (np.sort(before).searchsorted(at, "right") / 5000) - np.sort(now).searchsorted(at, "right") / 2000
    ).max()
    assert largest_distance(a, b)[0] == pytest.approx(exact, abs=0.02)
    assert stability_index(a, b)[0] == pytest.approx(0.25, abs=0.05)  # the square of the shift


def test_values_that_a_knot_meets_have_cells_of_their_own():
    values = np.repeat([0.0, 1.0], [70, 10])[:, None]
    ranks = SeasonalRanks.learn(values, np.zeros(80), 30.0)
    assert len(np.unique(ranks.cells(values, np.zeros(80)))) == 2


def test_the_null_of_a_persistent_statistic_counts_its_days_not_its_windows():
    rng = np.random.default_rng(4)
    levels, noise = rng.chisquare(1, (5, 1, 1)), rng.chisquare(1, (5, 12, 1))
    days, windows = Null.learn(np.repeat(levels, 12, axis=1) + 1e-9 * noise, 1.0), Null.learn(noise, 1.0)
    assert days.draws[0] == pytest.approx(5.0, abs=0.01)
    assert windows.draws[0] > 20.0


def test_the_null_holds_its_level():
    rng = np.random.default_rng(5)
    p = []
    for _ in range(300):
        null = Null.learn(rng.chisquare(3, (5, 6, 10)), 10.0)
        p.append(null.p_value(rng.chisquare(3, 10)))
    assert np.mean(np.concatenate(p) < 0.01) < 0.015


def test_median_shift_is_numpys():
    values = np.random.default_rng(6).standard_normal((7, 40))
    values[np.random.default_rng(7).random(values.shape) < 0.4] = np.nan
    values[0] = 1.0
    assert np.array_equal(median_shift(values), np.nanmedian(values, axis=0))
