"""What orders would pay in a book, compiled: at the rows of a batch, and over an interval as it goes by.

Both forms call the same functions on the same levels, one after another, so they agree to the last bit
however many levels a batch was cut to.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
from pipeline.features.pairwise_sum import pairwise_sum

SOUND, MISSING, CROSSED, STALE, UNTRUSTED = 0, 1, 2, 3, 4
"""Of a book: see `book_at`, which says what each means."""
compiled = kept(nogil=True, error_model="numpy")


@compiled
def depths(
    bid_price: FloatArray,
    bid_size: FloatArray,
    ask_price: FloatArray,
    ask_size: FloatArray,
    sound: NDArray[np.bool_],
    distance: float,
) -> FloatArray:
    """Return what stands within `distance` of the mid, [S], of levels [S, L]; NaN where one is not sound."""
    found = np.full(len(sound), np.nan)
    for row in range(len(sound)):
        if sound[row]:
            found[row] = _depth(bid_price[row], bid_size[row], ask_price[row], ask_size[row], distance)
    return found


@compiled
def crossing_costs(
    bid_price: FloatArray,
    bid_size: FloatArray,
    ask_price: FloatArray,
    ask_size: FloatArray,
    sound: NDArray[np.bool_],
    order: float,
) -> FloatArray:
    """Return what an order pays against the mid, [S] fractions; NaN where a book is not sound."""
    found = np.full(len(sound), np.nan)
    for row in range(len(sound)):
        if sound[row]:
            found[row] = _crossing(bid_price[row], bid_size[row], ask_price[row], ask_size[row], order)
    return found


@compiled
def standing(
    known: NDArray[np.int64], columns: FloatArray, rows: int, at: int, stale_after: float
) -> tuple[int, int]:
    """Return the place of the row that stood at an instant, −1 for none, and its state.

    Parameters
    ----------
    known, columns : of a book, see `book_at`; the first `rows` of them count.
    """
    place = rows - 1
    while place >= 0 and known[place] > at:
        place -= 1
    return place, _judged(known, columns, place, at, stale_after)


@compiled
def quoted(
    known: NDArray[np.int64], columns: FloatArray, rows: int, at: int, stale_after: float
) -> tuple[float, float, float]:
    """Return bid and ask at an instant, NaN where nothing can be traded, and the seconds since the last row.

    Parameters
    ----------
    known, columns, rows : as in `standing`.
    """
    place, state = standing(known, columns, rows, at, stale_after)
    age = (at - known[rows - 1]) / 1e9
    if state != SOUND:
        return np.nan, np.nan, age
    return columns[place, 2], columns[place, 2 + (columns.shape[1] - 2) // 2], age


@compiled
def interval_numbers(
    known: NDArray[np.int64],
    columns: FloatArray,
    rows: int,
    at: int,
    since: int,
    between: int,
    stale_after: float,
    order: float,
    distance: float,
    numbers: FloatArray,
) -> tuple[float, float, float]:
    """Write mid, state and `decision_day.interval_means` of the interval of `since` ns that ends `at`.

    Returned is what is `quoted` at its end.

    Parameters
    ----------
    known, columns, rows : as in `standing`.
    between : ns between two looks, backwards from the end.
    numbers : [7] is written; the mid is NaN where the book is not sound.
    """
    looks = -(-since // between)
    values = np.full((4, looks), np.nan)
    levels, place, worst = (columns.shape[1] - 2) // 4, rows - 1, -np.inf
    for look in range(looks):
        now = at - between * look
        while place >= 0 and known[place] > now:
            place -= 1
        state = _judged(known, columns, place, now, stale_after)
        values[3, look] = 1.0 if state == SOUND else 0.0
        if look == 0:
            numbers[0], numbers[1] = np.nan, state
        if state != SOUND:
            continue
        bids, shown = columns[place, 2 : 2 + levels], columns[place, 2 + levels : 2 + 2 * levels]
        asks, offered = columns[place, 2 + 2 * levels : 2 + 3 * levels], columns[place, 2 + 3 * levels :]
        bid, ask = bids[0], asks[0]
        mid = 0.5 * (bid + ask)
        if look == 0:
            numbers[0] = mid
        values[0, look] = 0.5 * (ask - bid) / mid
        values[1, look] = _crossing(bids, shown, asks, offered, order)
        values[2, look] = _depth(bids, shown, asks, offered, distance)
        worst = max(worst, values[1, look])
    for kind in range(4):
        numbers[2 + kind] = _mean(values[kind])
    numbers[6] = worst if np.isfinite(worst) else np.nan
    best: tuple[float, float, float] = quoted(known, columns, rows, at, stale_after)
    return best


@compiled
def _judged(known: NDArray[np.int64], columns: FloatArray, place: int, at: int, stale_after: float) -> int:
    if place < 0:
        return MISSING
    if columns[place, 0] != 1.0:
        return UNTRUSTED
    levels = (columns.shape[1] - 2) // 4
    bid, shown = columns[place, 2], columns[place, 2 + levels]
    ask, offered = columns[place, 2 + 2 * levels], columns[place, 2 + 3 * levels]
    if np.isnan(bid) or np.isnan(ask) or not (shown > 0.0 and offered > 0.0):
        return MISSING
    if not bid < ask:
        return CROSSED
    return STALE if at - known[place] > stale_after * 1e9 else SOUND


@compiled
def _depth(
    bid_price: FloatArray, bid_size: FloatArray, ask_price: FloatArray, ask_size: FloatArray, distance: float
) -> float:
    mid, bids, asks = 0.5 * (bid_price[0] + ask_price[0]), 0.0, 0.0
    for level in range(len(bid_price)):
        if bid_price[level] >= mid * (1.0 - distance):
            bids += bid_size[level]
        if ask_price[level] <= mid * (1.0 + distance):
            asks += ask_size[level]
    return 0.5 * (bids + asks)


@compiled
def _crossing(
    bid_price: FloatArray, bid_size: FloatArray, ask_price: FloatArray, ask_size: FloatArray, order: float
) -> float:
    mid, spread = 0.5 * (bid_price[0] + ask_price[0]), ask_price[0] - bid_price[0]
    bought = _paid(ask_price, ask_size, order, spread) - mid
    sold = mid - _paid(bid_price, bid_size, order, -spread)
    cost: float = 0.5 * (bought + sold) / mid
    return cost


@compiled
def _paid(price: FloatArray, size: FloatArray, order: float, beyond: float) -> float:
    """Return the average price of an order that walks levels [L], the rest `beyond` the last."""
    before, filled, walked, last = 0.0, 0.0, 0.0, price[0]
    for level in range(len(price)):
        if np.isnan(price[level]):
            continue
        last = price[level]
        take = min(max(order - before, 0.0), size[level])
        before += size[level]
        filled += take
        walked += take * last
    average: float = (walked + (order - filled) * (last + beyond)) / order
    return average


@compiled
def _mean(values: FloatArray) -> float:
    """Return the mean of what is known, added up as `numpy.add.reduceat` does; NaN where nothing is."""
    count, known = 0, np.zeros(len(values))
    for k in range(len(values)):
        if np.isfinite(values[k]):
            known[k] = values[k]
            count += 1
    total = known[0] + pairwise_sum(known[1:]) if len(known) > 1 else known[0]
    return total / count if count else np.nan
