"""Who took: the side of a trade by the quote rule, by the tick rule where the quotes do not tell."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.kept import kept
from pipeline.ingest.market_tables import BUY, SELL, UNKNOWN_SIDE

Times = NDArray[np.int64]
Prices = NDArray[np.float64]
Sides = NDArray[np.int8]
OLDEST_QUOTE_SECONDS: Final = 60.0


def trade_sides(
    times: Times,
    prices: Prices,
    told: Sides,
    quote_times: Times,
    bids: Prices,
    asks: Prices,
    oldest_quote_seconds: float = OLDEST_QUOTE_SECONDS,
    before: Prices | None = None,
) -> Sides:
    """Return the taker's side of each trade (Lee and Ready, 1991, without their lag of five seconds).

    A side that the venue told stays. Else above the middle of the quote in force the taker bought, below it
    he sold; at the middle, or where no sound quote is in force, the trade has the direction of the last
    change of price (tick rule). In force is the last quote *before* the trade: one of the same instant may
    be its consequence.

    Parameters
    ----------
    times : [T] instants of the trades, nanoseconds, never going back.
    prices, told : [T] prices, and sides that the venue told (0 where it did not).
    quote_times, bids, asks : [Q] instants, never going back, and prices; NaN on a side that has none.
    oldest_quote_seconds : a quote older than this is not in force.
    before : [2] last price and direction of the last change; is written to, so that the next trades go on
        from here. Without it nothing is known before the first trade.

    Returns
    -------
    sides : [T] 1 bought, −1 sold, 0 where neither rule tells (the first trades of a day without quotes).

    Examples
    --------
    >>> trade_sides(np.array([2, 3, 4]), np.array([10.1, 10.0, 10.0]), np.zeros(3, np.int8),
    ...             np.array([1]), np.array([9.9]), np.array([10.1])).tolist()
    [1, -1, -1]
    """
    place = np.searchsorted(quote_times, times, side="left") - 1
    middle = np.full(len(times), np.nan)
    there = place >= 0
    quoted = place[there]
    sound = bids[quoted] <= asks[quoted]
    fresh = times[there] - quote_times[quoted] <= int(oldest_quote_seconds * 1e9)
    middle[there] = np.where(sound & fresh, (bids[quoted] + asks[quoted]) / 2.0, np.nan)
    state = np.array([np.nan, UNKNOWN_SIDE]) if before is None else before
    sides = np.empty(len(times), dtype=np.int8)
    signed(prices, told, middle, state, sides)
    return sides


@kept(nogil=True)
def signed(prices: Prices, told: Sides, middle: Prices, state: Prices, sides: Sides) -> None:
    """Write the side of each trade to `sides`; `state` is the last price and the last direction, carried on.

    Parameters
    ----------
    prices, told, middle : [T] of each trade; `middle` of the quote in force, NaN where there is none.
    """
    for row in range(len(prices)):
        price = prices[row]
        if price > state[0]:
            state[1] = BUY
        elif price < state[0]:
            state[1] = SELL
        state[0] = price
        if told[row] != UNKNOWN_SIDE:
            sides[row] = told[row]
        elif price > middle[row]:
            sides[row] = BUY
        elif price < middle[row]:
            sides[row] = SELL
        else:
            sides[row] = np.int8(state[1])
