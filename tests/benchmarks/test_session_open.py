"""The three ways of hedging a day: what each reads, and that all hedge the same options."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.session_open import WAYS, half_sessions, hedge_lives, rows_of, walked
from pipeline.domain.desk import load_desk

DESK = load_desk("spx-daily")
LIFE = DESK.option.sessions


@pytest.fixture
def tables():
    rng = np.random.default_rng(5)
    dates = pd.bdate_range("1998-01-02", "1999-06-30")
    steps = rng.normal(0.0, 0.01, (len(dates), 2)) * [0.5, 1.0]
    path = 100.0 * np.exp(np.cumsum(steps.ravel())).reshape(-1, 2)
    vol = 0.2 * np.exp(rng.normal(0.0, 0.05, (len(dates), 2)))
    return [pd.Series(each, dates) for each in (*path.T, *vol.T)]


def test_opens_stand_between_closes_and_the_clock_runs_by_the_first_year_s_variance(tables):
    half = half_sessions(*tables)
    np.testing.assert_array_equal(half.price[::2], tables[0])
    np.testing.assert_array_equal(half.price[1::2], tables[1])
    assert (np.diff(half.clock) > 0).all()
    intraday = np.diff(half.clock)[2::2] / np.diff(half.clock[1::2])
    assert intraday == pytest.approx(intraday[0])
    assert intraday[0] == pytest.approx(0.8, abs=0.05)


def test_at_an_open_the_volatility_before_is_that_of_the_last_close(tables):
    half = half_sessions(*tables)
    np.testing.assert_array_equal(half.vol_before[2::2], tables[3][:-1])
    np.testing.assert_array_equal(half.vol_before[1::2], tables[3])


def test_an_open_far_from_the_close_before_is_no_price(tables):
    tables[0].iloc[100] = 0.85 * tables[1].iloc[99]
    assert np.flatnonzero(half_sessions(*tables).wrong).tolist() == [100]


def test_every_way_deals_and_settles_the_same_options_at_closes(tables):
    half, start = half_sessions(*tables), np.arange(40)
    lives = {way: hedge_lives(DESK, half, way, start, 1.0) for way in WAYS}
    for way, (state, market) in lives.items():
        assert state.shape[1] == {"close": LIFE, "open and close": 2 * LIFE}.get(way, LIFE + 1)
        for name in ("premium", "payoff"):
            np.testing.assert_array_equal(getattr(market, name), getattr(lives["close"][1], name))
        assert (np.diff(rows_of(way, start, LIFE)[:, 1:-1] % 2).any()) == (way == "open and close")


def test_the_hedge_at_closes_reads_no_open_and_the_others_do(tables):
    other = [tables[0] * 1.002, tables[1], tables[2] * 1.1, tables[3]]
    for way in WAYS:
        first, second = (
            walked(DESK, half_sessions(*each), way, np.arange(len(tables[0]) - LIFE), 1.0)
            for each in (tables, other)
        )
        same = all(np.array_equal(first[name].pnl, second[name].pnl) for name in first)
        assert same == (way == "close")


def test_delta_at_closes_is_the_sum_of_its_steps(tables):
    from scipy.stats import norm

    half, start = half_sessions(*tables), np.arange(len(tables[0]) - LIFE)
    ledger = walked(DESK, half, "close", start, 0.0)["delta_implied"]
    first = int((half.dates.year == 1998).sum())
    path = (100.0 * tables[1] / tables[1].iloc[first]).to_numpy()[first : first + LIFE + 1]
    vol = tables[3].to_numpy()[first : first + LIFE]
    days = half.dates[first : first + LIFE + 1].to_numpy().astype("datetime64[D]").astype(int)
    root = vol * np.sqrt((days[-1] - days[:-1]) / 365.0)
    d1 = np.log(path[:-1] / 100.0) / root + 0.5 * root
    premium = 100.0 * (norm.cdf(d1[0]) - norm.cdf(d1[0] - root[0]))
    expected = premium + norm.cdf(d1) @ np.diff(path) - max(path[-1] - 100.0, 0.0)
    assert ledger.pnl[0] == pytest.approx(expected, abs=1e-10)
