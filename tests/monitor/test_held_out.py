"""Detectors that have not seen the day they are asked about: what new days are held against."""

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.desk_file import load_any
from pipeline.monitor.alarm import Observed
from pipeline.monitor.held_out import FOLDS, held_out
from pipeline.monitor.reference import streamed
from pipeline.regimes.kmeans import KMeansDetector

NAMES, LENGTH = ["a", "b"], 120


def grid(days: int, seed: int = 1) -> pd.DataFrame:
    """Return days of two regimes whose means wander from day to day, as those of markets do."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((days * LENGTH, 2)) + 3.0 * (rng.random((days * LENGTH, 1)) < 0.5)
    values += np.repeat(2.0 * rng.standard_normal((days, 2)), LENGTH, axis=0)
    days_of = np.repeat([f"2020-01-{day + 1:02}" for day in range(days)], LENGTH)
    return pd.DataFrame({"day": days_of, "a": values[:, 0], "b": values[:, 1], "return": 0.01 * values[:, 0]})


def fitted(rows: pd.DataFrame) -> KMeansDetector:
    return KMeansDetector(states=2).fit(rows[NAMES], rows["return"].to_numpy())


def test_nothing_of_a_day_is_in_the_detector_that_is_asked_about_it():
    rows = grid(4)
    day = rows["day"] == "2020-01-03"
    changed = rows.copy()
    changed.loc[day, [*NAMES, "return"]] = 7.0 - 2.0 * rows.loc[day, [*NAMES, "return"]]
    one, two = (held_out(fitted(rows), each) for each in (rows, changed))
    assert list(one) == sorted(rows["day"].unique())
    same = {key: np.array_equal(one[key].state_means_, two[key].state_means_) for key in one}
    assert same == {key: key == "2020-01-03" for key in one}


def test_many_days_are_left_out_in_runs_of_neighbours():
    found = held_out(fitted(grid(12)), grid(12))
    assert len(found) == 12
    assert len({id(each) for each in found.values()}) == FOLDS
    assert found["2020-01-01"] is found["2020-01-02"]


def test_a_day_is_less_likely_to_who_has_not_seen_it():
    rows, desk = grid(6), load_any("bac-intraday")
    champion = fitted(rows)

    def likelihood(detectors) -> float:
        seen = [
            Observed(0, str(day), 0.0, 100.0, row, {}, prob=prob)
            for day, own in rows.groupby("day")
            for row, prob in zip(own.to_dict("records"), detectors[day].filter(own[NAMES]), strict=True)
        ]
        found = [told["likelihood"] for _, told in streamed(desk, detectors, seen) if "likelihood" in told]
        return float(np.mean(found))

    assert likelihood(held_out(champion, rows)) < likelihood(dict.fromkeys(rows["day"], champion)) - 0.05


def test_of_a_single_day_there_is_none(caplog):
    assert held_out(fitted(grid(1)), grid(1)) == {}
    assert "the likelihood of regimes is not watched, for want of days" in caplog.text


@pytest.mark.parametrize("held", [{}, None])
def test_without_one_the_likelihood_is_not_learned(held):
    rows = grid(2)
    others = held_out(fitted(rows), rows) if held is None else held
    seen = [
        Observed(0, row["day"], 0.0, 100.0, row, {}, prob=np.array([0.5, 0.5]))
        for row in rows.to_dict("records")
    ]
    told = [each for _, each in streamed(load_any("bac-intraday"), others, seen)]
    assert any("likelihood" in each for each in told) == (held is None)
