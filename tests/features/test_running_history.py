"""Decisions that come one by one have the history of all at once, to the last bit."""

import numpy as np
import pandas as pd
import pytest

from pipeline.features.decision_history import CARRIED, with_history
from pipeline.features.decision_row import DecisionRow
from pipeline.features.running_history import RunningHistory

NAMES = ("minutes", "mid", "half_spread", "crossing_cost", "depth", "trade_intensity_60s")


def grid(days, each, unknown):
    rng = np.random.default_rng(3)
    table = pd.DataFrame(np.exp(rng.normal(size=(days * each, 4))), columns=NAMES[2:])
    table = table.mask(rng.random(table.shape) < unknown)
    table.loc[7:11, "depth"] = 0.0
    mid = 100.0 * np.exp(np.cumsum(rng.normal(0, 1e-3, days * each)))
    number = np.repeat(np.arange(days), each)
    times = {"day": number.astype(str), "minutes": np.tile(np.arange(each) / 2.0, days)}
    return table.assign(**times, mid=mid, step_seconds=30.0)


A_BIT_OF_A_LOGARITHM = {"rtol": 1e-12, "atol": 1e-14}
"""NumPy's logarithm is the C library's but for the last bit, on some processors."""


@pytest.mark.parametrize(
    ("days", "each", "unknown", "start"),
    [(4, 150, 0.05, 300), (30, 23, 0.3, 500), (2, CARRIED + 90, 0.97, 1)],
)
def test_a_row_has_the_history_of_the_whole_run(days, each, unknown, start):
    rows = grid(days, each, unknown)
    whole = with_history(rows)
    running = RunningHistory(NAMES, rows[:start])
    values = rows[list(NAMES)].to_numpy()
    found = [
        running.step(DecisionRow(row, rows["day"][row], values[row])).numbers
        for row in range(start, len(rows))
    ]
    expected = whole[list(running.names)].to_numpy(dtype=float)[start:]
    np.testing.assert_allclose(np.array(found), expected, **A_BIT_OF_A_LOGARITHM)


def test_a_market_without_trades_has_no_rate():
    rows = grid(2, 40, 0.0).drop(columns="trade_intensity_60s")
    running = RunningHistory(NAMES[:-1], rows[:40])
    made = running.step(DecisionRow(0, "1", rows[list(NAMES[:-1])].to_numpy()[40])).numbers
    expected = with_history(rows)[list(running.names)].to_numpy(dtype=float)[40]
    np.testing.assert_allclose(made, expected, **A_BIT_OF_A_LOGARITHM)
