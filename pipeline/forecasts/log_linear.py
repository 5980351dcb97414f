"""The linear model that the trees start from: an exponential link fitted to QLIKE."""

from typing import Self

import numpy as np
import pandas as pd
from sklearn.linear_model import GammaRegressor

from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.linear import Standardiser
from pipeline.forecasts.linear_forecaster import ITERATIONS, LinearForecaster, linear_inputs
from pipeline.forecasts.row_form import EXPONENTIAL, RowForm

RIDGE = 1e-3


class LogLinear(LinearForecaster):
    r"""A linear model of the log level, fitted to QLIKE in levels.

    .. math:: \hat y_t = \exp(b_0 + b' z_t), \quad
        b = \arg\min\ \mathrm{mean}(y e^{-b_0 - b'z} + b_0 + b'z) + \tfrac{α}{2} |b|^2

    z are the standardised log levels and further inputs of the task. Up to a constant the loss is QLIKE and
    the likelihood of a gamma distribution, so no smearing is needed: the mean of y over ŷ is 1 in training.
    Unlike a regression of log y it does not care how the logarithm of a squared return near zero scatters.

    References
    ----------
    Patton (2011), eq. 24; McCullagh, Nelder (1989), chapter 8.
    """

    name = "log_linear"

    def fit(self, X: pd.DataFrame, y: FloatArray) -> Self:
        """Estimate intercept and slopes; see `Forecaster`.

        Raises
        ------
        FitError
            Too few usable rows, or the fit did not converge.
        """
        inputs = linear_inputs(self.task, X)
        rows = self.usable(inputs, y)
        target = self.task.floored(y)[rows]
        standardiser = Standardiser.of(inputs[rows])
        unit = float(target.mean())
        model = GammaRegressor(alpha=RIDGE, solver="newton-cholesky", max_iter=ITERATIONS, tol=1e-8)
        model.fit(standardiser(inputs[rows]), target / unit)
        self._check_converged(model.n_iter_)
        self._keep(standardiser, model.intercept_ + np.log(unit), model.coef_)
        return self

    def predict(self, X: pd.DataFrame) -> FloatArray:
        """Return the forecast at every row, [T]."""
        return np.exp(self.score(X))

    def row_form(self) -> RowForm:
        """Return the exponential of the score; see `Forecaster`."""
        return self.linear_form(EXPONENTIAL)
