"""A recurrent network that corrects the linear forecast from the rows that led to it (extra `deep`)."""

from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.domain.lstm_settings import LstmSettings
from pipeline.forecasts.from_linear import LevelFromLinear, all_inputs
from pipeline.forecasts.lstm_network import LstmNetwork

FARTHEST: Final = 5.0
"""Deviations from the mean beyond which an input stays there."""


class Lstm(LevelFromLinear):
    r"""Long short-term memories on top of the log-linear forecast, fitted to QLIKE.

    .. math:: \hat y_t = \exp\Big(\log \hat y^{\text{linear}}_t
        + \frac{1}{K} \sum_k a^{(k)}(z_1, \dots, z_t)\Big)

    z are the inputs of the trees, standardised by the training rows and cut at five deviations; one that is
    missing counts as the mean, and one that is missing or constant in all training rows is not read. The
    memory is carried over all rows, nights and holes too, so a forecast reads the history that it is given:
    pass it from the start, not the test rows alone. Training needs PyTorch, a forecast does not.

    References
    ----------
    Hochreiter, Schmidhuber (1997), Long short-term memory.
    """

    name = "lstm"
    network_: LstmNetwork
    mean_: FloatArray
    rate_: FloatArray

    def read(self, X: pd.DataFrame) -> FloatArray:
        """Return what the networks read at every row, [T, K]."""
        return standardised(all_inputs(self.task, X), self.mean_, self.rate_)

    def _correct(self, X: pd.DataFrame, score: FloatArray, y: FloatArray, rows: np.ndarray) -> None:
        from pipeline.forecasts.lstm_training import learn

        inputs = all_inputs(self.task, X)
        self.mean_, self.rate_ = scaling(inputs)
        read = standardised(inputs, self.mean_, self.rate_)
        target = np.where(rows, y, np.nan)
        settings = self.settings.lstm or LstmSettings()
        self.network_ = learn(read, score, target, self.task.horizon, settings, self.seed)

    def _correction(self, X: pd.DataFrame) -> FloatArray:
        return self.network_(self.read(X))

    def _pack(self) -> dict[str, Any]:
        own = {
            "mean": self.mean_.tolist(),
            "rate": self.rate_.tolist(),
            "network": self.network_.to_state(),
        }
        return {**super()._pack(), **own}

    def _unpack(self, fitted: dict[str, Any]) -> None:
        super()._unpack(fitted)
        self.mean_, self.rate_ = np.array(fitted["mean"]), np.array(fitted["rate"])
        self.network_ = LstmNetwork.from_state(fitted["network"])


def scaling(inputs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return means and inverse deviations of columns [T, K]; both 0 where nothing is known or moves.

    Examples
    --------
    >>> scaling(np.array([[1.0, 7.0], [3.0, 7.0], [np.nan, np.nan]]))
    (array([2., 0.]), array([1., 0.]))
    """
    mean, rate = np.zeros(inputs.shape[1]), np.zeros(inputs.shape[1])
    for j, column in enumerate(inputs.T):
        known = column[np.isfinite(column)]
        if len(known) and known.min() < known.max():
            mean[j], rate[j] = known.mean(), 1.0 / known.std()
    return mean, rate


def standardised(inputs: FloatArray, mean: FloatArray, rate: FloatArray) -> FloatArray:
    """Return columns [T, K] less their means times the inverse deviations, cut; 0 where missing.

    Examples
    --------
    >>> standardised(np.array([[3.0], [99.0], [np.nan]]), np.array([1.0]), np.array([0.5])).ravel()
    array([1., 5., 0.])
    """
    return np.nan_to_num(np.clip((inputs - mean) * rate, -FARTHEST, FARTHEST), nan=0.0)
