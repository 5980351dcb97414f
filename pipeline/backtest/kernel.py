"""The inner loop of every backtest: clamp the position into its band, trade, pay by source, accrue.

The loop can stop after any step and go on from the account that it left: a batch of bands is one call over
all steps, a hedger that reads its own position one call a step.
"""

import math

from numba import njit

from pipeline.backtest.booked import (
    CARRY,
    COST,
    FEE,
    FIXED_FEE,
    IMPACT,
    SPREAD,
    TRADES,
    TRADING,
    TURNOVER,
    passed,
)
from pipeline.backtest.wanted import wanted
from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
from pipeline.domain.orders import LEAST
from pipeline.execution.terms import Terms


@kept(nogil=True)
def hedge_steps(
    first: int,
    last: int,
    lower: FloatArray,
    upper: FloatArray,
    to_lower: FloatArray,
    to_upper: FloatArray,
    speed: FloatArray,
    price: FloatArray,
    cost: FloatArray,
    impact: FloatArray,
    depth: FloatArray,
    interest: FloatArray,
    income: FloatArray,
    margined: bool,
    terms: Terms,
    delay: int,
    position: FloatArray,
    held: FloatArray,
    cash: FloatArray,
    mark: FloatArray,
    pressure: FloatArray,
    books: FloatArray,
) -> None:
    """Hedge N episodes with H instruments over the steps first … last − 1 and book every flow.

    At step k the position outside [lower, upper] moves `speed` of the way to its target, in whole lots, as
    far as `depth` goes: what is not filled is decided again at the next step. The trade pays `cost` × |trade|
    × price, the fixed fee, and `impact` × price × what `_pushed` says. Then the step passes: the position
    earns the price change and `income`, the cash account earns `interest`, and the pressure of earlier trades
    decays. What is not traded is a trade of zero: choosing between two numbers is
    several times as fast as jumping on a condition that holds every other time.

    Parameters
    ----------
    lower, upper, to_lower, to_upper, speed : [N, T, H] the band; entry k is decided at step k. Entries from
        `last` on are not read. `speed`, `cost`, `impact`, `depth`, `interest` and `income` may have one row
        for all N.
    price : [N, T+1, H] mid prices. NaN is no market: nothing is filled, the last price marks the position.
    cost : [N, T+1, H] one-way cost of the fill, a fraction of its value, fee included; NaN is no fill.
    impact : [N, T+1, H] how far trading one unit at once moves the price, a fraction of it; NaN is no fill.
    depth : [N, T+1, H] units that a step fills at most; NaN is no fill.
    interest : [N, T] what one unit of cash earns over the step.
    income : [N, T, H] dividends over the step as a fraction of the price at its start.
    margined : a future pays its gains in cash at every step; a share is bought with cash.
    terms : see `execution.terms`.
    delay : steps between decision and fill; the opening trade comes with the option and is never late.
    position : [N, T, H] written: held after the trade of each step.
    held, mark, pressure : [N, H], cash : [N], books : [N, 9] the account, read and written: units held, the
        price that marks them, the part of earlier trades that still weighs on the price (units), money, and
        trading, carry, cost, fee, spread, fixed fee, impact, turnover (units), trades.
    """
    fee, fixed_fee, memory, lot = terms.fee, terms.fixed_fee, terms.memory, terms.lot
    rows, instruments = held.shape
    for n in range(rows):
        paces, costing, pushing = min(n, len(speed) - 1), min(n, len(cost) - 1), min(n, len(impact) - 1)
        filling, earning, receiving = (
            min(n, len(depth) - 1),
            min(n, len(interest) - 1),
            min(n, len(income) - 1),
        )
        money = cash[n]
        trading, carry, costs = books[n, TRADING], books[n, CARRY], books[n, COST]
        fees, spreads, fixed, impacts = books[n, FEE], books[n, SPREAD], books[n, FIXED_FEE], books[n, IMPACT]
        turnover, trades = books[n, TURNOVER], books[n, TRADES]
        for k in range(first, last):
            decided = max(k - delay, 0)
            for h in range(instruments):
                here = held[n, h]
                asked = wanted(
                    here,
                    lower[n, decided, h],
                    upper[n, decided, h],
                    to_lower[n, decided, h],
                    to_upper[n, decided, h],
                    speed[paces, decided, h],
                    lot,
                )
                mid, rate, push = price[n, k, h], cost[costing, k, h], impact[pushing, k, h]
                shown = depth[filling, k, h]
                missing = math.isnan(mid + rate + push + shown)
                asked = here if missing else _filled(here, asked, shown, lot)
                mid = 0.0 if missing else mid
                rate = 0.0 if missing else rate
                trade = asked - here
                size = abs(trade)
                one = 1.0 if trade != 0.0 else 0.0
                paid = rate * size * mid + one * fixed_fee
                if push > 0.0:
                    moved = push * _pushed(trade, pressure[n, h]) * mid
                    impacts += moved
                    paid += moved
                if memory > 0.0:
                    pressure[n, h] = (pressure[n, h] + trade) * memory
                costs += paid
                fees += fee * size * mid
                spreads += (rate - fee) * size * mid
                fixed += one * fixed_fee
                turnover += size
                trades += one
                money -= paid
                if not margined:
                    money -= trade * mid
                held[n, h] = asked
                position[n, k, h] = asked
            earned, gained = money * interest[earning, k], 0.0
            for h in range(instruments):
                gain, received, mark[n, h] = passed(
                    held[n, h], mark[n, h], price[n, k + 1, h], income[receiving, k, h]
                )
                earned += received
                gained += gain
            trading += gained
            carry += earned
            money += earned + gained if margined else earned
        cash[n] = money
        books[n, TRADING], books[n, CARRY], books[n, COST] = trading, carry, costs
        books[n, FEE], books[n, SPREAD], books[n, FIXED_FEE], books[n, IMPACT] = fees, spreads, fixed, impacts
        books[n, TURNOVER], books[n, TRADES] = turnover, trades


