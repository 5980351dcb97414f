"""A forecaster as MLflow serves it: features to a forecast, and to an annual volatility where it is one."""

import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from pipeline.forecasts.catalogue import restore


class ServedForecaster(PythonModel):
    """Forecasts every row of a feature table; a row that lacks an input of the model is NaN."""

    def load_context(self, context: PythonModelContext) -> None:
        """Rebuild the forecaster from its state."""
        self.model = restore(json.loads(Path(context.artifacts["state"]).read_bytes()))
        clock = json.loads(Path(context.artifacts["clock"]).read_bytes())
        self.steps_a_year = float(clock["steps_a_year"])

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return `forecast` in units of the target; for a variance also `annual_vol`."""
        forecast = self.model.predict(model_input)
        columns = {"forecast": forecast}
        if self.model.task.squared:
            columns["annual_vol"] = np.sqrt(forecast * self.steps_a_year / self.model.task.horizon)
        return pd.DataFrame(columns, index=model_input.index)


mlflow.models.set_model(ServedForecaster())
