"""The inner loop of every backtest: clamp the position into its band, trade, pay by source, accrue.

The loop can stop after any step and go on from the account that it left: a batch of bands is one call over
all steps, a hedger that reads its own position one call a step.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
from pipeline.domain.orders import LEAST
from pipeline.execution.terms import Terms

IntArray = NDArray[np.int64]
TRADING, CARRY, COST, FEE, SPREAD, FIXED_FEE, IMPACT, TURNOVER, TRADES = range(9)
BOOKS = 9
PRICE, SHOWN, TAKEN = range(3)
"""What is remembered of a level that was hit: its price, the size it showed, and what of it was taken."""
SHORT = 5
"""Column of the orders that the shown levels filled in part; those before are `features.book_at`'s states."""


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
                gain, received, mark[n, h] = _passed(
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


@kept(nogil=True)
def hedge_through_book(
    first: int,
    last: int,
    lower: FloatArray,
    upper: FloatArray,
    to_lower: FloatArray,
    to_upper: FloatArray,
    speed: FloatArray,
    price: FloatArray,
    rows: IntArray,
    scale: FloatArray,
    state: NDArray[np.int8],
    mid: FloatArray,
    bid_price: FloatArray,
    bid_size: FloatArray,
    ask_price: FloatArray,
    ask_size: FloatArray,
    interest: FloatArray,
    income: FloatArray,
    margined: bool,
    terms: Terms,
    delay: int,
    position: FloatArray,
    held: FloatArray,
    cash: FloatArray,
    mark: FloatArray,
    taken: FloatArray,
    books: FloatArray,
    missed: FloatArray,
) -> None:
    """Hedge N episodes with one instrument through the books of `execution.arrivals` and book every flow.

    As `hedge_steps`, but the order decided at step k meets book `rows`[n, k] and walks its levels (`_walk`):
    nothing is filled where that book is not sound, and no more than it shows. What is not filled is decided
    again at the next step. The half-spread to the best level is booked as `SPREAD`, what is paid beyond it as
    `IMPACT`, both times `terms.crossing`; the move of the mid while the order was on its way is gain or loss
    of trading.

    Parameters
    ----------
    price : [N, T+1, 1] mids at the decisions, which mark the position; not NaN.
    rows, scale : [N, T+1] and [N]; `state`, `mid` [R] and the levels [R, L]: see `Arrivals`.
    taken : [N, 2, L, 3] what is remembered of the levels last hit, asks first; carried on.
    missed : [N, 6] orders that were not filled, by the state of the book, and those filled in part (`SHORT`).
    """
    fee, fixed_fee, lot, dearer = terms.fee, terms.fixed_fee, terms.lot, terms.crossing
    for n in range(held.shape[0]):
        paces, earning, receiving = min(n, len(speed) - 1), min(n, len(interest) - 1), min(n, len(income) - 1)
        for k in range(first, last):
            decided = max(k - delay, 0)
            here, row = held[n, 0], rows[n, k]
            asked = wanted(
                here,
                lower[n, decided, 0],
                upper[n, decided, 0],
                to_lower[n, decided, 0],
                to_upper[n, decided, 0],
                speed[paces, decided, 0],
                lot,
            )
            trade = asked - here if abs(asked - here) > LEAST else 0.0
            if trade != 0.0 and state[row] != 0:
                missed[n, state[row]] += 1.0
                trade = 0.0
            if trade != 0.0:
                side = 0 if trade > 0.0 else 1
                prices, sizes = (ask_price, ask_size) if trade > 0.0 else (bid_price, bid_size)
                filled, beyond = _walk(abs(trade), prices[row], sizes[row], taken[n, side])
                beyond *= dearer
                if filled < abs(trade) - LEAST:
                    missed[n, SHORT] += 1.0
                at = mid[row] * scale[n]
                best = dearer * abs(prices[row, 0] - mid[row]) * scale[n] * filled
                charge = fee * filled * at
                fixed = fixed_fee * scale[n] if filled > 0.0 else 0.0
                paid = charge + best + beyond * scale[n] + fixed
                trade = math.copysign(filled, trade)
                books[n, FEE] += charge
                books[n, SPREAD] += best
                books[n, IMPACT] += beyond * scale[n]
                books[n, FIXED_FEE] += fixed
                books[n, COST] += paid
                books[n, TURNOVER] += filled
                books[n, TRADES] += 1.0 if filled > 0.0 else 0.0
                slipped = trade * (mark[n, 0] - at)
                books[n, TRADING] += slipped
                cash[n] -= paid
                cash[n] += slipped if margined else -trade * at
                held[n, 0] = here + trade if abs(here + trade) > LEAST else 0.0
            position[n, k, 0] = held[n, 0]
            gain, received, mark[n, 0] = _passed(
                held[n, 0], mark[n, 0], price[n, k + 1, 0], income[receiving, k, 0]
            )
            earned = cash[n] * interest[earning, k] + received
            books[n, TRADING] += gain
            books[n, CARRY] += earned
            cash[n] += earned + gain if margined else earned


@kept(nogil=True)
def close_through_book(
    rows: IntArray,
    scale: FloatArray,
    mid: FloatArray,
    bid_price: FloatArray,
    bid_size: FloatArray,
    ask_price: FloatArray,
    ask_size: FloatArray,
    terms: Terms,
    held: FloatArray,
    mark: FloatArray,
    taken: FloatArray,
    books: FloatArray,
    missed: FloatArray,
) -> None:
    """Charge the trade that closes every position through the book `rows` [N], and book it.

    The position has to go: what the shown levels do not hold pays one spread more than the last of them, and
    is counted as `SHORT`.
    """
    fee, fixed_fee, dearer = terms.fee, terms.fixed_fee, terms.crossing
    for n in range(held.shape[0]):
        if abs(held[n, 0]) <= LEAST:
            continue
        row, size = rows[n], abs(held[n, 0])
        side = 1 if held[n, 0] > 0.0 else 0
        prices, sizes = (bid_price, bid_size) if held[n, 0] > 0.0 else (ask_price, ask_size)
        filled, beyond = _walk(size, prices[row], sizes[row], taken[n, side])
        if filled < size - LEAST:
            missed[n, SHORT] += 1.0
            spread = ask_price[row, 0] - bid_price[row, 0]
            beyond += (size - filled) * (abs(_last(prices[row]) - prices[row, 0]) + spread)
        beyond *= dearer
        at = mid[row] * scale[n]
        best = dearer * abs(prices[row, 0] - mid[row]) * scale[n] * size
        charge = fee * size * at
        books[n, FEE] += charge
        books[n, SPREAD] += best
        books[n, IMPACT] += beyond * scale[n]
        books[n, FIXED_FEE] += fixed_fee * scale[n]
        books[n, COST] += charge + best + (beyond + fixed_fee) * scale[n]
        books[n, TURNOVER] += size
        books[n, TRADES] += 1.0
        books[n, TRADING] += held[n, 0] * (at - mark[n, 0])
        held[n, 0] = 0.0


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _filled(here: float, asked: float, shown: float, lot: float) -> float:
    """Return how far the position gets on its way to `asked` where `shown` units are filled at most."""
    if abs(asked - here) <= shown:
        return asked
    most = math.floor(shown / lot + 1e-9) * lot if lot > 0.0 else shown
    return here + math.copysign(most, asked - here)


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _passed(units: float, before: float, after: float, income: float) -> tuple[float, float, float]:
    """Return what a position gains and receives over a step, and its mark then: `before` without a price."""
    mark = before if math.isnan(after) else after
    return units * (mark - before), units * before * income, mark


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _walk(size: float, prices: FloatArray, sizes: FloatArray, taken: FloatArray) -> tuple[float, float]:
    """Take `size` from levels [L], the best first; return what was filled and what it paid beyond the best.

    `taken` [L, 3] remembers the levels that were hit last: what was taken of a level is gone for as long as
    the level shows the same size at the same price, and back once that has changed. A level of which `LEAST`
    is left is empty.
    """
    levels = len(prices)
    fresh = np.zeros((levels, 3))
    filled, beyond = 0.0, 0.0
    for level in range(levels):
        price, shown = prices[level], sizes[level]
        if math.isnan(price):
            break
        gone = 0.0
        for old in range(levels):
            if taken[old, PRICE] == price and taken[old, SHOWN] == shown:
                gone = taken[old, TAKEN]
        take = min(size - filled, shown - gone)
        take = take if take > LEAST else 0.0
        filled += take
        beyond += take * abs(price - prices[0])
        fresh[level, PRICE], fresh[level, SHOWN], fresh[level, TAKEN] = price, shown, gone + take
    taken[:] = fresh
    return filled, beyond


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _last(prices: FloatArray) -> float:
    """Return the last price of a side [L]."""
    last = prices[0]
    for price in prices:
        if not math.isnan(price):
            last = price
    return float(last)


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
    the band asked for would be asked for again at the next step. An edge counts as inside by a billionth of
    a lot, so that the rounding of what is held does not decide which of two lots it is.
    """
    lots, slack = round((wanted - here) / lot), 1e-9 * lot
    nearest, least, most = here + lots * lot, lower - slack, upper + slack
    if nearest < least <= wanted and nearest + lot <= most:
        return here + (lots + 1) * lot
    if nearest > most >= wanted and nearest - lot >= least:
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
