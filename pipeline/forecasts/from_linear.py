"""Forecasts that start from a fitted linear model: what trees and networks add is their own share."""

from abc import abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.forecaster import Forecaster
from pipeline.forecasts.linear_forecaster import LinearForecaster, linear_inputs, linear_names
from pipeline.forecasts.log_linear import LogLinear
from pipeline.forecasts.task import Task, columns


def all_inputs(task: Task, X: pd.DataFrame) -> FloatArray:
    """Return the inputs of the linear models, then the columns of trees and networks only, [T, K]."""
    return np.column_stack([linear_inputs(task, X), columns(task, X, task.tree_inputs)])


def input_names(task: Task) -> tuple[str, ...]:
    """Return the names of `all_inputs`, in order."""
    return (*linear_names(task), *task.tree_inputs)


class FromLinear(Forecaster):
    """A correction added to the score of a fitted linear model; a row without a linear score is NaN."""

    start_: LinearForecaster
    starts_from: ClassVar[type[LinearForecaster]]

    def fit(self, X: pd.DataFrame, y: FloatArray) -> Self:
        """Fit the linear start, then the correction to what it leaves; see `Forecaster`.

        The columns of `Task.tree_inputs` may be NaN; the linear model's may not.
        """
        return self.fit_from(self.starts_from(self.task, self.settings, self.seed).fit(X, y), X, y)

    def fit_from(self, start: LinearForecaster, X: pd.DataFrame, y: FloatArray) -> Self:
        """Do what `fit` does from a linear model that is already fitted to the same rows."""
        self.start_ = start
        score = start.score(X)
        self._correct(X, score, self.task.floored(y), self.usable(score[:, None], y))
        return self

    def score(self, X: pd.DataFrame) -> FloatArray:
        """Return linear score plus correction at every row, [T]."""
        return np.asarray(self.start_.score(X) + self._correction(X))

    @abstractmethod
    def _correct(self, X: pd.DataFrame, score: FloatArray, y: FloatArray, rows: np.ndarray) -> None:
        """Learn the correction of the scores [T] from the targets of the usable `rows` [T]."""

    @abstractmethod
    def _correction(self, X: pd.DataFrame) -> FloatArray:
        """Return the correction at every row, [T]."""

    def _pack(self) -> dict[str, Any]:
        return {"start": self.start_.to_state()}

    def _unpack(self, fitted: dict[str, Any]) -> None:
        self.start_ = self.starts_from.from_state(fitted["start"])


class LevelFromLinear(FromLinear):
    r"""A positive level, :math:`\hat y_t = \exp(\log \hat y^{\text{linear}}_t + g_t)`, fitted to QLIKE.

    Where a task reads realised measures, a session that lacks them (22 sessions, for the means of the month)
    is forecast by the same model fitted without them, so that a late or broken file stops no hedge.
    """

    starts_from = LogLinear
    spare_: "LevelFromLinear | None"

    def fit_from(self, start: LinearForecaster, X: pd.DataFrame, y: FloatArray) -> Self:
        """Fit the correction, and start and correction without realised measures; see `FromLinear`."""
        super().fit_from(start, X, y)
        spare = self.task.spare
        self.spare_ = None if spare is None else type(self)(spare, self.settings, self.seed).fit(X, y)
        return self

    def predict(self, X: pd.DataFrame) -> FloatArray:
        """Return the forecast at every row, [T]; without the realised measures where a row lacks them."""
        forecast = np.exp(self.score(X))
        if self.spare_ is None:
            return forecast
        return np.where(np.isnan(forecast), self.spare_.predict(X), forecast)

    def _pack(self) -> dict[str, Any]:
        return {**super()._pack(), "spare": None if self.spare_ is None else self.spare_.to_state()}

    def _unpack(self, fitted: dict[str, Any]) -> None:
        super()._unpack(fitted)
        spare = fitted["spare"]
        self.spare_ = None if spare is None else type(self).from_state(spare)
