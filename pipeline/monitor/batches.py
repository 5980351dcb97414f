"""Means of a few values at a time, scored by what such means were: what a detector of change is fed."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from pipeline.domain.instruments import FloatArray

BATCH: Final = 10
FARTHEST: Final = 3.0
"""Scales from the mean at which a score ends, so that one wild batch is no change."""


@dataclass(frozen=True)
class BatchReference:
    """Means of `batch` values in a row of one stream, in order of time, of the time that was learned from.

    Attributes
    ----------
    means : [M].
    batch : values in one.
    least : the smallest change that matters, in units of the stream.
    """

    means: FloatArray
    batch: int
    least: float

    @classmethod
    def learn(cls, values: FloatArray, batch: int, least: float) -> Self:
        """Learn from the values [T] of a stream."""
        whole = len(values) // batch * batch
        return cls(values[:whole].reshape(-1, batch).mean(axis=1), batch, least)

    def score(self, mean: FloatArray | float) -> FloatArray:
        """Return where means lie: .5 at the mean of training, 0 and 1 at three scales from it.

        A scale is the deviation of the means in training, or `least` where that is more.

        Examples
        --------
        >>> BatchReference(np.array([1.0, 3.0]), batch=1, least=2.0).score(np.array([2.0, 5.0, 99.0]))
        array([0.5 , 0.75, 1.  ])
        """
        scale = max(float(self.means.std()), self.least, 1e-12)
        away = np.clip((mean - self.means.mean()) / scale, -FARTHEST, FARTHEST)
        return np.asarray(0.5 + away / (2.0 * FARTHEST))


class Batch:
    """Collects values and gives the score of their mean when there are enough."""

    def __init__(self, reference: BatchReference) -> None:
        self._reference = reference
        self._total, self._number = 0.0, 0

    def add(self, value: float) -> float | None:
        """Take in a value; return a score with every `batch`-th."""
        self._total, self._number = self._total + value, self._number + 1
        if self._number < self._reference.batch:
            return None
        mean, self._total, self._number = self._total / self._number, 0.0, 0
        return float(self._reference.score(mean))
