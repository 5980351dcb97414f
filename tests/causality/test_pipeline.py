"""The whole chain at once: scramble or cut every bar after a session, and no signal up to it changes."""

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.comparison import run_backtest
from pipeline.backtest.signals import learn_signals
from pipeline.domain.desk import Desk
from pipeline.features.assemble import assemble
from pipeline.ingest.sources import load_tables

OUTCOMES = ("illiquidity_next", "realised_vol")
"""What came after a session: for the ledger and the figures, never for a hedger."""
DAY = pd.Timestamp("2016-04-14")


@pytest.fixture(scope="module")
def desk():
    return Desk(
        name="short",
        policies={"run": ("fixed_band", "limit_aware", "minimum_variance", "regime_switched"), "budget": 20},
        limits={"loss": 2.0},
        windows={
            "learn_start": "2010-01-04",
            "signals_start": "2014-01-02",
            "test_start": "2016-01-01",
            "test_end": "2016-12-30",
            "refit_months": 12,
        },
        regimes={"restarts": 1},
        forecasts={"trees": 10},
    )


@pytest.fixture(scope="module")
def market(desk):
    tables = load_tables(desk.data)
    return {name: table[table["session"] <= "2016-12-30"] for name, table in tables.items()}


def signals_of(desk, market):
    features = assemble(market["bars"], market["implied_vol"])
    return learn_signals(desk, market, features)


@pytest.fixture(scope="module")
def signals(desk, market):
    return signals_of(desk, market)


@pytest.fixture(scope="module")
def scrambled_signals(desk, market):
    """What is learned where every bar after the day is another."""
    return signals_of(desk, {name: scrambled(table) for name, table in market.items()})


@pytest.mark.slow
def test_scrambling_the_future_changes_no_fitted_policy_and_no_finished_episode(
    desk, signals, scrambled_signals
):
    """Every hedger, its tuning and its books: what was fitted before the day or over by then stays."""
    before, after = (run_backtest(desk, table) for table in (signals, scrambled_signals))
    pd.testing.assert_frame_equal(before["tuned"], after["tuned"], check_exact=True)
    sessions = signals["signals"]["session"]
    over = sessions[sessions <= DAY].iloc[-1 - desk.option.sessions]
    for name, least in (("episodes", 500), ("detector_episodes", 90)):
        episodes = [tables[name] for tables in (before, after)]
        finished = [table[table["start"] < over].reset_index(drop=True) for table in episodes]
        assert len(finished[0]) > least
        pd.testing.assert_frame_equal(*finished, check_exact=True)
        assert not episodes[0].equals(episodes[1])


def known(tables):
    table = tables["signals"]
    return table[table["session"] <= DAY].drop(columns=list(OUTCOMES)).reset_index(drop=True)


def scrambled(table):
    """The values of the rows after the day in another order; the calendar stays."""
    values = [name for name in table if name not in ("session", "event_time", "known_time")]
    later = np.flatnonzero(table["session"] > DAY)
    changed = table.copy()
    order = np.random.default_rng(1).permutation(later)
    for name in values:
        changed[name] = changed[name].to_numpy(copy=True)
        changed.loc[changed.index[later], name] = table[name].to_numpy()[order]
    return changed


@pytest.mark.slow
def test_scrambling_the_future_changes_no_signal(signals, scrambled_signals):
    pd.testing.assert_frame_equal(known(signals), known(scrambled_signals), check_exact=True)
    assert not signals["signals"].equals(scrambled_signals["signals"])


@pytest.mark.slow
def test_cutting_the_future_changes_no_signal(desk, market, signals):
    short = {name: table[table["session"] <= DAY] for name, table in market.items()}
    ending = desk.windows.model_copy(update={"test_end": DAY.date()})
    other = signals_of(desk.model_copy(update={"windows": ending}), short)
    pd.testing.assert_frame_equal(known(signals), known(other), check_exact=True)


@pytest.mark.slow
def test_the_outcomes_do_look_ahead(signals, scrambled_signals):
    """The two columns that are left out above must be outcomes, else the list hides a leak."""
    for name in OUTCOMES:
        tables = (signals["signals"], scrambled_signals["signals"])
        before, after = (table.loc[table["session"] <= DAY, name].to_numpy() for table in tables)
        assert not np.array_equal(before, after)
