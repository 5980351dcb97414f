"""The inner loop of every backtest: clamp the position into its band, trade, pay by source, accrue.

The loop can stop after any step and go on from the account that it left: a batch of bands is one call over
all steps, a hedger that reads its own position one call a step.
"""

import math

from numba import njit

from pipeline.domain.instruments import FloatArray
from pipeline.execution.terms import Terms

TRADING, CARRY, COST, FEE, SPREAD, FIXED_FEE, IMPACT, TURNOVER, TRADES = range(9)
BOOKS = 9


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
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

    At step k the position outside [lower, upper] moves `speed` of the way to its target, in whole lots. The
    trade pays `cost` × |trade| × price, the fixed fee, and `impact` × price × what `_pushed` says. Then the
    step passes: the position earns the price change and `income`, the cash account earns `interest`, and the
    pressure of earlier trades decays. What is not traded is a trade of zero: choosing between two numbers is
    several times as fast as jumping on a condition that holds every other time.

    Parameters
    ----------
    lower, upper, to_lower, to_upper, speed : [N, T, H] the band; entry k is decided at step k. Entries from
        `last` on are not read.
    price : [N, T+1, H] mid prices. NaN is no market: nothing is filled, the last price marks the position.
    cost : [N, T+1, H] one-way cost of the fill, a fraction of its value, fee included; NaN is no fill.
    impact : [N, T+1, H] how far trading one unit at once moves the price, a fraction of it; NaN is no fill.
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
                    speed[n, decided, h],
                    lot,
                )
                mid, rate, push = price[n, k, h], cost[n, k, h], impact[n, k, h]
                missing = math.isnan(mid + rate + push)
                asked = here if missing else asked
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
            earned = money * interest[n, k]
            for h in range(instruments):
                earned += held[n, h] * mark[n, h] * income[n, k, h]
                after = price[n, k + 1, h]
                after = mark[n, h] if math.isnan(after) else after
                gain = held[n, h] * (after - mark[n, h])
                trading += gain
                if margined:
                    money += gain
                mark[n, h] = after
            carry += earned
            money += earned
        cash[n] = money
        books[n, TRADING], books[n, CARRY], books[n, COST] = trading, carry, costs
        books[n, FEE], books[n, SPREAD], books[n, FIXED_FEE], books[n, IMPACT] = fees, spreads, fixed, impacts
        books[n, TURNOVER], books[n, TRADES] = turnover, trades


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
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
            if held[n, h] != 0.0:
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
def wanted(
    here: float, lower: float, upper: float, to_lower: float, to_upper: float, speed: float, lot: float
) -> float:
    """Return the position that the band asks for, in whole lots if there are lots."""
    from_below, from_above = here + speed * (to_lower - here), here + speed * (to_upper - here)
    target: float = from_below if here < lower else here
    target = from_above if here > upper else target
    if lot > 0.0 and target != here:
        target = _in_lots(target, here, lower, upper, lot)
    return target


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _in_lots(wanted: float, here: float, lower: float, upper: float, lot: float) -> float:
    """Return the position nearest to `wanted` that whole lots reach from `here`.

    Where the nearest lies outside the band and the next one inside, it is the next one: else the order that
    the band asked for would be asked for again at the next step.
    """
    lots = round((wanted - here) / lot)
    nearest = here + lots * lot
    if nearest < lower <= wanted and nearest + lot <= upper:
        return here + (lots + 1) * lot
    if nearest > upper >= wanted and nearest - lot >= lower:
        return here + (lots - 1) * lot
    return nearest


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
