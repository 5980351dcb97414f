"""What is learned from and judged with before the test, and paths that are drawn anew from it."""

from dataclasses import fields, replace

import numpy as np
import pytest

from pipeline.backtest.ledger import book
from pipeline.backtest.redrawn import redrawn
from pipeline.backtest.stored_days import StoredDays
from pipeline.domain.band import Band
from pipeline.domain.errors import DataError
from pipeline.features.book_walk import SOUND
from pipeline.ingest.content import content_digest
from pipeline.policies.zakamouline import Zakamouline
from tests.stored_market import DESK, made_days, small_task

DAYS = small_task().days


def test_no_row_of_the_test_is_read():
    signals, fills = made_days()
    first = int(np.argmax(signals["tested"].to_numpy()))
    scrambled, met = signals.copy(), fills.copy()
    numbers = list(signals.select_dtypes("float").columns)
    scrambled.loc[first:, numbers] = scrambled.loc[first:, numbers].to_numpy()[::-1] * 3.0
    met.loc[first:, "ask_price_0"] *= 2.0
    known = content_digest(StoredDays.of(DESK, signals, fills))
    assert known == content_digest(StoredDays.of(DESK, scrambled, met))
    cut = slice(0, first + 1)
    assert known == content_digest(StoredDays.of(DESK, signals.iloc[cut], fills.iloc[cut]))
    scrambled.loc[first - 60, "mid"] *= 1.01
    assert known != content_digest(StoredDays.of(DESK, scrambled, met))


@pytest.mark.parametrize(("tested", "first"), [(120, 60), (60, 40)])
def test_what_judges_is_newer_than_all_that_is_learned_from(tested, first):
    """On the second of two days, and in the last third of a single one; an option is dealt everywhere."""
    signals, fills = made_days()
    short = DESK.model_copy(update={"option": DESK.option.model_copy(update={"steps": 6})})
    found = StoredDays.of(short, signals.assign(tested=np.arange(len(signals)) >= tested), fills)
    row_of = {price: row for row, price in enumerate(fills["bid_price_0"])}
    learned, judging = (
        [row_of[price] for price in each.market.book.bid_price[:, 0]]
        for each in (found.learned, found.held_out)
    )
    assert max(learned) < first == min(judging)
    assert tested - 4 <= max(judging) < tested - DESK.windows.embargo_steps
    assert len(found.learned.state.forward) > 0.8 * (first - 6)


def test_too_few_days_are_named():
    signals, fills = made_days()
    late = signals.assign(tested=np.arange(len(signals)) >= 3 * DESK.option.steps)
    with pytest.raises(DataError, match=r"options that do not overlap to learn from before 2020-03-03"):
        StoredDays.of(DESK, late, fills)


@pytest.fixture
def lived():
    """A dozen episodes with orders that a flat band sends at every turn."""
    rows = np.arange(0, len(DAYS.learned.state.forward), 7)[:12]
    return DAYS.learned.state.episodes(rows), DAYS.learned.market.episodes(rows)


def test_an_episode_that_keeps_its_signs_keeps_its_books(lived):
    state, market = lived
    again, through = redrawn(state, market, np.random.default_rng(1), 0.0)
    kept = np.isclose(again.forward, state.forward, rtol=1e-12).all(axis=1)
    assert 0 < kept.sum() < len(kept), "whole episodes are turned over or left"
    ours, theirs = (book(m, Zakamouline().band(s)) for s, m in ((again, through), (state, market)))
    for name in ("pnl", "cost", "spread", "turnover", "payoff"):
        np.testing.assert_allclose(
            getattr(ours, name)[kept], getattr(theirs, name)[kept], rtol=1e-9, err_msg=name
        )
    assert np.abs(ours.pnl - theirs.pnl)[~kept].min() > 0.0


def test_a_mirror_has_the_same_sizes_of_moves_and_what_was_offered_is_bid(lived):
    state, market = lived
    again, through = redrawn(state, market, np.random.default_rng(1), 0.5)
    moves, were = (np.diff(np.log(m.price[..., 0]), axis=1) for m in (through, market))
    np.testing.assert_allclose(np.abs(moves), np.abs(were), atol=1e-13)
    turned = np.sign(moves) == -np.sign(were)
    assert 0.2 < turned[were != 0.0].mean() < 0.8
    now, then = through.book, market.book
    place = then.rows[:, :-1]
    for name in ("ask", "bid"):
        other = {"ask": "bid", "bid": "ask"}[name]
        size = getattr(now, f"{name}_size")[now.rows[:, :-1]][turned & (were != 0.0)]
        np.testing.assert_array_equal(size, getattr(then, f"{other}_size")[place][turned & (were != 0.0)])
    half = [(b.ask_price - b.bid_price)[b.rows][..., 0] / b.mid[b.rows] for b in (now, then)]
    sound = then.state[then.rows] == SOUND
    np.testing.assert_allclose(half[0][sound], half[1][sound], rtol=1e-9)
    for field in fields(state):
        if field.name not in ("forward", "price"):
            assert getattr(again, field.name) is getattr(state, field.name), field.name
    np.testing.assert_array_equal(again.forward, through.price[:, :-1, 0])
    np.testing.assert_allclose(through.payoff, np.maximum(through.price[:, -1, 0] - state.strike[:, -1], 0.0))


def test_a_band_that_holds_earns_what_the_new_path_gives(lived):
    state, market = lived
    _, through = redrawn(state, replace(market, unwind=False), np.random.default_rng(2), 0.5)
    half = Band.around(np.full(state.shape, 0.5))
    ledger = book(through, half)
    bought = ledger.position[:, 0, 0]
    first = through.book.mid[through.book.rows[:, 0]] * through.book.scale
    full = np.isclose(bought, 0.5) & (ledger.trades == 1.0)
    assert full.any()
    earned = bought * (through.price[:, -1, 0] - first)
    np.testing.assert_allclose(ledger.trading[full], earned[full], atol=1e-9)
