"""Option quotes out of order across strikes: a put below dearer than those above it, a call the other way."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS: Final = 5
"""Strikes on either side that a quote is held against."""
LARGEST_FACTOR: Final = 2.0
"""A bid this many times the asks of options that are worth more is wrong, not stale."""


def out_of_order(
    chain: NDArray[np.int64],
    right: NDArray[np.int64],
    strike: NDArray[np.float64],
    bid: NDArray[np.float64],
    ask: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Return [rows] whether a quote cannot stand with those of the strikes beside it.

    A call is worth no less than one of a higher strike, a put no less than one of a lower strike. A row is
    wrong whose bid is over twice the median ask of the five next options that are worth no less, or whose
    ask is under half the median bid of the five next that are worth no more: one wrong quote among them
    changes no median. A row with fewer than three such neighbours on a side is not judged on that side.

    Parameters
    ----------
    chain : [rows] a number for each day, root and expiry.
    right : [rows] 1 for calls, −1 for puts.
    strike, bid, ask : [rows]; NaN where nobody bids or offers.

    Examples
    --------
    >>> strike, mid = np.arange(90.0, 96.0), np.array([1.0, 1.2, 1.4, 170.0, 2.0, 2.3])
    >>> put = np.full(6, -1)
    >>> out_of_order(np.zeros(6, np.int64), put, strike, mid - 0.1, mid + 0.1).tolist()
    [False, False, False, False, False, False]
    >>> strike, mid = np.arange(90.0, 97.0), np.array([1.0, 1.2, 1.4, 170.0, 2.0, 2.3, 2.5])
    >>> put = np.full(7, -1)
    >>> out_of_order(np.zeros(7, np.int64), put, strike, mid - 0.1, mid + 0.1).tolist()
    [False, False, False, True, False, False, False]
    """
    order = np.lexsort((right * strike, right, chain))
    same = chain[order] * 2 + (right[order] > 0)
    asks = np.where(np.isnan(ask), np.inf, ask)[order]
    bids = np.where(np.isnan(bid), 0.0, bid)[order]
    dearer = _median(same, asks, -1, np.inf)
    cheaper = _median(same, bids, 1, 0.0)
    found = np.zeros(len(strike), dtype=np.bool_)
    found[order] = (bids > LARGEST_FACTOR * dearer) | (LARGEST_FACTOR * asks < cheaper)
    return found


def _median(
    same: NDArray[np.int64], values: NDArray[np.float64], step: int, missing: float
) -> NDArray[np.float64]:
    """Return [rows] the median of the next rows one way that are of the `same`, `missing` for others."""
    beside = np.full((len(values), NEIGHBOURS), missing)
    rows = np.arange(len(values))
    for place in range(NEIGHBOURS):
        there = rows + step * (place + 1)
        inside = (there >= 0) & (there < len(values))
        inside[inside] = same[there[inside]] == same[inside]
        beside[inside, place] = values[there[inside]]
    beside.sort(axis=1)
    middle: NDArray[np.float64] = beside[:, NEIGHBOURS // 2]
    return middle
