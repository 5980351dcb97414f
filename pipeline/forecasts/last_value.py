"""The forecast that nothing changes: the last session's level."""

from collections.abc import Sequence
from typing import Self

import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.forecaster import Following, Forecaster
from pipeline.forecasts.row_inputs import RowInputs


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

    def following(self, X: pd.DataFrame, names: Sequence[str]) -> Following:
        """Return what scales the level of a row; see `Forecaster`."""
        inputs = RowInputs(self.task, names, scaled=self.task.levels[:1])
        return lambda row: self.scale_ * float(inputs(row)[0])
