"""Ranks of features among what they were at the same time of day, as cells of a histogram."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.instruments import FloatArray

KNOTS: Final = 39
CELLS: Final = 2 * KNOTS + 1
"""Of known values; one more holds what is not known."""
UNKNOWN: Final = CELLS
Cells = NDArray[np.int64]


@dataclass(frozen=True)
class SeasonalRanks:
    """Quantiles of each feature at each time of day.

    Attributes
    ----------
    knots : [B, F, `KNOTS`] ascending; +inf where a feature was never known at that time of day.
    minutes : of one of the B times of day; the last one goes on.
    """

    knots: FloatArray
    minutes: float

    @classmethod
    def learn(cls, values: FloatArray, minutes: FloatArray, width: float) -> Self:
        """Learn from `values` [T, F], known or NaN, and the `minutes` [T] of the day at which they were."""
        levels = np.arange(1, KNOTS + 1) / (KNOTS + 1)
        times = _times(minutes, width, int(minutes.max() // width) + 1)
        knots = np.full((times.max() + 1, values.shape[1], KNOTS), np.inf)
        for time in range(len(knots)):
            for feature, column in enumerate(values[times == time].T):
                if len(known := column[np.isfinite(column)]):
                    knots[time, feature] = np.quantile(known, levels)
        return cls(knots, width)

    def cells(self, values: FloatArray, minutes: FloatArray) -> Cells:
        """Return the cell of each of `values` [T, F]: knots below it plus knots not above it.

        A value between two knots has an even cell, one that a knot meets (a feature with few values) a cell
        in the middle of the knots that it meets. What is not finite is in the cell `UNKNOWN`.

        Examples
        --------
        >>> ranks = SeasonalRanks.learn(np.arange(1.0, 41.0)[:, None], np.zeros(40), 30.0)
        >>> ranks.cells(np.array([[0.0], [20.5], [99.0], [np.nan]]), np.zeros(4)).ravel()
        array([ 0, 39, 78, 79])
        """
        knots = self._at(minutes)
        below, met = (knots < values[..., None]).sum(axis=2), (knots <= values[..., None]).sum(axis=2)
        return np.where(np.isfinite(values), below + met, UNKNOWN)

    def shifts(self, values: FloatArray, minutes: FloatArray) -> FloatArray:
        """Return how far `values` [T, F] are from the median of their time of day, in their units."""
        middle = self._at(minutes)[..., KNOTS // 2]
        return values - np.where(np.isfinite(middle), middle, np.nan)

    def _at(self, minutes: FloatArray) -> FloatArray:
        found: FloatArray = self.knots[_times(minutes, self.minutes, len(self.knots))]
        return found


def _times(minutes: FloatArray, width: float, number: int) -> Cells:
    return np.minimum(minutes // width, number - 1).astype(np.int64)


def counted(cells: Cells) -> Cells:
    """Return how often each cell occurs, [F, `CELLS` + 1], among cells [T, F]."""
    features = cells.shape[1]
    flat = (np.arange(features) * (CELLS + 1) + cells).ravel()
    return np.bincount(flat, minlength=features * (CELLS + 1)).reshape(features, CELLS + 1)
