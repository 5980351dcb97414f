"""What the log-linear model and the logistic regression share: a linear score of standardised inputs."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipeline.domain.errors import FitError
from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.flat_trees import NO_TREES, FlatTrees
from pipeline.forecasts.forecaster import Forecaster
from pipeline.forecasts.linear import Standardiser, linear_predictor
from pipeline.forecasts.row_form import RowForm
from pipeline.forecasts.task import Task, columns

ITERATIONS = 200


def linear_inputs(task: Task, X: pd.DataFrame) -> FloatArray:
    """Return the inputs of the linear models, [T, K]: log levels, further logs, the task's other columns."""
    logs = (np.log(task.scaled(X, names)) for names in (task.levels, task.logs))
    return np.column_stack([*logs, columns(task, X, task.inputs)])


def linear_names(task: Task) -> tuple[str, ...]:
    """Return the names of `linear_inputs`, in order.

    Examples
    --------
    >>> from pipeline.forecasts.task import spike_task
    >>> linear_names(spike_task())
    ('log parkinson_1d', 'log parkinson_5d', 'log parkinson_22d', 'leverage_5d', 'return_1d')
    """
    return (*(f"log {name}" for name in (*task.levels, *task.logs)), *task.inputs)


class LinearForecaster(Forecaster):
    """A forecast that is a fixed function of b0 + b · z, z the standardised linear inputs of the task."""

    intercept_: float
    slopes_: FloatArray
    mean_: FloatArray
    scale_: FloatArray

    def score(self, X: pd.DataFrame) -> FloatArray:
        """Return b0 + b · z at every row, [T]: the log of a level, the log-odds of an event."""
        inputs = Standardiser(self.mean_, self.scale_)(linear_inputs(self.task, X))
        return linear_predictor(self.intercept_, self.slopes_, inputs)

    def linear_form(self, link: int, further: Sequence[str] = (), trees: FlatTrees = NO_TREES) -> RowForm:
        """Return the forecast at one row: `link` of score and `trees`, which see `further` columns too."""
        task = self.task
        return RowForm(
            task,
            self.intercept_,
            self.slopes_,
            logged=(*task.levels, *task.logs),
            plain=(*task.inputs, *further),
            mean=self.mean_,
            scale=self.scale_,
            trees=trees,
            link=link,
        )

    def _keep(self, standardiser: Standardiser, intercept: float, slopes: FloatArray) -> None:
        self.mean_, self.scale_ = standardiser.mean, standardiser.scale
        self.intercept_, self.slopes_ = float(intercept), np.asarray(slopes, dtype=float)

    def _check_converged(self, iterations: int) -> None:
        if iterations >= ITERATIONS:
            raise FitError(
                f"forecaster {self.name} of {self.task.name}: no convergence in {ITERATIONS} iterations; "
                "look for a constant or duplicated input column"
            )
