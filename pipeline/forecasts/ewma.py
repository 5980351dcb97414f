"""Exponentially weighted moving average."""

from collections.abc import Sequence
from typing import Self

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.forecaster import Following, Forecaster
from pipeline.forecasts.row_inputs import RowInputs
from pipeline.forecasts.scores import qlike

DECAYS = (0.70, 0.75, 0.80, 0.84, 0.87, 0.90, 0.92, 0.94, 0.96, 0.97, 0.98, 0.99)


def ewma(level: FloatArray, decay: float) -> FloatArray:
    r"""Return the recursive average :math:`s_t = λ s_{t-1} + (1 - λ) x_t`, started at the first level.

    Parameters
    ----------
    level : [T] x; a NaN leaves the average where it was, leading NaNs give NaN.
    decay : λ in (0, 1); RiskMetrics (1996) uses 0.94 for daily data.

    Examples
    --------
    >>> import numpy as np
    >>> ewma(np.array([1.0, 2.0, np.nan, 1.0]), 0.5)
    array([1.  , 1.5 , 1.5 , 1.25])
    """
    return pd.Series(level).ewm(alpha=1.0 - decay, adjust=False, ignore_na=True).mean().to_numpy()


class Ewma(Forecaster):
    r"""An exponentially weighted average of the one-session level, scaled to the target.

    .. math:: \hat y_t = k\, s_t, \quad s_t = λ s_{t-1} + (1 - λ) x_t, \quad k = \mathrm{mean}(y / s)

    λ is the value of a fixed grid with the least QLIKE on the training rows. The average starts at the first
    row of the frame passed to `predict`: pass the history, not the test rows alone. A NaN level after the
    start keeps the last forecast.

    References
    ----------
    J. P. Morgan/Reuters, RiskMetrics Technical Document (1996), section 5.2.
    """

    name = "ewma"

    def fit(self, X: pd.DataFrame, y: FloatArray) -> Self:
        """Choose λ and estimate the scale; see `Forecaster`."""
        level = self.task.components(X)[:, 0]
        rows = self.usable(level[:, None], y)
        target = self.task.floored(y)[rows]
        averages = {decay: ewma(level, decay)[rows] for decay in DECAYS}
        scales = {decay: float((target / average).mean()) for decay, average in averages.items()}
        losses = {decay: float(qlike(target, scales[decay] * averages[decay]).mean()) for decay in DECAYS}
        self.decay_ = min(losses, key=losses.__getitem__)
        self.scale_ = scales[self.decay_]
        return self

    def predict(self, X: pd.DataFrame) -> FloatArray:
        """Return k s at every row, [T]."""
        return self.scale_ * ewma(self.task.components(X)[:, 0], self.decay_)

    def following(self, X: pd.DataFrame, names: Sequence[str]) -> Following:
        """Return what goes on from the average after the rows of `X`; see `Forecaster`."""
        inputs = RowInputs(self.task, names, scaled=self.task.levels[:1])
        average = float(np.append(np.nan, ewma(self.task.components(X)[:, 0], self.decay_))[-1])
        weight = 1.0 / (1.0 + self.decay_ / (1.0 - self.decay_))  # as pandas has it
        kept = 1.0 - weight

        def predict(row: FloatArray) -> float:
            nonlocal average
            level = float(inputs(row)[0])
            if np.isnan(average):
                average = level
            elif np.isfinite(level) and average != level:
                average = (kept * average + weight * level) / (kept + weight)
            return self.scale_ * average

        return predict
