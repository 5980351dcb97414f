"""A recurrent network that corrects the linear forecast from the rows that led to it (extra `deep`)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.domain.lstm_settings import LstmSettings
from pipeline.forecasts.forecaster import Following
from pipeline.forecasts.from_linear import LevelFromLinear, all_inputs
from pipeline.forecasts.lstm_network import LstmNetwork
from pipeline.forecasts.row_form import LEVEL, of_one_row
from pipeline.forecasts.row_inputs import RowInputs


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

    def _correct(self, X: pd.DataFrame, score: FloatArray, y: FloatArray, rows: np.ndarray) -> None:
        from pipeline.forecasts.lstm_training import learn

        settings, target = self.settings.lstm or LstmSettings(), np.where(rows, y, np.nan)
        inputs = all_inputs(self.task, X)
        self.network_ = learn(inputs, score, target, self.task.horizon, settings, self.seed)

    def _correction(self, X: pd.DataFrame) -> FloatArray:
        return self.network_(all_inputs(self.task, X))

    def following(self, X: pd.DataFrame, names: Sequence[str]) -> Following:
        """Return what goes on from the memory of the rows of `X`; see `Forecaster`."""
        if self.spare_ is not None:
            return super().following(X, names)
        memory, task = self.network_.empty(), self.task
        self.network_.step(all_inputs(task, X), memory)
        logged, plain = (*task.levels, *task.logs), (*task.inputs, *task.tree_inputs)
        inputs = RowInputs(task, names, logged=logged, plain=plain)
        start = of_one_row(self.start_.linear_form(LEVEL), names)
        return lambda row: float(np.exp(start(row) + self.network_.step(inputs(row)[None], memory)[0]))

    def _pack(self) -> dict[str, Any]:
        return {**super()._pack(), "network": self.network_.to_state()}

    def _unpack(self, fitted: dict[str, Any]) -> None:
        super()._unpack(fitted)
        self.network_ = LstmNetwork.from_state(fitted["network"])
