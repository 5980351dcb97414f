"""Averages of forecasts, weighted by what their errors have cost so far."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.boosted import LightGbm
from pipeline.forecasts.forecaster import Following, Forecaster
from pipeline.forecasts.har import Har
from pipeline.forecasts.scores import qlike


def inverse_loss_weights(losses: FloatArray) -> FloatArray:
    r"""Return the weights :math:`w_k \propto 1 / \bar L_k`, [K], positive and summing to 1.

    The mean losses alone count, not how the errors of the models go together: weights that use the
    covariances estimate more than a few years of overlapping outcomes can tell.

    Parameters
    ----------
    losses : [T, K] positive losses of past forecasts whose outcome is known; a row with a NaN does not count.

    Returns
    -------
    FloatArray
        Equal weights where no row counts. Models that lost nothing, as of a spread that never moves, share
        all weight: the limit of the formula.

    References
    ----------
    Bates, Granger (1969), The combination of forecasts; Timmermann (2006), Forecast combinations, section 2.

    Examples
    --------
    >>> inverse_loss_weights(np.array([[0.2, 0.1], [0.4, 0.2]])).round(3)
    array([0.333, 0.667])
    """
    counted = losses[np.isfinite(losses).all(axis=1)]
    models = losses.shape[1]
    if not len(counted):
        return np.full(models, 1.0 / models)
    mean = counted.mean(axis=0)
    perfect = mean <= 0.0
    if perfect.any():
        return np.asarray(perfect / perfect.sum(), dtype=np.float64)
    return np.asarray(1.0 / mean / (1.0 / mean).sum(), dtype=np.float64)


def log_pool(forecasts: FloatArray, weights: FloatArray) -> FloatArray:
    r"""Return the weighted geometric mean :math:`\exp \sum_k w_k \log f_k`, [T].

    Parameters
    ----------
    forecasts : [T, K] positive; a NaN makes its row NaN.
    weights : [K] or [T, K].

    Examples
    --------
    >>> log_pool(np.array([[1.0, 4.0]]), np.array([0.5, 0.5]))
    array([2.])
    """
    total = np.zeros(len(forecasts))
    for k, weight in enumerate(np.broadcast_to(weights, forecasts.shape).T):
        total += weight * np.log(forecasts[:, k])
    return np.exp(total)


class Combination(Forecaster):
    r"""A weighted geometric mean of HAR in levels and of the trees.

    .. math:: \hat y_t = \exp \sum_k w_k \log \hat y^{(k)}_t, \quad
        w_k \propto 1 / \bar L_k, \quad L_k \text{ the QLIKE of model } k

    The losses are out of sample: the members are fitted to the first two thirds of the training rows, less
    the rows whose target runs into the last third, and judged on the last third. They are then fitted anew
    to all training rows. A row that a member cannot forecast is NaN.

    Walk-forward on S&P 500 rows from 2006 to 2015 the two had a lower QLIKE together than either alone from
    5 sessions on (.268 at 21, the trees .278, HAR .282), and log-HAR or the log-linear model as a third only
    added to it. One session ahead the trees alone were better.

    References
    ----------
    Bates, Granger (1969); Timmermann (2006).
    """

    name = "combination"
    members: ClassVar[tuple[type[Forecaster], ...]] = (Har, LightGbm)

    def fit(self, X: pd.DataFrame, y: FloatArray) -> Self:
        """Weigh the members on the last third, then fit them to all; see `Forecaster`."""
        return self.join(X, y, self._fitted(X, y, len(y)))

    def join(self, X: pd.DataFrame, y: FloatArray, fitted: Sequence[Forecaster]) -> Self:
        """Do what `fit` does with members that are already fitted to all training rows."""
        self.usable(self.task.components(X), y)
        judged = len(y) - len(y) // 3
        tried = self._fitted(X, y, max(judged - self.task.horizon, 0))
        forecasts = np.column_stack([model.predict(X)[judged:] for model in tried])
        target = self.task.floored(y)[judged:]
        losses = np.column_stack([qlike(target, forecast) for forecast in forecasts.T])
        self.weights_ = inverse_loss_weights(losses)
        self.fitted_ = list(fitted)
        return self

    def predict(self, X: pd.DataFrame) -> FloatArray:
        """Return the weighted geometric mean at every row, [T]."""
        return self.pooled([model.predict(X) for model in self.fitted_])

    def following(self, X: pd.DataFrame, names: Sequence[str]) -> Following:
        """Return what pools the members as they go on; see `Forecaster`."""
        members = [model.following(X, names) for model in self.fitted_]
        return lambda row: float(self.pooled([np.array([member(row)]) for member in members])[0])

    def pooled(self, forecasts: Sequence[FloatArray]) -> FloatArray:
        """Return the weighted geometric mean of what the members forecast, [T] each, in their order."""
        return log_pool(np.column_stack(forecasts), self.weights_)

    def _fitted(self, X: pd.DataFrame, y: FloatArray, rows: int) -> list[Forecaster]:
        task = replace(
            self.task, spare_levels=()
        )  # HAR has no forecast where the trees would need their spare
        made = (member(task, self.settings, self.seed) for member in self.members)
        return [member.fit(X[:rows], y[:rows]) for member in made]

    def _pack(self) -> dict[str, Any]:
        return {
            "weights": self.weights_.tolist(),
            "members": [member.to_state() for member in self.fitted_],
        }

    def _unpack(self, fitted: dict[str, Any]) -> None:
        self.weights_ = np.array(fitted["weights"])
        self.fitted_ = [
            kind.from_state(state) for kind, state in zip(self.members, fitted["members"], strict=True)
        ]
