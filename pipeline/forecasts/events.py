"""Probabilities of an event: the base rate and a logistic regression."""

from typing import Self

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from pipeline.domain.errors import FitError
from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.forecaster import Forecaster
from pipeline.forecasts.linear import Standardiser
from pipeline.forecasts.linear_forecaster import ITERATIONS, LinearForecaster, linear_inputs
from pipeline.forecasts.row_form import LOGISTIC, RowForm

RIDGE = 1.0
"""Penalty ½ |b|² against the summed log loss: weak beside thousands of rows."""


class Climatology(Forecaster):
    """The share of training rows with an event, at every row: the forecast of someone who only remembers.

    No input is read, so no row is NaN.
    """

    name = "climatology"

    def fit(self, X: pd.DataFrame, y: FloatArray) -> Self:
        """Count; see `Forecaster`."""
        rows = self.usable(np.empty((len(y), 0)), y)
        self.base_rate_ = float(y[rows].mean())
        return self

    def predict(self, X: pd.DataFrame) -> FloatArray:
        """Return the base rate at every row, [T]."""
        return np.full(len(X), self.base_rate_)

    def row_form(self) -> RowForm:
        """Return the base rate; see `Forecaster`."""
        return RowForm(self.task, self.base_rate_, np.empty(0))


class Logistic(LinearForecaster):
    r"""Logistic regression on the standardised log levels and further inputs of the task.

    .. math:: \hat p_t = 1 / (1 + \exp(-b_0 - b' z_t))
    """

    name = "logistic"

    def fit(self, X: pd.DataFrame, y: FloatArray) -> Self:
        """Estimate intercept and slopes; see `Forecaster`.

        Raises
        ------
        FitError
            Too few usable rows, only one outcome among them, or the fit did not converge.
        """
        inputs = linear_inputs(self.task, X)
        rows = self.usable(inputs, y)
        events = int(y[rows].sum())
        if events in (0, rows.sum()):
            raise FitError(
                f"forecaster {self.name} of {self.task.name}: {events} events in {rows.sum()} training rows; "
                "both outcomes are needed: lower forecasts.spike_multiple or forecasts.gap_quantile, or move "
                "windows.learn_start earlier"
            )
        standardiser = Standardiser.of(inputs[rows])
        model = LogisticRegression(C=1.0 / RIDGE, max_iter=ITERATIONS)
        model.fit(standardiser(inputs[rows]), y[rows])
        self._check_converged(int(model.n_iter_.max()))
        self._keep(standardiser, model.intercept_[0], model.coef_[0])
        return self

    def predict(self, X: pd.DataFrame) -> FloatArray:
        """Return the probability at every row, [T]."""
        return np.asarray(expit(self.score(X)))

    def row_form(self) -> RowForm:
        """Return the probability; see `Forecaster`."""
        return self.linear_form(LOGISTIC)
