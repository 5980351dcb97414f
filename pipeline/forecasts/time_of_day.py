"""The forecast of the clock: what the level usually was at this time of day."""

from typing import Final, Self

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.forecaster import Forecaster
from pipeline.forecasts.task import columns

CLOCK: Final = "half_hour"
"""Column of the part of the day."""


class TimeOfDay(Forecaster):
    r"""The mean of the target over the training rows of the same part of the day.

    .. math:: \hat y_t = \mathrm{mean}\{y_s : c_s = c_t\}

    with c the half-hour of the day. A part that the training rows do not have is given the mean of all.
    """

    name = "time_of_day"
    needs = (CLOCK,)

    def fit(self, X: pd.DataFrame, y: FloatArray) -> Self:
        """Average by part of the day; see `Forecaster`."""
        part = columns(self.task, X, (CLOCK,))
        rows = self.usable(part, y)
        target, number = self.task.floored(y)[rows], part[rows, 0].astype(np.int64)
        count = np.bincount(number)
        total = np.bincount(number, weights=target)
        self.overall_ = float(target.mean())
        self.means_ = np.where(count > 0, total / np.maximum(count, 1), self.overall_)
        return self

    def predict(self, X: pd.DataFrame) -> FloatArray:
        """Return the mean of the part of the day at every row, [T]; NaN where the time is not known."""
        part = columns(self.task, X, (CLOCK,))[:, 0]
        known = np.isfinite(part)
        number = np.where(known, part, 0.0).astype(np.int64)
        inside = number < len(self.means_)
        means = np.where(inside, self.means_[np.where(inside, number, 0)], self.overall_)
        return np.asarray(np.where(known, means, np.nan))
