"""Prices in another unit than those around them."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

LARGEST_FACTOR: Final = 10.0
"""A price this many times above or below what was usual before is in another unit (cents, a lost point)."""
NEARBY_FACTOR: Final = 4.0
"""So is a trade or a best quote this many times above or below those that came with it."""
ENOUGH: Final = 5
"""Prices of one batch that say what is usual in it; fewer are held against what was usual before."""
OTHER_UNIT: Final = "price in another unit than those around it"


class PriceUnit:
    """Reads prices batch by batch and remembers what is usual.

    Usual is the median of the prices of a batch within `LARGEST_FACTOR` of what was usual before, so that a
    jump of the market is followed; a file that is in the wrong unit from its first row to its last cannot be
    told from a right one.

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
            self._usual = float(np.median(prices[looked_at]))
        high, low = self._beyond(prices, LARGEST_FACTOR)
        near = looked_at & ~(high | low)
        if near.sum() >= ENOUGH:
            self._usual = float(np.median(prices[near]))
        waits = np.zeros(len(prices), dtype=np.bool_) if side is None else side != 0
        high, low = self._beyond(prices, np.where(waits, LARGEST_FACTOR, NEARBY_FACTOR))
        near = looked_at & ~(high | low)
        if near.any():
            self._usual = float(np.median(prices[near]))
        if side is not None:
            high, low = high & (side >= 0), low & (side <= 0)
        found: NDArray[np.bool_] = looked_at & (high | low)
        return found

    def _beyond(
        self, prices: NDArray[np.float64], factor: float | NDArray[np.float64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return [rows] whether a price is so many times above what is usual, and as many below."""
        with np.errstate(over="ignore", invalid="ignore"):
            return prices >= factor * self._usual, prices <= self._usual / factor
