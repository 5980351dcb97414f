"""What every forecaster is: fit on training rows, predict any rows, save to plain data and come back."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from pipeline.domain.desk import ForecastSettings
from pipeline.domain.errors import FitError, SettingsError
from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.row_form import RowForm, of_one_row
from pipeline.forecasts.task import Task

Following = Callable[[FloatArray], float]
"""Takes the numbers of the row that comes next and returns the forecast at it."""
FEWEST_ROWS = 100
DEFAULTS = ForecastSettings()


class Forecaster(ABC):
    """A model of one task.

    `fit` reads only the rows that it is given: the caller passes rows whose target was known when the model
    is refitted (see `pipeline.forecasts.harness.training_rows`). `predict` at row t reads rows up to t of
    `X` and nothing later. A row in which a needed input is NaN is left out of the fit and predicted as NaN,
    unless the model says otherwise.

    Parameters
    ----------
    task : what is forecast and from which columns.
    settings : size of the trees; other models ignore it.
    seed : of everything random in the fit.
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    """Columns among `Task.measures` without which a task has no such forecaster."""

    def __init__(self, task: Task, settings: ForecastSettings = DEFAULTS, seed: int = 0) -> None:
        self.task = task
        self.settings = settings
        self.seed = seed

    @abstractmethod
    def fit(self, X: pd.DataFrame, y: FloatArray) -> Self:
        """Fit to features `X` and targets `y` [T] of the training rows, in time order."""

    @abstractmethod
    def predict(self, X: pd.DataFrame) -> FloatArray:
        """Return the forecast at every row, [T]: a positive level in target units, or a probability."""

    def following(self, X: pd.DataFrame, names: Sequence[str]) -> Following:
        """Return what forecasts the rows after those of `X` one after another, as all at once.

        The numbers are those of `predict`, to the last bit where NumPy's logarithm and exponential are those
        of the C library, else to 1e-12. A model that remembers more than a row tells keeps it in what is
        returned.

        Parameters
        ----------
        X : all rows until now.
        names : of the numbers of a row to come, in their order.

        Raises
        ------
        SettingsError
            The model is of sessions only.
        """
        form = self.row_form()
        if form is None:
            raise SettingsError(
                f"forecaster {self.name} of {self.task.name}: it does not go on row by row: choose another"
            )
        return of_one_row(form, names)

    def row_form(self) -> RowForm | None:
        """Return the forecast as a function of one row's numbers; None for a model that is none."""
        return None

    def usable(self, inputs: FloatArray, y: FloatArray) -> np.ndarray:
        """Return the rows in which every input and the target are known, as a mask [T].

        Raises
        ------
        FitError
            Fewer than 100 such rows.
        """
        rows = np.isfinite(inputs).all(axis=1) & np.isfinite(y)
        if rows.sum() < FEWEST_ROWS:
            raise FitError(
                f"forecaster {self.name} of {self.task.name}: {rows.sum()} usable training rows, "
                f"{FEWEST_ROWS} are needed; start learning earlier"
            )
        return rows

    def to_state(self) -> dict[str, Any]:
        """Return the fitted model as data that JSON can hold without loss."""
        return {
            "model": self.name,
            "task": asdict(self.task),
            "settings": self.settings.model_dump(mode="json"),
            "seed": self.seed,
            "fitted": self._pack(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Rebuild a model from `to_state`; its predictions are bit-identical."""
        settings = ForecastSettings.model_validate(state["settings"])
        model = cls(Task(**_with_tuples(state["task"])), settings, state["seed"])
        model._unpack(state["fitted"])
        return model

    def _pack(self) -> dict[str, Any]:
        fitted = {key: value for key, value in vars(self).items() if key.endswith("_")}
        return {
            key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in fitted.items()
        }

    def _unpack(self, fitted: dict[str, Any]) -> None:
        for key, value in fitted.items():
            setattr(self, key, np.array(value, dtype=float) if isinstance(value, list) else value)


def _with_tuples(task: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in task.items()}
