"""Fills that walk the book: the compiled loop against a plain one, what is taken once, what adds up."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.backtest.ledger import Hedge, Market, book
from pipeline.domain.band import Band
from pipeline.domain.errors import DataError
from pipeline.execution.arrivals import DEPTH, FAULTS, Arrivals
from pipeline.execution.terms import Terms
from pipeline.execution.walk import walk

N, T, L = 7, 12, 3


TERMS = Terms(fee=1e-4, fixed_fee=0.01, lot=0.01, crossing=1.7)


def market(rng, repeated=False):
    """Books around a walk of the mid; some not sound, some repeated so that what was taken is still gone."""
    rows = np.arange(N)[:, None] + np.arange(T + 1)
    count = rows.max() + 1
    mid = 100.0 + np.cumsum(rng.normal(0, 0.1, count))
    half = 0.01 * rng.integers(1, 4, count)
    away = np.cumsum(0.01 * rng.integers(1, 3, (2, count, L)), axis=2)
    sizes = rng.integers(1, 30, (2, count, L)) / 100.0
    bid, ask = (
        (mid - half)[:, None] - away[0] + away[0][:, :1],
        (mid + half)[:, None] + away[1] - away[1][:, :1],
    )
    if repeated:
        for table in (bid, ask, *sizes):
            table[1::2] = table[:-1:2] if count % 2 == 0 else table[: count - 1 : 2]
    bid[rng.random((count, L)) < [0, 0, 0.3]] = np.nan
    state = np.where(rng.random(count) < 0.15, 1 + rng.integers(0, 4, count), 0).astype(np.int8)
    state[rows[:, -1]] = 0
    middle = np.where(state == 0, 0.5 * (bid[:, 0] + ask[:, 0]), np.nan)
    met = Arrivals(rows, rng.uniform(0.5, 2.0, N), state, middle, bid, sizes[0], ask, sizes[1])
    price = (mid[rows] + rng.normal(0, 0.02, rows.shape)) * met.scale[:, None]
    nothing = np.zeros((N, T))
    return Market(
        price[..., None], np.zeros((N, T + 1, 1)), np.ones(N), np.ones(N), nothing, nothing[..., None], True,
        True, terms=TERMS, book=met,
    )  # fmt: skip


def band_of(rng):
    centre = 0.5 + np.cumsum(rng.normal(0, 0.2, (N, T)), axis=1)
    return Band.around(centre, rng.uniform(0.0, 0.1, (N, T)))


def plain(market, band):
    """One episode at a time in plain Python: P&L of trading, cost by source, orders missed."""
    found, missed = np.zeros((N, 6)), np.zeros((N, len(FAULTS) + 1))
    b, lot, dearer = market.book, market.terms.lot, market.terms.crossing
    for n in range(N):
        held, taken, s = 0.0, {1: {}, -1: {}}, b.scale[n]
        trading = fee = spread = beyond = fixed = turnover = 0.0
        for k in range(T):
            row, low, high = b.rows[n, k], band.lower[n, k, 0], band.upper[n, k, 0]
            target = held + (low - held) if held < low else held + (high - held) if held > high else held
            if target != held:
                lots = round((target - held) / lot)
                nearest, least, most = held + lots * lot, low - 1e-9 * lot, high + 1e-9 * lot
                if nearest < least <= target and nearest + lot <= most:
                    nearest = held + (lots + 1) * lot
                elif nearest > most >= target and nearest - lot >= least:
                    nearest = held + (lots - 1) * lot
                target = nearest
            order = target - held
            if order and b.state[row]:
                missed[n, b.state[row]] += 1
            elif order:
                side = 1 if order > 0 else -1
                levels = (b.ask_price, b.ask_size) if order > 0 else (b.bid_price, b.bid_size)
                filled, far, taken[side] = walk(abs(order), levels[0][row], levels[1][row], taken[side])
                missed[n, DEPTH] += filled < abs(order) - 1e-12
                mid = b.mid[row] * s
                fee += market.terms.fee * filled * mid
                spread += dearer * filled * abs(levels[0][row, 0] - b.mid[row]) * s
                beyond += dearer * far * s
                fixed += market.terms.fixed_fee * s * (filled > 0)
                turnover += filled
                trading += side * filled * (market.price[n, k, 0] - mid)
                held += side * filled
            trading += held * (market.price[n, k + 1, 0] - market.price[n, k, 0])
        row, size, side = b.rows[n, T], abs(held), -1 if held > 0 else 1
        if held:
            levels = (b.ask_price, b.ask_size) if side > 0 else (b.bid_price, b.bid_size)
            filled, far, _ = walk(size, levels[0][row], levels[1][row], taken[side])
            last = levels[0][row][np.isfinite(levels[0][row])][-1]
            gap = b.ask_price[row, 0] - b.bid_price[row, 0]
            missed[n, DEPTH] += filled < size - 1e-12
            far += (size - filled) * (abs(last - levels[0][row, 0]) + gap)
            mid = b.mid[row] * s
            fee += market.terms.fee * size * mid
            spread += dearer * size * abs(levels[0][row, 0] - b.mid[row]) * s
            beyond += dearer * far * s
            fixed, turnover = fixed + market.terms.fixed_fee * s, turnover + size
            trading += held * (mid - market.price[n, T, 0])
        found[n] = trading, fee, spread, beyond, fixed, turnover
    return found, missed


@pytest.mark.parametrize("repeated", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_the_compiled_walk_is_the_plain_one(seed, repeated):
    rng = np.random.default_rng(seed)
    through, band = market(rng, repeated=repeated), band_of(rng)
    ledger = book(through, band)
    found, missed = plain(through, band)
    names = ("trading", "fee", "spread", "impact", "fixed_fee", "turnover")
    ours = np.stack([getattr(ledger, name) for name in names], axis=1)
    np.testing.assert_allclose(ours, found, rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(ledger.missed, missed)
    assert missed.sum() > 0


def test_cost_is_the_sum_of_its_sources_and_pnl_of_its_parts():
    rng = np.random.default_rng(3)
    ledger = book(market(rng), band_of(rng))
    sources = ledger.fee + ledger.spread + ledger.fixed_fee + ledger.impact
    np.testing.assert_allclose(ledger.cost, sources, rtol=1e-12)
    np.testing.assert_allclose(ledger.pnl, ledger.trading - ledger.cost, rtol=1e-12, atol=1e-12)


def test_a_dearer_book_costs_more_beside_the_mid_and_trades_the_same():
    through, band = market(np.random.default_rng(5)), band_of(np.random.default_rng(6))
    dear = book(through, band)
    plain_book = book(replace(through, terms=TERMS._replace(crossing=1.0)), band)
    for name in ("spread", "impact"):
        np.testing.assert_allclose(getattr(dear, name), 1.7 * getattr(plain_book, name), rtol=1e-12)
    for name in ("position", "fee", "fixed_fee", "trading"):
        np.testing.assert_array_equal(getattr(dear, name), getattr(plain_book, name))


def test_a_level_is_taken_once_until_it_changes():
    """The same book twice has nothing left for the second order; another size on it is new liquidity."""
    side = np.full((3, 1), 0.5)
    side[2] = 0.6
    met = Arrivals(
        np.array([[0, 1, 2]]), np.ones(1), np.zeros(3, np.int8), np.full(3, 100.0),
        np.full((3, 1), 99.0), side, np.full((3, 1), 101.0), side,
    )  # fmt: skip
    nothing = np.zeros((1, 2))
    through = Market(
        np.full((1, 3, 1), 100.0), np.zeros((1, 3, 1)), np.zeros(1), np.zeros(1), nothing, nothing[..., None],
        True, False, book=met,
    )  # fmt: skip
    hedge = Hedge(through)
    band = Band.around(np.array([[1.0, 1.0]]))
    hedge.advance(band, 0, 1)
    assert hedge.held[0, 0] == 0.5
    hedge.advance(band, 1, 2)
    assert hedge.held[0, 0] == 0.5
    assert hedge.missed[0, DEPTH] == 2
    changed = Arrivals(np.array([[0, 2, 2]]), *(getattr(met, n) for n in (
        "scale", "state", "mid", "bid_price", "bid_size", "ask_price", "ask_size")))  # fmt: skip

    again = Hedge(replace(through, book=changed))
    again.advance(band, 0, 2)
    assert again.held[0, 0] == 1.0


def test_a_position_that_is_sold_off_over_two_levels_is_none():
    """Of .29 the best level takes .03: what is left is .26, and their sum is not .29."""
    assert 0.03 + (0.29 - 0.03) != 0.29
    one, two = np.ones((3, 1)), np.array([[1.0, 1.0], [0.03, 1.0], [1.0, 1.0]])
    met = Arrivals(
        np.array([[0, 1, 2]]), np.ones(1), np.zeros(3, np.int8), np.full(3, 100.0),
        one * [99.0, 98.0], two, one * [101.0, 102.0], two,
    )  # fmt: skip
    nothing = np.zeros((1, 2))
    hedge = Hedge(Market(
        np.full((1, 3, 1), 100.0), np.zeros((1, 3, 1)), np.zeros(1), np.zeros(1), nothing, nothing[..., None],
        True, False, book=met,
    ))  # fmt: skip
    hedge.advance(Band.around(np.array([[0.29, 0.0]])), 0, 2)
    assert hedge.position.ravel().tolist() == [0.29, 0.0]


def test_what_rounding_leaves_of_a_level_is_no_trade():
    """Of .39 the orders take .19, .06, .07, .03 and .04: that is all, but for the rounding of sums."""
    targets = np.array([[0.19, 0.25, 0.32, 0.35, 0.39, 0.44, 0.45]])
    steps, row = targets.shape[1], np.zeros((1, targets.shape[1] + 1), dtype=np.int64)
    met = Arrivals(
        row, np.ones(1), np.zeros(1, np.int8), np.full(1, 100.0),
        np.full((1, 1), 99.0), np.full((1, 1), 50.0), np.full((1, 1), 101.0), np.full((1, 1), 0.39),
    )  # fmt: skip
    nothing, price = np.zeros((1, steps)), np.full((1, steps + 1, 1), 100.0)
    hedge = Hedge(Market(
        price, np.zeros_like(price), np.zeros(1), np.zeros(1), nothing, nothing[..., None], True, False,
        terms=TERMS, book=met,
    ))  # fmt: skip
    hedge.advance(Band.around(targets), 0, steps)
    assert hedge.missed[0, DEPTH] == 2
    closed = hedge.closed()
    assert closed.trades.tolist() == [5.0]
    np.testing.assert_allclose(closed.fixed_fee, 5 * TERMS.fixed_fee)


def test_step_by_step_is_all_at_once():
    rng = np.random.default_rng(8)
    through, band = market(rng), band_of(rng)
    stepped = Hedge(through)
    for k in range(T):
        stepped.advance(band, k, k + 1)
    np.testing.assert_array_equal(stepped.closed().pnl, book(through, band).pnl)


def test_some_episodes_have_the_books_that_they_had_among_all():
    rng = np.random.default_rng(5)
    through, band = market(rng), band_of(rng)
    rows = np.array([4, 1])
    few = book(through.episodes(rows), Band(*(getattr(band, n)[rows] for n in (
        "lower", "upper", "to_lower", "to_upper", "speed"))))  # fmt: skip
    np.testing.assert_array_equal(few.pnl, book(through, band).pnl[rows])
    assert len(through.episodes(rows).book.state) < len(through.book.state)


def test_a_hedge_that_cannot_be_closed_is_refused():
    rng = np.random.default_rng(2)
    through = market(rng)
    through.book.state[through.book.rows[3, -1]] = 1
    with pytest.raises(DataError, match="episode 3: no sound book at its end"):
        Hedge(through)
