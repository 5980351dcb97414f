"""The inner loop of a backtest whose orders meet stored books: they walk their levels."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

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

IntArray = NDArray[np.int64]
PRICE, SHOWN, TAKEN = range(3)
"""What is remembered of a level that was hit: its price, the size it showed, and what of it was taken."""
SHORT = 5
"""Column of the orders that the shown levels filled in part; those before are `features.book_at`'s states."""


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

    As `kernel.hedge_steps`, but the order decided at step k meets book `rows`[n, k] and walks its levels
    (`walk`): nothing is filled where that book is not sound, and no more than it shows. What is not filled
    is decided again at the next step. The half-spread to the best level is booked as `SPREAD`, what is paid
    beyond it as `IMPACT`, both times `terms.crossing`; the move of the mid while the order was on its way is
    gain or loss of trading.

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
                filled, beyond, _ = walk(abs(trade), prices[row], sizes[row], taken[n, side])
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
            gain, received, mark[n, 0] = passed(
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
        filled, beyond, _ = walk(size, prices[row], sizes[row], taken[n, side])
        if filled < size - LEAST:
            missed[n, SHORT] += 1.0
            spread = ask_price[row, 0] - bid_price[row, 0]
            beyond += (size - filled) * (abs(last_price(prices[row]) - prices[row, 0]) + spread)
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
def walk(size: float, prices: FloatArray, sizes: FloatArray, taken: FloatArray) -> tuple[float, float, float]:
    """Take `size` from levels [L], the best first.

    Returned is what was filled, what it paid beyond the best, and the price of the last unit, the best one
    if nothing was filled.

    `taken` [L, 3] remembers the levels that were hit last: what was taken of a level is gone for as long as
    the level shows the same size at the same price, and back once that has changed. A level of which `LEAST`
    is left is empty.
    """
    levels = len(prices)
    fresh = np.zeros((levels, 3))
    filled, beyond, reached = 0.0, 0.0, prices[0]
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
        reached = price if take > 0.0 else reached
        fresh[level, PRICE], fresh[level, SHOWN], fresh[level, TAKEN] = price, shown, gone + take
    taken[:] = fresh
    return filled, beyond, reached


@njit(nogil=True)  # type: ignore[untyped-decorator]
def last_price(prices: FloatArray) -> float:
    """Return the last price of a side [L]."""
    last = prices[0]
    for price in prices:
        if not math.isnan(price):
            last = price
    return float(last)
