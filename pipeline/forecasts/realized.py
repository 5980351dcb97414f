"""SHAR, HARQ and log-SHARQ: heterogeneous autoregressions on realised measures of the session."""

from typing import Self

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.forecaster import Forecaster
from pipeline.forecasts.har import Har, LogHar
from pipeline.forecasts.task import RQ_RATIO, RV_LEVELS, SEMI_LEVELS, columns


def shar_inputs(plus: FloatArray, minus: FloatArray, week: FloatArray, month: FloatArray) -> FloatArray:
    """Return the inputs of SHAR, [T, 4]: both semivariances of the day in place of its variance.

    Examples
    --------
    >>> shar_inputs(*np.array([[1.0], [2.0], [3.0], [4.0]]))
    array([[1., 2., 3., 4.]])
    """
    return np.column_stack([plus, minus, week, month])


def harq_inputs(rv: FloatArray, error: FloatArray, week: FloatArray, month: FloatArray) -> FloatArray:
    """Return the inputs of HARQ, [T, 4]: RV, √RQ · RV, and the means of the week and the month.

    Parameters
    ----------
    rv, week, month : [T] realised variances.
    error : [T] √RQ. A constant factor moves the slope of its column and no forecast.

    Examples
    --------
    >>> harq_inputs(*np.array([[2.0], [2.0], [3.0], [4.0]]))
    array([[2., 4., 3., 4.]])
    """
    return np.column_stack([rv, error * rv, week, month])


def log_sharq_inputs(
    plus: FloatArray, minus: FloatArray, week: FloatArray, month: FloatArray, log_ratio: FloatArray
) -> FloatArray:
    """Return the inputs of log-SHARQ, [T, 5]: the logarithms of SHAR's, and ln(√RQ / RV).

    Examples
    --------
    >>> log_sharq_inputs(*np.array([[1.0], [1.0], [1.0], [1.0], [0.5]]))
    array([[0. , 0. , 0. , 0. , 0.5]])
    """
    return np.column_stack([np.log(shar_inputs(plus, minus, week, month)), log_ratio])


class Shar(Har):
    r"""HAR in which rises and falls of the day have slopes of their own.

    .. math:: \hat y_t = b_0 + b_+ RS^+_t + b_- RS^-_t + b_5 RV^{(5)}_t + b_{22} RV^{(22)}_t

    The target is close-to-close variance, the measures are open to close: intercept and slopes carry the
    overnight move. Kept above the floor of `Har`.

    References
    ----------
    Patton, Sheppard (2015), Good volatility, bad volatility: signed jumps and the persistence of volatility.
    """

    name = "shar"
    needs = (*RV_LEVELS, *SEMI_LEVELS)
    row_form = Forecaster.row_form

    def inputs(self, X: pd.DataFrame) -> FloatArray:
        """Return RS⁺, RS⁻ and the mean variances of the week and the month over the horizon, [T, 4]."""
        plus, minus, week, month = self.task.scaled(X, (*SEMI_LEVELS, *RV_LEVELS[1:])).T
        return shar_inputs(plus, minus, week, month)


class Harq(Har):
    r"""HAR whose slope on the day shrinks where the day's variance is measured badly.

    .. math:: \hat y_t = b_0 + (b_1 + b_Q \sqrt{RQ_t})\, RV_t + b_5 RV^{(5)}_t + b_{22} RV^{(22)}_t

    In a crash the product of √RQ and RV outgrows everything seen, and with b_Q < 0 the line falls where
    variance rises. So a forecast below the floor of `Har`, or above the largest target of the training rows,
    counts as no forecast and becomes their mean. The unit of RQ does not matter as long as it is one and the
    same.

    References
    ----------
    Bollerslev, Patton, Quaedvlieg (2016), Exploiting the errors: a simple approach for improved volatility
    forecasting; the replacement by the mean is their filter of forecasts outside the range of the targets,
    with the floor in place of the smallest target, for a squared return may be zero.
    """

    name = "harq"
    needs = (*RV_LEVELS, RQ_RATIO)
    row_form = Forecaster.row_form

    def fit(self, X: pd.DataFrame, y: FloatArray) -> Self:
        """Estimate intercept, slopes, and the range and mean of the targets; see `Forecaster`."""
        super().fit(X, y)
        target = self.task.floored(y)[self.usable(self.inputs(X), y)]
        self.ceiling_, self.mean_ = float(target.max()), float(target.mean())
        return self

    def predict(self, X: pd.DataFrame) -> FloatArray:
        """Return the filtered regression at every row, [T]."""
        line = self._line(self.inputs(X))
        return np.where((line < self.floor_) | (line > self.ceiling_), self.mean_, line)

    def inputs(self, X: pd.DataFrame) -> FloatArray:
        """Return RV, √RQ · RV and the mean variances of the week and the month over the horizon, [T, 4]."""
        day, week, month = self.task.scaled(X, RV_LEVELS).T
        error = np.exp(columns(self.task, X, (RQ_RATIO,))[:, 0]) * day
        return harq_inputs(day, error, week, month)


class LogSharq(LogHar):
    r"""Least squares of the log target on the logs of SHAR's inputs and of the precision of the day.

    .. math:: \hat y_t = k \exp\Big(b_0 + b_+ \log RS^+_t + b_- \log RS^-_t + b_5 \log RV^{(5)}_t
        + b_{22} \log RV^{(22)}_t + b_Q \log \frac{\sqrt{RQ_t}}{RV_t}\Big)

    k is the smearing factor of `LogHar`. A constant factor of RQ moves the intercept and no forecast.

    References
    ----------
    Patton, Sheppard (2015); Bollerslev, Patton, Quaedvlieg (2016).
    """

    name = "log_sharq"
    needs = (*RV_LEVELS, *SEMI_LEVELS, RQ_RATIO)
    row_form = Forecaster.row_form

    def inputs(self, X: pd.DataFrame) -> FloatArray:
        """Return the logarithms that the regression sees, [T, 5]."""
        plus, minus, week, month = self.task.scaled(X, (*SEMI_LEVELS, *RV_LEVELS[1:])).T
        ratio = columns(self.task, X, (RQ_RATIO,))[:, 0]
        return log_sharq_inputs(plus, minus, week, month, ratio)
