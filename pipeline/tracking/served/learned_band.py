"""A hedger that learned, as MLflow serves it: market states to the band that its network makes."""

from pathlib import Path
from typing import Any, Final

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from pipeline.domain.desk_file import desk_from_json, hedged
from pipeline.policies.checkpoint import Checkpoint
from pipeline.tracking.served.regime_switched import ANSWER, inputs_of, market_state

SEEN: Final = ("forward", "strike", "time_to_expiry", "forward_slope", "implied_vol")
"""Columns of a market state that the network reads."""


class ServedNetwork(PythonModel):
    """Answers each market state with the band of the hedge position, as `regime_switched` does."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the desk and the checkpoint."""
        files = {name: Path(file) for name, file in context.artifacts.items()}
        self.desk = desk_from_json(files["desk"].read_bytes())
        self.policy = Checkpoint.read(files["network"]).policy()

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return the columns `ANSWER` of every row."""
        rows = model_input.reindex(columns=list(inputs_of(hedged(self.desk))))
        band = self.policy.band(market_state(self.desk, rows)).checked(self.policy.name)
        answer = {name: getattr(band, name)[:, 0, 0] for name in ANSWER}
        return pd.DataFrame(answer, index=model_input.index)


mlflow.models.set_model(ServedNetwork())
