"""Prices in another unit than those around them."""

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.kept import kept

LARGEST_FACTOR: Final = 10.0
"""A price this many times above or below what was usual before is in another unit (cents, a lost point)."""
NEARBY_FACTOR: Final = 4.0
"""So is a trade or a best quote this many times above or below those that came with it."""
FIRST: Final = 5
"""Prices that say together what is usual at first."""
FIRST_ORDERS: Final = 1001
"""The same of waiting orders: a book begins with all of them, however deep."""
SHARE: Final = 0.1
"""What is usual moves by this share of a price's distance from it in logs,"""
FURTHEST: Final = math.log(1.5)
"""of which no more than so much counts."""
OTHER_UNIT: Final = "price in another unit than those around it"


class PriceUnit:
    """Reads prices batch by batch and remembers what is usual.

    Each is held against those before it: what comes later in a file decides on nothing. Usual is an average
    of logs that a single price moves by 4 % at most, and one `LARGEST_FACTOR` away not at all, so that a
    market that jumps is followed after some ten prices; the first few are judged together. A file that is in
    the wrong unit from its first row to its last cannot be told from a right one.

    Examples
    --------
    >>> PriceUnit().strange(np.array([13.9, 13.8, 1390.0, np.nan])).tolist()
    [False, False, True, False]
    >>> PriceUnit().strange(np.array([100.0, 99.0, 100.0, 101.0, 1000.0])).tolist()
    [False, False, False, False, True]

    Of orders only those are strange that would cross: a bid far below the market waits there in earnest.

    >>> PriceUnit().strange(np.array([9.0, 10.0, 0.1, 990.0, 800.0]), np.array([1, -1, 1, 1, -1])).tolist()
    [False, False, False, True, False]
    """

    def __init__(self) -> None:
        self._usual = np.nan

    def strange(
        self, prices: NDArray[np.float64], side: NDArray[np.integer[Any]] | None = None
    ) -> NDArray[np.bool_]:
        """Return [rows] whether a price is in another unit; what is not above zero is not looked at.

        Without a `side`, and with side 0, prices are trades or best quotes. Other sides are waiting orders:
        only bids (1) `LARGEST_FACTOR` above and asks (−1) as far below what is usual are strange.
        """
        looked_at = np.isfinite(prices) & (prices > 0.0)
        if not looked_at.any():
            return np.zeros(len(prices), dtype=np.bool_)
        if np.isnan(self._usual):
            first = prices[looked_at][: FIRST if side is None else FIRST_ORDERS]
            self._usual = math.log(float(np.median(first)))
        sides = np.zeros(len(prices), dtype=np.int64) if side is None else side.astype(np.int64)
        found = np.zeros(len(prices), dtype=np.bool_)
        self._usual = _judge(np.where(looked_at, prices, np.nan), sides, self._usual, found)
        return found


@kept(nogil=True)
def _judge(
    prices: NDArray[np.float64], side: NDArray[np.int64], usual: float, found: NDArray[np.bool_]
) -> float:
    """Write which prices are strange, and return the logarithm of what is usual after them."""
    largest, nearby = math.log(LARGEST_FACTOR), math.log(NEARBY_FACTOR)
    for row in range(len(prices)):
        if math.isnan(prices[row]):
            continue
        away = math.log(prices[row]) - usual
        limit = nearby if side[row] == 0 else largest
        found[row] = (away >= limit and side[row] >= 0) or (away <= -limit and side[row] <= 0)
        if abs(away) < largest:
            usual += SHARE * min(max(away, -FURTHEST), FURTHEST)
    return usual
