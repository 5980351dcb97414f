"""Costs learned from own fills as MLflow serves them: orders in their market to what they pay."""

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from pipeline.execution.learned_costs import LearnedCosts
from pipeline.execution.own_costs import regressors

SEEN = ("half_spread", "vol", "share", "steps")
"""Columns in, see `execution.own_costs.regressors`."""
PAID = ("paid",)


class ServedCosts(PythonModel):
    """Answers each order with a fraction of the mid of its decision: half-spread, impact and delay."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read what was learned."""
        told = LearnedCosts.from_json(Path(context.artifacts["costs"]).read_bytes()).told
        self.coefficients = [told[name]["value"] for name in ("half_spread", "impact", "delay")]

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return `paid` of every row."""
        seen = regressors(*(model_input[name].to_numpy(float) for name in SEEN))
        return pd.DataFrame({"paid": seen @ self.coefficients}, index=model_input.index)


mlflow.models.set_model(ServedCosts())
