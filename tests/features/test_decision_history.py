"""A day's history reads no further back than it says: a day alone gives what the whole run gives."""

import numpy as np
import pandas as pd
import pytest

from pipeline.features.decision_history import (
    CARRIED,
    FEWEST_RETURNS,
    LEAST_VARIANCE,
    LOOK_BACK,
    SPANS,
    days_before,
    with_history,
)


def grid(days, each, seed=3, unknown=0.05):
    rng = np.random.default_rng(seed)
    parts = []
    for number in range(days):
        values = {name: np.exp(rng.normal(size=each)) for name in ("half_spread", "crossing_cost", "depth")}
        table = pd.DataFrame(values).mask(rng.random((each, 3)) < unknown)
        mid = 100.0 * np.exp(np.cumsum(rng.normal(0, 1e-3, each)))
        parts.append(table.assign(day=f"2020-01-{number + 1:02d}", minutes=np.arange(each) / 2.0, mid=mid))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(("each", "unknown"), [(400, 0.05), (23, 0.3), (130, 0.97)])
def test_a_day_with_the_days_before_is_the_whole_run_to_the_last_bit(each, unknown):
    rows = grid(14, each, unknown=unknown)
    whole = with_history(rows)
    counts = rows.groupby("day").size().to_dict()
    for day in counts:
        chosen = [*days_before(day, counts), day]
        alone = with_history(rows[rows["day"].isin(chosen)].reset_index(drop=True))
        alone = alone[alone["day"] == day].reset_index(drop=True)
        expected = whole[whole["day"] == day].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, expected, check_exact=True)


def test_no_more_days_are_read_than_are_needed():
    counts = {f"{number:02d}": 100 for number in range(9)}
    assert len(days_before("08", counts)) == -(-LOOK_BACK // 100)
    assert days_before("00", counts) == []


def test_the_numbers_are_those_of_a_naive_loop():
    rows = grid(3, 150)
    made = with_history(rows)
    returns = np.r_[np.nan, np.diff(np.log(rows["mid"]))]
    returns[rows["day"].ne(rows["day"].shift())] = np.nan
    for span in SPANS:
        for row in range(0, len(rows), 7):
            window = returns[max(0, row - span + 1) : row + 1]
            known = window[np.isfinite(window)]
            enough = len(known) >= FEWEST_RETURNS
            expected = max(np.mean(known**2), LEAST_VARIANCE) if enough else np.nan
            assert made[f"variance_{span}"].iloc[row] == pytest.approx(expected, rel=1e-13, nan_ok=True)
    carried = rows["depth"].ffill()
    for row in range(20, len(rows), 11):
        assert made["depth_5"].iloc[row] == pytest.approx(carried.iloc[row - 4 : row + 1].mean(), rel=1e-13)


def test_a_liquidity_of_long_ago_is_not_carried_on():
    rows = grid(1, CARRIED + 10, unknown=0.0)
    rows.loc[1:, "depth"] = np.nan
    depth = with_history(rows)["depth_1"]
    assert depth.iloc[1 : CARRIED + 1].eq(rows["depth"].iloc[0]).all()
    assert depth.iloc[CARRIED + 1 :].isna().all()
