"""What a simulated market shows: prices, variances and regimes of many paths."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.simulate.markov_chain import IntArray


@dataclass(frozen=True)
class Paths:
    """N paths of T steps.

    Attributes
    ----------
    interval : Δt, years.
    spot : [N, T+1] prices, money; column 0 is the start.
    variance : [N, T+1] variance of the log return, annual; column t drives the step from t to t + 1. NaN
        where the process has none that is known.
    regime : [N, T+1] hidden regime, by the same rule; all 0 where the process has but one.
    """

    interval: float
    spot: FloatArray
    variance: FloatArray
    regime: IntArray

    @classmethod
    def empty(cls, paths: int, steps: int, interval: float) -> Self:
        """Return room for N paths of T steps, all in regime 0."""
        shape = (paths, steps + 1)
        return cls(interval, np.empty(shape), np.empty(shape), np.zeros(shape, dtype=np.int64))

    def episodes(self, chosen: slice) -> Self:
        """Return some of the paths; they share memory with these."""
        return type(self)(self.interval, self.spot[chosen], self.variance[chosen], self.regime[chosen])
