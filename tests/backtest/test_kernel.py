"""The kernel against a readable twin, and the accounting against money counted by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.backtest.ledger import SOURCES, Hedge, Market, book, book_by_fill, joined
from pipeline.backtest.wanted import wanted
from pipeline.domain.band import Band
from pipeline.domain.errors import DataError
from pipeline.execution.terms import Terms


def outward(trade, pressure):
    """∫ √|x| dx over the part of [pressure, pressure + trade] that moves away from zero."""
    after = pressure + trade
    start = np.where(np.sign(pressure) == np.sign(trade), np.abs(pressure), 0.0)
    area = 2 / 3 * (np.abs(after) ** 1.5 - start**1.5)
    return np.where(after * trade > 0.0, area, 0.0)


def in_lots(wanted, here, lower, upper, lot):
    lots = np.round((wanted - here) / lot)
    nearest, least, most = here + lots * lot, lower - 1e-9 * lot, upper + 1e-9 * lot
    up = (nearest < least) & (least <= wanted) & (nearest + lot <= most)
    down = (nearest > most) & (most >= wanted) & (nearest - lot >= least)
    return np.where(up, nearest + lot, np.where(down, nearest - lot, nearest))


def twin(market, band, delay=0):
    """The kernel in plain NumPy, all episodes at once; returns positions, P&L and costs by source."""
    terms, price, cost = market.terms, market.price, market.cost
    impact = np.zeros_like(cost) if market.impact is None else market.impact
    depth = np.full_like(cost, np.inf) if market.depth is None else market.depth
    rows, steps, instruments = band.lower.shape
    held, pressure = np.zeros((rows, instruments)), np.zeros((rows, instruments))
    cash, mark = market.premium.copy(), price[:, 0].copy()
    positions, sources = np.empty(band.lower.shape), np.zeros((4, rows))

    def charge(trade, price, rate, push):
        size = np.abs(trade)
        one = np.stack(
            [
                terms.fee * size * price,
                (rate - terms.fee) * size * price,
                terms.fixed_fee * (size > 0),
                push * outward(trade, pressure) * price,
            ]
        ).sum(axis=2)
        np.add(sources, one, out=sources)
        return one.sum(axis=0)

    for k in range(steps):
        d = max(k - delay, 0)
        low, high = held < band.lower[:, d], held > band.upper[:, d]
        target = np.where(low, band.to_lower[:, d], np.where(high, band.to_upper[:, d], held))
        wanted = held + band.speed[:, d] * (target - held)
        if terms.lot:
            wanted = in_lots(wanted, held, band.lower[:, d], band.upper[:, d], terms.lot)
        fillable = np.isfinite(price[:, k] + cost[:, k] + impact[:, k]) & (low | high)
        most = depth[:, k]
        if terms.lot:
            most = np.where(np.isfinite(most), np.floor(most / terms.lot + 1e-9) * terms.lot, most)
        trade = np.where(fillable, np.clip(wanted - held, -most, most), 0.0)
        here, rate, push = (np.where(fillable, each[:, k], 0.0) for each in (price, cost, impact))
        cash -= charge(trade, here, rate, push)
        if not market.margined:
            cash -= (trade * here).sum(axis=1)
        held = held + trade
        pressure = (pressure + trade) * terms.memory
        positions[:, k] = held
        earned = cash * market.interest[:, k] + (held * mark * market.income[:, k]).sum(axis=1)
        after = np.where(np.isfinite(price[:, k + 1]), price[:, k + 1], mark)
        if market.margined:
            cash += (held * (after - mark)).sum(axis=1)
        cash += earned
        mark = after
    if not market.margined:
        cash += (held * mark).sum(axis=1)
    if market.unwind:
        cash -= charge(-np.where(np.abs(held) > 1e-12, held, 0.0), mark, cost[:, steps], impact[:, steps])
    return positions, cash - market.payoff, sources


def random_hedge(rng, instruments=1, gaps=False, margined=False, terms=None, rows=40, steps=12):
    """A market with everything on, and a band that trades part of the way to points inside."""
    shape, times = (rows, steps, instruments), (rows, steps + 1, instruments)
    center, width = rng.normal(0.3, 0.5, shape), rng.uniform(0.0, 0.3, shape)
    lower, upper = center - width, center + width
    price = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, times), axis=1))
    cost, impact = rng.uniform(5e-4, 0.01, times), rng.uniform(0, 0.01, times)
    if gaps:
        price[:, 1:][rng.random(shape) < 0.1] = np.nan
        cost[:, :-1][rng.random(shape) < 0.1] = np.nan
        impact[:, :-1][rng.random(shape) < 0.1] = np.nan
    inside = rng.uniform(0.0, 0.1, shape) * width
    market = Market(
        price=price,
        cost=cost,
        premium=rng.normal(2, 1, rows),
        payoff=rng.normal(2, 1, rows),
        interest=rng.uniform(-1e-4, 5e-4, (rows, steps)),
        income=rng.uniform(0, 2e-4, shape),
        margined=margined,
        unwind=True,
        impact=impact,
        terms=Terms(fee=5e-4, fixed_fee=0.02, memory=0.4) if terms is None else terms,
    )
    return market, Band(lower, upper, lower + inside, upper - inside, rng.uniform(0.2, 1.0, shape))


def by_source(ledger):
    return np.stack([getattr(ledger, name) for name in SOURCES])


@pytest.mark.parametrize("lot", [0.0, 0.05])
@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("delay", [0, 1, 3])
@pytest.mark.parametrize("margined", [False, True])
@pytest.mark.parametrize("instruments", [1, 2])
def test_kernel_equals_its_twin(instruments, margined, delay, gaps, lot):
    terms = Terms(fee=5e-4, fixed_fee=0.02, memory=0.4, lot=lot)
    market, band = random_hedge(np.random.default_rng(5), instruments, gaps, margined, terms)
    ledger = book(market, band, delay)
    position, pnl, sources = twin(market, band, delay)
    np.testing.assert_allclose(ledger.position, position, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(by_source(ledger), sources, rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(ledger.pnl, pnl, rtol=1e-10)


@pytest.mark.parametrize("lot", [0.0, 0.05])
@pytest.mark.parametrize("delay", [0, 2])
def test_orders_are_filled_in_part_as_the_twin_has_it(delay, lot):
    rng = np.random.default_rng(6)
    terms = Terms(fee=5e-4, fixed_fee=0.02, memory=0.4, lot=lot)
    market, band = random_hedge(rng, instruments=2, terms=terms)
    shallow = replace(market, depth=rng.uniform(0.0, 0.4, market.cost.shape))
    ledger, whole = book(shallow, band, delay), book(market, band, delay)
    position, pnl, sources = twin(shallow, band, delay)
    assert np.abs(np.diff(ledger.position, axis=1, prepend=0.0)).max() <= 0.4
    assert (ledger.turnover != whole.turnover).mean() > 0.9
    np.testing.assert_allclose(ledger.position, position, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(by_source(ledger), sources, rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(ledger.pnl, pnl, rtol=1e-10)


def test_what_is_not_filled_is_asked_for_again_and_the_close_is_whole():
    """Half a unit where three tenths are shown; a step without a depth that is known fills nothing."""
    depth = np.array([[[np.nan], [0.3], [0.3], [0.3], [0.1]]])
    market = flat_market([100, 100, 100, 100, 100], depth=depth)
    ledger = book_by_fill(market, Band.around(np.full((1, 4), 0.5)))
    np.testing.assert_allclose(ledger.fills.traded[0], [0.0, 0.3, 0.2, 0.0, 0.5])


def test_what_sums_of_lots_leave_by_rounding_is_not_closed():
    """.35 → .10 → .05 → 0 in lots of .05 ends at 2.8e-17 units: four orders, four fixed fees."""
    price, nothing = np.full((1, 5, 1), 100.0), np.zeros(1)
    terms = Terms(fixed_fee=1.0, lot=0.05)
    market = Market(
        price, 0 * price, nothing, nothing, np.zeros((1, 4)), np.zeros((1, 4, 1)), True, True, terms=terms
    )
    ledger = book(market, Band.around(np.array([[0.35, 0.10, 0.05, 0.0]])))
    assert 0.0 < abs(ledger.position[0, -1, 0]) < 1e-12
    assert (ledger.trades[0], ledger.fixed_fee[0]) == (4.0, 4.0)


@pytest.mark.parametrize("delay", [0, 2])
def test_a_hedge_may_stop_after_any_step_and_go_on(delay):
    market, band = random_hedge(np.random.default_rng(6), 2, gaps=True)
    whole, parts = book(market, band, delay), Hedge(market, delay)
    for first, last in ((0, 1), (1, 2), (2, 7), (7, 12)):
        future = {
            name: np.where(np.arange(12)[:, None] < last, edge, np.nan) for name, edge in vars(band).items()
        }
        parts.advance(Band(**future), first, last)
    np.testing.assert_array_equal(parts.held, whole.position[:, -1])
    ledger = parts.closed()
    for name in ("position", "pnl", "carry", "cost", "turnover", "trades", *SOURCES):
        np.testing.assert_array_equal(getattr(ledger, name), getattr(whole, name), err_msg=name)


def test_a_row_that_stands_for_all_episodes_gives_the_bits_of_its_copies():
    market, band = random_hedge(np.random.default_rng(8), 2)
    names = ("cost", "impact", "interest", "income")
    repeated = {
        name: np.broadcast_to(array := getattr(market, name)[3:4], (40, *array.shape[1:])) for name in names
    }
    speed = np.broadcast_to(band.speed[3:4], band.speed.shape)
    one = book(replace(market, **repeated), replace(band, speed=speed))
    copies = {name: array.copy() for name, array in repeated.items()}
    every = book(replace(market, **copies), replace(band, speed=speed.copy()))
    np.testing.assert_array_equal(one.position, every.position)
    np.testing.assert_array_equal(one.pnl, every.pnl)


def test_the_books_of_every_fill_add_up_to_the_ledger():
    market, band = random_hedge(np.random.default_rng(7))
    whole, ledger = book(market, band), book_by_fill(market, band)
    np.testing.assert_array_equal(ledger.pnl, whole.pnl)
    for fills, total in (
        ("traded", "turnover"),
        ("trades", "trades"),
        *((name, name) for name in ("cost", *SOURCES)),
    ):
        each = getattr(ledger.fills, fills)
        assert each.shape == (40, 13)
        np.testing.assert_allclose(each.sum(axis=1), getattr(whole, total), rtol=1e-12, err_msg=fills)
    trade = np.diff(ledger.position[..., 0], axis=1, prepend=0.0, append=0.0)
    np.testing.assert_allclose(ledger.fills.traded, np.abs(trade), atol=1e-12)
    np.testing.assert_array_equal(ledger.fills.trades, (trade != 0).astype(float))


def test_ledgers_join_and_part():
    market, band = random_hedge(np.random.default_rng(8))
    ledger = book_by_fill(market, band)
    halves = [ledger.episodes(np.arange(25)), ledger.episodes(np.arange(25, 40))]
    np.testing.assert_array_equal(joined(halves).pnl, ledger.pnl)
    np.testing.assert_array_equal(joined(halves).fills.cost, ledger.fills.cost)
    assert joined([book(market, band), ledger]).fills is None


seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.booleans(), st.booleans(), st.integers(0, 3), st.sampled_from([0.0, 0.03, 0.5]))
def test_costs_are_positive_and_add_up_and_so_does_the_pnl(seed, margined, gaps, delay, lot):
    terms = Terms(fee=5e-4, fixed_fee=0.02, memory=0.4, lot=lot)
    market, band = random_hedge(np.random.default_rng(seed), 2, gaps, margined, terms, rows=8)
    ledger = book_by_fill(market, band, delay)
    assert (by_source(ledger) >= 0.0).all()
    assert (ledger.fills.impact >= 0.0).all()
    np.testing.assert_allclose(by_source(ledger).sum(axis=0), ledger.cost, rtol=1e-12, atol=1e-15)
    parts = ledger.premium + ledger.trading + ledger.carry - ledger.cost - ledger.payoff
    np.testing.assert_array_equal(ledger.pnl, parts)
    np.testing.assert_allclose(ledger.fixed_fee, 0.02 * ledger.trades, rtol=1e-12)
    if lot:
        whole = ledger.position / lot
        np.testing.assert_allclose(whole, np.round(whole), atol=1e-9)


@given(seeds, st.integers(0, 3))
def test_twice_the_fixed_fee_costs_the_fee_times_the_trades_more(seed, delay):
    market, band = random_hedge(np.random.default_rng(seed), rows=8)
    dear = replace(market, terms=market.terms._replace(fixed_fee=0.04))
    once, twice = book(market, band, delay), book(dear, band, delay)
    np.testing.assert_array_equal(once.position, twice.position)
    np.testing.assert_allclose(twice.cost - once.cost, 0.02 * once.trades, rtol=1e-9)


@given(seeds)
def test_ever_smaller_lots_tend_to_no_lots(seed):
    """Where targets are the edges: a jump to a point inside can hang on the last digit of the position."""
    market, band = random_hedge(np.random.default_rng(seed), rows=8, terms=Terms())
    band = replace(band, to_lower=band.lower, to_upper=band.upper)
    free = book(market, band).position
    for lot in (1e-2, 1e-4, 1e-6):
        position = book(replace(market, terms=Terms(lot=lot)), band).position
        assert np.abs(position - free).max() <= 12 * lot


@given(seeds)
def test_pressure_that_fades_at_once_is_temporary_impact(seed):
    """Without memory a trade of q pays ⅔ · impact · |q|^1.5 · price, whatever was traded before."""
    market, band = random_hedge(np.random.default_rng(seed), rows=8, terms=Terms())
    ledger = book_by_fill(market, band)
    price = np.where(np.arange(13) < 12, market.price[..., 0], market.price[:, -1:, 0])
    expected = 2 / 3 * market.impact[..., 0] * ledger.fills.traded**1.5 * price
    np.testing.assert_allclose(ledger.fills.impact, expected, rtol=1e-9, atol=1e-12)
    fading = [book(replace(market, terms=Terms(memory=memory)), band).impact for memory in (0.5, 1e-3, 1e-9)]
    gaps = [np.abs(each - ledger.impact).max() for each in fading]
    assert gaps[2] <= 1e-5 * ledger.impact.max()
    assert gaps[2] <= gaps[1]


@given(seeds, st.integers(0, 3))
def test_orders_that_come_late_are_the_orders_of_before(seed, delay):
    """With a delay of d the position after step k is the undelayed one after step k − d."""
    market, band = random_hedge(np.random.default_rng(seed), rows=8, terms=Terms())
    band = replace(band, speed=np.ones_like(band.speed), lower=band.to_lower, upper=band.to_upper)
    prompt, late = book(market, band).position, book(market, band, delay).position
    np.testing.assert_allclose(late[:, delay:], prompt[:, : 12 - delay], rtol=1e-12)
    np.testing.assert_array_equal(late[:, :delay], np.repeat(late[:, :1], delay, axis=1))


def flat_market(prices, **changes):
    prices = np.array(prices, dtype=float)[None, :, None]
    steps = prices.shape[1] - 1
    fields = {
        "price": prices,
        "cost": np.full(prices.shape, 0.01),
        "premium": np.array([5.0]),
        "payoff": np.array([3.0]),
        "interest": np.zeros((1, steps)),
        "income": np.zeros((1, steps, 1)),
        "margined": False,
        "unwind": True,
    }
    return Market(**(fields | changes))


def hold(*targets):
    return Band.around(np.array([targets], dtype=float))


def test_money_counted_by_hand():
    """Buy 0.5 at 100, sell 0.25 at 110, close 0.25 at 120, 1 % each: gains 7.5, costs .5 + .275 + .3."""
    ledger = book(flat_market([100, 110, 120]), hold(0.5, 0.25))
    assert ledger.trading[0] == pytest.approx(0.5 * 10 + 0.25 * 10)
    assert ledger.cost[0] == pytest.approx(0.5 + 0.275 + 0.3)
    assert ledger.turnover[0] == pytest.approx(1.0)
    assert ledger.trades[0] == 3
    assert ledger.pnl[0] == pytest.approx(5.0 + 7.5 - 1.075 - 3.0)


def test_unwind_can_be_free():
    ledger = book(flat_market([100, 110, 120], unwind=False), hold(0.5, 0.25))
    assert ledger.cost[0] == pytest.approx(0.775)
    assert ledger.trades[0] == 2


def test_shares_are_financed_and_pay_dividends_while_futures_settle_daily():
    interest, income = np.full((1, 2), 0.01), np.full((1, 2, 1), 0.02)
    free = np.zeros((1, 3, 1))
    shares = book(flat_market([100, 110, 120], interest=interest, income=income, cost=free), hold(1.0, 1.0))
    first = (5.0 - 100.0) * 0.01 + 100.0 * 0.02
    second = (5.0 - 100.0 + first) * 0.01 + 110.0 * 0.02
    assert shares.carry[0] == pytest.approx(first + second)
    future = book(flat_market([100, 110, 120], interest=interest, cost=free, margined=True), hold(1.0, 1.0))
    assert future.carry[0] == pytest.approx(5.0 * 0.01 + (5.0 + 0.05 + 10.0) * 0.01)


def test_no_quote_no_fill():
    prices = [100, np.nan, 120]
    ledger = book(flat_market(prices), hold(0.0, 1.0))
    assert ledger.trades[0] == 0
    kept = book(flat_market(prices), hold(1.0, 0.0))
    assert kept.trading[0] == pytest.approx(20.0)
    dear = flat_market([100, 110, 120])
    dear.cost[0, 1, 0] = np.nan
    assert book(dear, hold(1.0, 0.0)).position[0, 1, 0] == 1.0


def test_a_hedge_that_cannot_be_closed_is_an_error():
    market = flat_market([100, 110, 120])
    market.cost[0, -1, 0] = np.nan
    with pytest.raises(DataError, match="episode 0: no trading cost on its last session"):
        book(market, hold(1.0, 1.0))


def test_a_late_order_trades_at_the_later_price_but_the_opening_hedge_comes_with_the_option():
    ledger = book(flat_market([100, 110, 120, 130]), hold(0.5, 0.2, 0.9), delay=1)
    np.testing.assert_allclose(ledger.position[0, :, 0], [0.5, 0.5, 0.2])


def test_the_last_prices_do_not_change_earlier_positions():
    market, band = random_hedge(np.random.default_rng(3))
    before = book(market, band).position
    market.price[:, 8:] *= 1.5
    band.lower[:, 8:] = band.to_lower[:, 8:] = -9.0
    after = book(market, band).position
    assert (before[:, :8] == after[:, :8]).all()
    assert (before[:, 8:] != after[:, 8:]).any()


def test_a_trade_is_charged_by_source_as_counted_by_hand():
    """Buy 0.5, sell 0.25, close 0.25: 1 % of which 0.2 % is fee, 3 cents a trade, impact of √units · 1 %."""
    terms = Terms(fee=0.002, fixed_fee=0.03, memory=0.5)
    market = flat_market([100, 110, 120], impact=np.full((1, 3, 1), 0.01), terms=terms)
    ledger = book(market, hold(0.5, 0.25))
    assert ledger.fee[0] == pytest.approx(0.002 * (0.5 * 100 + 0.25 * 110 + 0.25 * 120))
    assert ledger.spread[0] == pytest.approx(0.008 * (0.5 * 100 + 0.25 * 110 + 0.25 * 120))
    assert ledger.fixed_fee[0] == pytest.approx(0.09)
    # bought 0.5: pressure 0.5, then 0.25 is left; selling 0.25 is back into it; closing pushes down from 0
    assert ledger.impact[0] == pytest.approx(0.01 * 2 / 3 * (0.5**1.5 * 100 + 0.25**1.5 * 120))


def test_what_is_left_of_earlier_trades_is_paid_again():
    terms = Terms(memory=0.5)
    market = flat_market(
        [100, 100, 100], impact=np.full((1, 3, 1), 0.01), cost=np.zeros((1, 3, 1)), terms=terms
    )
    ledger = book_by_fill(market, hold(0.4, 0.6))
    again = 0.01 * 100 * 2 / 3 * (0.4**1.5 - 0.2**1.5)
    assert ledger.fills.impact[0, 1] == pytest.approx(again)
    assert again > 0.01 * 100 * 2 / 3 * 0.2**1.5


def test_lots_round_into_the_band_and_a_band_without_a_whole_lot_takes_the_nearest():
    market = flat_market([100, 100], terms=Terms(lot=0.1))

    def held(lower, upper):
        return book(market, Band.between(np.array([[lower]]), np.array([[upper]]))).position[0, 0, 0]

    assert held(0.32, 0.48) == pytest.approx(0.4)
    assert held(0.32, 0.38) == pytest.approx(0.3)
    assert held(0.36, 0.36) == pytest.approx(0.4)
    assert held(0.04, 0.04) == 0.0
    assert held(-0.48, -0.32) == pytest.approx(-0.4)


def test_the_rounding_of_what_is_held_does_not_decide_which_lot_is_taken():
    rng = np.random.default_rng(0)
    for _ in range(5000):
        here, upper = 100.0 * rng.integers(30, 140), rng.uniform(0.0, 2000.0)
        edges = rng.choice([0.0, upper / 2.0]), upper
        exact, rounded = (wanted(held, *edges, *edges, 1.0, 100.0) for held in (here, here - 2e-11))
        assert exact == pytest.approx(rounded, abs=1e-9)


def test_an_impact_that_is_not_known_is_no_fill():
    market = flat_market([100, 110, 120], impact=np.array([[[0.01], [np.nan], [0.01]]]))
    assert book(market, hold(1.0, 0.0)).position[0, 1, 0] == 1.0
    closed = flat_market([100, 110, 120], impact=np.array([[[0.01], [0.01], [np.nan]]]))
    with pytest.raises(DataError, match="episode 0: no impact on its last session"):
        book(closed, hold(1.0, 1.0))
