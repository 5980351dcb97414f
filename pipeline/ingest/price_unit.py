"""Prices in another unit than those around them."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

LARGEST_FACTOR: Final = 10.0
"""A price this many times above or below the usual one is taken for another unit (cents, a lost point)."""


class PriceUnit:
    """Reads prices batch by batch and remembers what is usual.

    Usual is the median of the prices of a batch that lie within the factor of what was usual before; a file
    that is in the wrong unit from its first row to its last cannot be told from a right one.

    Examples
    --------
    >>> PriceUnit().strange(np.array([13.9, 13.8, 1390.0, np.nan])).tolist()
    [False, False, True, False]
    """

    def __init__(self) -> None:
        self._usual = np.nan

    def strange(self, prices: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return [rows] whether a price is in another unit; what is not above zero is not looked at."""
        looked_at = np.isfinite(prices) & (prices > 0.0)
        if not looked_at.any():
            return np.zeros(len(prices), dtype=np.bool_)
        if np.isnan(self._usual):
            self._usual = float(np.median(prices[looked_at]))
        with np.errstate(over="ignore", invalid="ignore"):
            high = prices > LARGEST_FACTOR * self._usual
            low = prices < self._usual / LARGEST_FACTOR
        found: NDArray[np.bool_] = looked_at & (high | low)
        if (looked_at & ~found).any():
            self._usual = float(np.median(prices[looked_at & ~found]))
        return found