@kept(nogil=True)
def orders_filled(
    step: int,
    lower: FloatArray,
    upper: FloatArray,
    to_lower: FloatArray,
    to_upper: FloatArray,
    speed: FloatArray,
    lot: float,
    delay: int,
    held: FloatArray,
    out: FloatArray,
) -> None:
    """Write into `out` [N, H] where a position is once all that was decided before `step` is filled whole.

    Band and `held` are those of `hedge_steps`; the entries of the band from `step` on are not read.
    """
    rows, times, instruments = lower.shape
    for n in range(rows):
        paces = min(n, len(speed) - 1)
        for h in range(instruments):
            here = held[n, h]
            for k in range(step, min(step + delay, times)):
                d = max(k - delay, 0)
                if d < step:
                    here = wanted(
                        here,
                        lower[n, d, h],
                        upper[n, d, h],
                        to_lower[n, d, h],
                        to_upper[n, d, h],
                        speed[paces, d, h],
                        lot,
                    )
            out[n, h] = here


@kept(nogil=True)
def close_hedges(
    cost: FloatArray,
    impact: FloatArray,
    terms: Terms,
    held: FloatArray,
    mark: FloatArray,
    pressure: FloatArray,
    books: FloatArray,
) -> None:
    """Charge the trade that closes every position at its mark, whatever its lots, and book it.

    `cost` and `impact` are [N, H], those of the last session; the account is that of `hedge_steps`.
    """
    fee, fixed_fee = terms.fee, terms.fixed_fee
    rows, instruments = held.shape
    for n in range(rows):
        for h in range(instruments):
            if abs(held[n, h]) > LEAST:
                push = impact[n, h]
                moved = push * _pushed(-held[n, h], pressure[n, h]) if push > 0.0 else 0.0
                size, mid, rate = abs(held[n, h]), mark[n, h], cost[n, h]
                books[n, COST] += rate * size * mid + fixed_fee + moved * mid
                books[n, FEE] += fee * size * mid
                books[n, SPREAD] += (rate - fee) * size * mid
                books[n, FIXED_FEE] += fixed_fee
                books[n, IMPACT] += moved * mid
                books[n, TURNOVER] += size
                books[n, TRADES] += 1.0
                pressure[n, h] -= held[n, h]
                held[n, h] = 0.0


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _filled(here: float, asked: float, shown: float, lot: float) -> float:
    """Return how far the position gets on its way to `asked` where `shown` units are filled at most."""
    if abs(asked - here) <= shown:
        return asked
    most = math.floor(shown / lot + 1e-9) * lot if lot > 0.0 else shown
    return here + math.copysign(most, asked - here)


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _pushed(trade: float, pressure: float) -> float:
    """Return ∫ √|x| dx over the part of [pressure, pressure + trade] where the trade pushes outward.

    What is traded back into the desk's own pressure is free, and earns nothing.
    """
    after = pressure + trade
    if after * trade <= 0.0:
        return 0.0
    before = abs(pressure) if pressure * trade > 0.0 else 0.0
    reached = abs(after)
    return 2.0 / 3.0 * (reached * math.sqrt(reached) - before * math.sqrt(before))
