"""The event forecasters as MLflow serves them: features to the probability of each event."""

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from pipeline.backtest.continuation import Continuation


class ServedEvents(PythonModel):
    """Gives probabilities for every row of a feature table; a row that lacks an input is NaN."""

    def load_context(self, context: PythonModelContext) -> None:
        """Rebuild the forecasters from their states."""
        walks = {
            task: Continuation.from_bytes(Path(file).read_bytes()) for task, file in context.artifacts.items()
        }
        self.models = {task: walk.models[walk.chosen] for task, walk in walks.items()}

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return `spike_prob` and, where the data has liquidity, `gap_prob`."""
        columns = {
            f"{task.removesuffix('_1d')}_prob": m.predict(model_input) for task, m in self.models.items()
        }
        return pd.DataFrame(columns, index=model_input.index)


mlflow.models.set_model(ServedEvents())
