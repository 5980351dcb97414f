"""Prices in another unit than those around them."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

LARGEST_FACTOR: Final = 10.0
"""A price this many times above or below the usual one is taken for another unit (cents, a lost point)."""
OTHER_UNIT: Final = "price in another unit than those around it"


class PriceUnit:
    """Reads prices batch by batch and remembers what is usual.

    Usual is the median of the prices of a batch that lie within the factor of what was usual before; a file
    that is in the wrong unit from its first row to its last cannot be told from a right one.

    Examples
    --------
    >>> PriceUnit().strange(np.array([13.9, 13.8, 1390.0, np.nan])).tolist()
    [False, False, True, False]

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

        With a `side` only bids (1) far above and asks (−1) far below what is usual are; 0 is either.
        """
        looked_at = np.isfinite(prices) & (prices > 0.0)
        if not looked_at.any():
            return np.zeros(len(prices), dtype=np.bool_)
        if np.isnan(self._usual):
            self._usual = float(np.median(prices[looked_at]))
        with np.errstate(over="ignore", invalid="ignore"):
            high = prices > LARGEST_FACTOR * self._usual
            low = prices < self._usual / LARGEST_FACTOR
        near = looked_at & ~(high | low)
        if near.any():
            self._usual = float(np.median(prices[near]))
        if side is not None:
            high, low = high & (side >= 0), low & (side <= 0)
        found: NDArray[np.bool_] = looked_at & (high | low)
        return found
