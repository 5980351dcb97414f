"""The inner loop of every backtest: clamp the position into its band, trade, pay, accrue."""

import numpy as np
from numba import njit

from pipeline.domain.instruments import FloatArray

TRADING, CARRY, COST, TURNOVER, TRADES = range(5)
BOOKS = 5


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def hedge_paths(
    lower: FloatArray,
    upper: FloatArray,
    to_lower: FloatArray,
    to_upper: FloatArray,
    speed: FloatArray,
    price: FloatArray,
    cost: FloatArray,
    premium: FloatArray,
    interest: FloatArray,
    income: FloatArray,
    margined: bool,
    unwind: bool,
    delay: int,
) -> tuple[FloatArray, FloatArray]:
    """Hedge N episodes of T steps with H instruments and book every flow.

    At step k the position outside [lower, upper] moves `speed` of the way to its target. The trade pays
    `cost` × |trade| × price. Then the step passes: the position earns the price change and `income`, the
    cash account earns `interest`. After the last step the hedge is closed, for free unless `unwind`.

    Parameters
    ----------
    lower, upper, to_lower, to_upper, speed : [N, T, H] the band; entry k is decided at step k.
    price : [N, T+1, H] mid prices. NaN is no market: nothing is filled, the last price marks the position.
    cost : [N, T+1, H] one-way cost of the fill, a fraction of its value; NaN is no fill.
    premium : [N] money in the cash account at the start.
    interest : [N, T] what one unit of cash earns over the step.
    income : [N, T, H] dividends over the step as a fraction of the price at its start.
    margined : a future pays its gains in cash at every step; a share is bought with cash.
    delay : steps between decision and fill; the opening trade comes with the option and is never late.

    Returns
    -------
    position : [N, T, H] after the trade of each step.
    books : [N, 5] trading, carry, cost, turnover (units) and number of trades.
    """
    rows, steps, instruments = lower.shape
    position = np.empty((rows, steps, instruments))
    books = np.zeros((rows, BOOKS))
    held = np.empty(instruments)
    mark = np.empty(instruments)
    for n in range(rows):
        cash = premium[n]
        held[:] = 0.0
        mark[:] = price[n, 0]
        for k in range(steps):
            decided = max(k - delay, 0)
            for h in range(instruments):
                here = held[h]
                if here < lower[n, decided, h]:
                    wanted = here + speed[n, decided, h] * (to_lower[n, decided, h] - here)
                elif here > upper[n, decided, h]:
                    wanted = here + speed[n, decided, h] * (to_upper[n, decided, h] - here)
                else:
                    wanted = here
                if wanted != here and not np.isnan(price[n, k, h]) and not np.isnan(cost[n, k, h]):
                    size = abs(wanted - here)
                    paid = cost[n, k, h] * size * price[n, k, h]
                    books[n, COST] += paid
                    books[n, TURNOVER] += size
                    books[n, TRADES] += 1.0
                    cash -= paid
                    if not margined:
                        cash -= (wanted - here) * price[n, k, h]
                    held[h] = wanted
                position[n, k, h] = held[h]
            earned = cash * interest[n, k]
            for h in range(instruments):
                dividend = held[h] * mark[h] * income[n, k, h]
                earned += dividend
                if not np.isnan(price[n, k + 1, h]):
                    gain = held[h] * (price[n, k + 1, h] - mark[h])
                    books[n, TRADING] += gain
                    if margined:
                        cash += gain
                    mark[h] = price[n, k + 1, h]
            books[n, CARRY] += earned
            cash += earned
        if unwind:
            for h in range(instruments):
                if held[h] != 0.0:
                    books[n, COST] += cost[n, steps, h] * abs(held[h]) * mark[h]
                    books[n, TURNOVER] += abs(held[h])
                    books[n, TRADES] += 1.0
    return position, books
