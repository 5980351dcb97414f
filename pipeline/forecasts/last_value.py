"""The forecast that nothing changes: the last session's level."""

from typing import Self

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.forecaster import Forecaster
from pipeline.forecasts.row_form import RowForm


class LastValue(Forecaster):
    r"""The last session's level, scaled so that the training forecasts are right on average.

    .. math:: \hat y_t = k\, x_t, \quad k = \mathrm{mean}(y / x)

    x is the one-session level in target units. k is the scale that minimises QLIKE; it carries the overnight
    move that a range does not see. A squared return in place of the range would make a forecast of almost
    zero after a quiet session.
    """

    name = "last_value"

    def fit(self, X: pd.DataFrame, y: FloatArray) -> Self:
        """Estimate the scale; see `Forecaster`."""
        components = self.task.components(X)
        rows = self.usable(components[:, :1], y)
        self.scale_ = float((self.task.floored(y)[rows] / components[rows, 0]).mean())
        return self

    def predict(self, X: pd.DataFrame) -> FloatArray:
        """Return k x at every row, [T]."""
        return self.scale_ * self.task.components(X)[:, 0]

    def row_form(self) -> RowForm:
        """Return the scaled level; see `Forecaster`."""
        return RowForm(self.task, 0.0, np.ones(1), scaled=self.task.levels[:1], factor=self.scale_)
