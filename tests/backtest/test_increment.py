"""Yesterday's data and today's row: what does not depend on the row is taken, and the result is the same."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.comparison import run_backtest
from pipeline.backtest.signals import learn_signals
from pipeline.domain.desk import Desk
from pipeline.features.assemble import assemble
from pipeline.ingest.sources import load_tables
from pipeline.ingest.store import DatasetStore

END = pd.Timestamp("2016-10-14")
TASKS, DETECTORS, WINDOWS, POLICIES = 4, 3, 5, 6
BLIND = 2  # the levels, whose trees see implied volatility

pytestmark = pytest.mark.slow


def desk_to(day):
    return Desk(
        name="short",
        policies={"run": ("fixed_band", "regime_switched"), "budget": 8},
        windows={
            "learn_start": "2010-01-04",
            "signals_start": "2014-01-02",
            "test_start": "2016-01-01",
            "test_end": str(day.date()),
            "refit_months": 8,
        },
        regimes={"restarts": 1, "states": 2},
        forecasts={"trees": 4, "horizons": (21,)},
    )


class Days:
    """The chain from bars to books on one store, and how many pieces of each kind it had to make."""

    def __init__(self, root):
        self.store = DatasetStore(root)
        self.sample = load_tables(desk_to(END).data)

    def run(self, day, change=None):
        before = set(self.store.keys())
        market = {name: table[table["session"] <= day].copy() for name, table in self.sample.items()}
        if change:
            change(market["bars"])
        features, desk = assemble(market["bars"], market["implied_vol"]), desk_to(day)
        signals = learn_signals(desk, market, features, pieces=self.store.piece)
        books = run_backtest(desk, signals, pieces=self.store.piece)
        made = Counter(key.rpartition("-")[0] for key in set(self.store.keys()) - before)
        return {**signals, **books}, made


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    kept = Days(tmp_path_factory.mktemp("store"))
    kept.first, kept.made_first = kept.run(END)
    kept.sessions = kept.sample["bars"]["session"]
    return kept


def same(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        if isinstance(value, bytes):
            assert value == theirs[name], name
        else:
            left, right = (
                table.drop(columns="fit_seconds", errors="ignore") for table in (value, theirs[name])
            )
            pd.testing.assert_frame_equal(left, right, check_exact=True, obj=name)


def test_the_first_run_makes_every_piece(days):
    assert days.made_first == {
        "regime_window": DETECTORS * WINDOWS,
        "fit_processes": WINDOWS,
        "forecast_window": TASKS * WINDOWS,
        "forecast_blind": BLIND * WINDOWS,
        "detectors": 1,
        "policy_fit": (POLICIES + DETECTORS - 1) * 2,
    }


def test_the_same_rows_make_nothing_and_give_the_same(days):
    again, made = days.run(END)
    assert not made
    same(again, days.first)


def test_one_more_day_makes_the_last_window_only_and_gives_what_a_full_run_gives(days, tmp_path):
    tomorrow = days.sessions[days.sessions > END].iloc[0]
    ours, made = days.run(tomorrow)
    assert made == {"regime_window": DETECTORS, "forecast_window": TASKS, "forecast_blind": BLIND}
    theirs, _ = Days(tmp_path / "fresh").run(tomorrow)
    same(ours, theirs)
    assert len(ours["signals"]) == len(days.first["signals"]) + 1


@pytest.mark.parametrize(
    ("day", "windows"),
    [("2016-09-20", 1), ("2016-02-10", 2), ("2015-03-10", 4), ("2012-03-12", 5)],
)
def test_a_row_revised_in_the_past_makes_every_window_that_has_read_it(days, day, windows):
    def revise(bars):
        row = bars["session"] == day
        bars.loc[row, "high"] *= 1.01

    ours, made = days.run(END, revise)
    assert made["forecast_window"] == TASKS * windows
    assert made["regime_window"] == DETECTORS * windows
    assert made["detectors"] == (windows > 2)
    assert not ours["signals"].equals(days.first["signals"])
    untouched = days.first["signals"]["session"] < day
    known = [name for name in ours["signals"] if name not in ("illiquidity_next", "realised_vol")]
    pd.testing.assert_frame_equal(
        ours["signals"].loc[untouched, known], days.first["signals"].loc[untouched, known], check_exact=True
    )


def test_another_setting_makes_what_depends_on_it_only(days):
    desk = desk_to(END)
    dearer = desk.model_copy(update={"costs": desk.costs.model_copy(update={"fee_bps": 3.0})})
    before = set(days.store.keys())
    run_backtest(dearer, days.first, pieces=days.store.piece)
    made = Counter(key.rpartition("-")[0] for key in set(days.store.keys()) - before)
    assert made == {"policy_fit": (POLICIES + DETECTORS - 1) * 2}
    assert np.isfinite(days.first["signals"]["regime_prob_0"]).all()
