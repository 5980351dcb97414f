"""Marks of a desk with several tenors: by the option's own maturity, and only by what is known."""

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.book import build_book
from pipeline.backtest.episodes import build_episodes
from pipeline.backtest.holdings import rolling_programme
from pipeline.domain.data_settings import FilesData

INDICES = {"vix9d": {"file": "a"}, "vix3m": {"file": "b"}}


@pytest.fixture
def termed(desk):
    """The desk with a shorter and a longer tenor."""
    data = {"source": "files", "bars": {"file": "x"}, "implied_vol": {"file": "y"}, "vol_indices": INDICES}
    return desk.model_copy(update={"data": FilesData.model_validate(data)})


@pytest.fixture
def curved(sessions):
    """Sessions with a term structure that slopes up on even days and down on odd ones."""
    tilt = np.where(np.arange(len(sessions)) % 2 == 0, 0.9, 1.3)
    return sessions.assign(
        vix9d=sessions["implied_vol"] * tilt, vix3m=sessions["implied_vol"] / np.sqrt(tilt)
    )


def test_a_flat_term_structure_marks_as_the_single_index_does(desk, termed, sessions):
    level = sessions["implied_vol"]
    one = build_episodes(desk, sessions)
    three = build_episodes(termed, sessions.assign(vix9d=level, vix3m=level))
    np.testing.assert_allclose(three.state.implied_vol, one.state.implied_vol, rtol=1e-12)
    np.testing.assert_allclose(three.step_end.implied_vol, one.step_end.implied_vol, rtol=1e-12)
    np.testing.assert_allclose(three.market.premium, one.market.premium, rtol=1e-10)


def test_with_one_index_the_marks_are_the_same_to_the_last_bit(desk, sessions):
    state = build_episodes(desk, sessions).state
    rows = np.arange(len(sessions) - 21)[:, None] + np.arange(21)
    expected = sessions["implied_vol"].to_numpy()[rows] * desk.market.atm_ratio
    np.testing.assert_array_equal(state.implied_vol, expected)


def test_the_last_days_are_marked_at_the_short_index_and_the_first_near_the_thirty_day_one(termed, curved):
    state = build_episodes(termed, curved).state
    days = np.round(state.time_to_expiry * 365)
    rows = np.arange(len(state.forward))[:, None] + np.arange(21)
    short = curved["vix9d"].to_numpy()[rows] * termed.market.atm_ratio
    np.testing.assert_array_equal(days <= 9, np.isclose(state.implied_vol, short, rtol=1e-12))
    near = curved["implied_vol"].to_numpy()[rows] * termed.market.atm_ratio
    first = np.abs(state.implied_vol / near - 1.0)[days >= 28]
    assert (first < 0.04).all()
    at_thirty = days == 30
    np.testing.assert_allclose(state.implied_vol[at_thirty], near[at_thirty], rtol=1e-12)


def test_a_step_ends_where_the_next_one_begins(termed, curved):
    episodes = build_episodes(termed, curved)
    np.testing.assert_allclose(
        episodes.step_end.implied_vol[:, :-1], episodes.state.implied_vol[:, 1:], rtol=1e-12
    )


def test_a_session_without_an_index_uses_those_that_are_there(termed, curved):
    gaps = curved.copy()
    gaps.loc[50:, "vix3m"] = np.nan
    gaps.loc[60, "vix9d"] = np.nan
    whole, part = build_episodes(termed, curved).state, build_episodes(termed, gaps).state
    rows = np.arange(len(whole.forward))[:, None] + np.arange(21)
    assert part.shape == whole.shape, "the further indices start and stop no option"
    assert not np.isnan(part.implied_vol).any()
    alone = curved["implied_vol"].to_numpy()[60] * termed.market.atm_ratio
    np.testing.assert_allclose(part.implied_vol[rows == 60], alone, rtol=1e-12)
    before = rows < 50
    np.testing.assert_array_equal(part.implied_vol[before], whole.implied_vol[before])


def test_nothing_marked_at_a_session_depends_on_later_sessions(termed, curved):
    t = 300
    future = curved.copy()
    shuffled = np.random.default_rng(1).permutation(np.arange(t + 1, len(curved)))
    for name in ("implied_vol", "vix9d", "vix3m"):
        future.loc[t + 1 :, name] = curved.loc[shuffled, name].to_numpy()
    before, after = (build_episodes(termed, each) for each in (curved, future))
    seen = before.start[:, None] + np.arange(21) <= t
    assert (before.state.implied_vol[seen] == after.state.implied_vol[seen]).all()
    assert (before.state.implied_vol[~seen] != after.state.implied_vol[~seen]).any()


def test_the_book_is_marked_like_its_episodes(termed, curved):
    starts = np.arange(100, 140)
    book = build_book(termed, curved, rolling_programme(termed, curved, starts))
    state = build_episodes(termed, curved).state
    held = book.state.lots[:, 0] > 0
    for step in (0, 10, 30):
        ages = book.state.age[:, 0, step][held[:, step]].astype(int)
        row = book.rows[step]
        expected = [state.implied_vol[row - age, age] for age in ages]
        np.testing.assert_allclose(book.state.implied_vol[:, 0, step][held[:, step]], expected, rtol=1e-12)
    assert pd.notna(book.state.implied_vol).all()
