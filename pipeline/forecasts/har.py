"""Heterogeneous autoregressions, in levels and in logarithms."""

from typing import Self

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.forecaster import Forecaster
from pipeline.forecasts.linear import least_squares, linear_predictor, smeared_least_squares
from pipeline.forecasts.row_form import EXPONENTIAL, RowForm


class Har(Forecaster):
    r"""Least squares of the target on its levels over the last 1, 5 and 22 sessions.

    .. math:: \hat y_t = \max(b_0 + b_1 x^{(1)}_t + b_5 x^{(5)}_t + b_{22} x^{(22)}_t,\ \mathrm{floor})

    The levels of a variance are the desk's realised variances, else range-based (Parkinson): on daily bars a
    range is about five times as precise as a squared return. Intercept and slopes carry the overnight move.
    The fit can leave the positive half-line; the floor is the smallest 22-session level of the training rows
    times the mean ratio of target to that level. `floored_share_` reports how often training needed it.

    References
    ----------
    Corsi (2009), A simple approximate long-memory model of realized volatility, eq. 8.
    """

    name = "har"

    def fit(self, X: pd.DataFrame, y: FloatArray) -> Self:
        """Estimate intercept, slopes and floor; see `Forecaster`."""
        inputs = self.inputs(X)
        rows = self.usable(inputs, y)
        used, target = inputs[rows], self.task.floored(y)[rows]
        self.intercept_, self.slopes_ = least_squares(used, target)
        month = used[:, -1]
        self.floor_ = float(month.min() * target.mean() / month.mean())
        self.floored_share_ = float((self._line(used) < self.floor_).mean())
        return self

    def predict(self, X: pd.DataFrame) -> FloatArray:
        """Return the floored regression at every row, [T]."""
        return np.maximum(self._line(self.inputs(X)), self.floor_)

    def row_form(self) -> RowForm | None:
        """Return the floored regression; see `Forecaster`."""
        return RowForm(self.task, self.intercept_, self.slopes_, scaled=self.task.levels, least=self.floor_)

    def inputs(self, X: pd.DataFrame) -> FloatArray:
        """Return what the regression sees at every row, [T, K], the month's level last."""
        return self.task.components(X)

    def _line(self, inputs: FloatArray) -> FloatArray:
        return linear_predictor(self.intercept_, self.slopes_, inputs)


class LogHar(Forecaster):
    r"""Least squares of the log target on the log levels over the last 1, 5 and 22 sessions.

    .. math:: \hat y_t = k \exp(b_0 + \sum_j b_j \log x^{(j)}_t), \quad k = \mathrm{mean}\, e^{\hat\epsilon}

    k is Duan's smearing factor over the training rows: the exponential of a fitted logarithm is biased low.
    A target of zero counts as the task's floor.

    References
    ----------
    Corsi (2009); Duan (1983), Smearing estimate: a nonparametric retransformation method.
    """

    name = "log_har"

    def fit(self, X: pd.DataFrame, y: FloatArray) -> Self:
        """Estimate intercept, slopes and smearing factor; see `Forecaster`."""
        logs = self.inputs(X)
        rows = self.usable(logs, y)
        target = np.log(self.task.floored(y)[rows])
        self.intercept_, self.slopes_, self.smearing_ = smeared_least_squares(logs[rows], target)
        return self

    def predict(self, X: pd.DataFrame) -> FloatArray:
        """Return the smeared exponential of the regression at every row, [T]."""
        return self.smearing_ * np.exp(linear_predictor(self.intercept_, self.slopes_, self.inputs(X)))

    def row_form(self) -> RowForm | None:
        """Return the smeared exponential of the regression; see `Forecaster`."""
        return RowForm(
            self.task,
            self.intercept_,
            self.slopes_,
            logged=self.task.levels,
            link=EXPONENTIAL,
            factor=self.smearing_,
        )

    def inputs(self, X: pd.DataFrame) -> FloatArray:
        """Return the logarithms that the regression sees at every row, [T, K]."""
        return np.log(self.task.components(X))
