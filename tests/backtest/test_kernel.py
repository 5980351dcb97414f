"""The kernel against a readable twin, and the accounting against money counted by hand."""

import numpy as np
import pytest

from pipeline.backtest.kernel import hedge_paths
from pipeline.backtest.ledger import Market, book
from pipeline.domain.band import Band
from pipeline.domain.errors import DataError


def twin(
    lower, upper, to_lower, to_upper, speed, price, cost, premium, interest, income, margined, unwind, delay
):
    """The kernel in plain NumPy, all episodes at once; returns position, P&L before payoff, cost."""
    rows, steps, instruments = lower.shape
    held = np.zeros((rows, instruments))
    cash, paid = premium.copy(), np.zeros(rows)
    mark = price[:, 0].copy()
    positions = np.empty(lower.shape)
    for k in range(steps):
        d = max(k - delay, 0)
        low, high = held < lower[:, d], held > upper[:, d]
        target = np.where(low, to_lower[:, d], np.where(high, to_upper[:, d], held))
        wanted = np.where(low | high, held + speed[:, d] * (target - held), held)
        fillable = np.isfinite(price[:, k]) & np.isfinite(cost[:, k])
        trade = np.where(fillable, wanted - held, 0.0)
        here = np.where(fillable, price[:, k], 0.0)
        fees = (np.where(fillable, cost[:, k], 0.0) * np.abs(trade) * here).sum(axis=1)
        cash -= fees
        paid += fees
        if not margined:
            cash -= (trade * here).sum(axis=1)
        held = held + trade
        positions[:, k] = held
        earned = cash * interest[:, k] + (held * mark * income[:, k]).sum(axis=1)
        after = np.where(np.isfinite(price[:, k + 1]), price[:, k + 1], mark)
        if margined:
            cash += (held * (after - mark)).sum(axis=1)
        cash += earned
        mark = after
    if not margined:
        cash += (held * mark).sum(axis=1)
    if unwind:
        closing = (cost[:, steps] * np.abs(held) * mark).sum(axis=1)
        cash -= closing
        paid += closing
    return positions, cash, paid


def random_arguments(rng, instruments, gaps):
    shape = (40, 12, instruments)
    center, width = rng.normal(0.3, 0.5, shape), rng.uniform(0.0, 0.3, shape)
    lower, upper = center - width, center + width
    price = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, (40, 13, instruments)), axis=1))
    cost = rng.uniform(0, 0.01, (40, 13, instruments))
    if gaps:
        price[:, 1:][rng.random((40, 12, instruments)) < 0.1] = np.nan
        cost[:, :-1][rng.random((40, 12, instruments)) < 0.1] = np.nan
    inside = rng.uniform(0.0, 0.1, shape) * width
    return {
        "lower": lower,
        "upper": upper,
        "to_lower": lower + inside,
        "to_upper": upper - inside,
        "speed": rng.uniform(0.2, 1.0, shape),
        "price": price,
        "cost": cost,
        "premium": rng.normal(2, 1, 40),
        "interest": rng.uniform(-1e-4, 5e-4, (40, 12)),
        "income": rng.uniform(0, 2e-4, shape),
    }


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("delay", [0, 1, 3])
@pytest.mark.parametrize("margined", [False, True])
@pytest.mark.parametrize("instruments", [1, 2])
def test_kernel_equals_its_twin(instruments, margined, delay, gaps):
    arguments = random_arguments(np.random.default_rng(5), instruments, gaps)
    switches = {"margined": margined, "unwind": True, "delay": delay}
    position, books = hedge_paths(*arguments.values(), *switches.values())
    expected, cash, paid = twin(**arguments, **switches)
    np.testing.assert_allclose(position, expected, rtol=1e-13, atol=1e-13)
    trading, carry, cost = books[:, 0], books[:, 1], books[:, 2]
    np.testing.assert_allclose(cost, paid, rtol=1e-12)
    np.testing.assert_allclose(arguments["premium"] + trading + carry - cost, cash, rtol=1e-11)


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
    rng = np.random.default_rng(3)
    arguments = random_arguments(rng, 1, gaps=False)
    before, _ = hedge_paths(*arguments.values(), False, True, 0)
    arguments["price"][:, 8:] *= 1.5
    arguments["lower"][:, 8:] = arguments["to_lower"][:, 8:] = -9.0
    after, _ = hedge_paths(*arguments.values(), False, True, 0)
    assert (before[:, :8] == after[:, :8]).all()
    assert (before[:, 8:] != after[:, 8:]).any()
