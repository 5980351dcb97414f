"""The forecast of the clock: what the level usually was at this time of day."""

from collections.abc import Sequence
from typing import Final, Self

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.forecaster import Following, Forecaster
from pipeline.forecasts.row_inputs import RowInputs
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

    def following(self, X: pd.DataFrame, names: Sequence[str]) -> Following:
        """Return what looks up the part of the day of a row; see `Forecaster`."""
        inputs, means = RowInputs(self.task, names, plain=(CLOCK,)), self.means_.tolist()

        def predict(row: FloatArray) -> float:
            part = float(inputs(row)[0])
            if not np.isfinite(part):
                return np.nan
            return float(means[int(part)]) if part < len(means) else self.overall_

        return predict
