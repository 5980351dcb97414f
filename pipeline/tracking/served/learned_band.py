"""A hedger that learned, as MLflow serves it: market states to the band that its network makes."""

from pathlib import Path
from typing import Any, Final

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from pipeline.domain.desk import Desk
from pipeline.domain.desk_file import desk_from_json, hedged
from pipeline.policies.base import reads_path
from pipeline.policies.checkpoint import CHARGED, SEES, Checkpoint
from pipeline.policies.saved_network import LEARNED
from pipeline.tracking.served.policy import ANSWER, STEP, along, inputs_of, market_state

SEEN: Final = ("forward", "strike", "time_to_expiry", "forward_slope", "implied_vol", "impact")
"""Columns of a market state that a network reads which sees the option alone."""


def seen_by(desk: Desk, policy: str, checkpoint: Checkpoint) -> tuple[str, ...]:
    """Return the columns that a learned policy is asked with.

    All of a market state where its network sees more than the option (`checkpoint.SEES`); `impact` only where
    the desk pays it.
    """
    columns = inputs_of(desk)
    seen = columns if checkpoint.facts.get(SEES) else tuple(name for name in columns if name in SEEN)
    return (*seen, STEP) if reads_path(LEARNED[policy]) else seen


class ServedNetwork(PythonModel):
    """Answers each market state with the band of the hedge position, as `regime_switched` does."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the desk and the checkpoint."""
        files = {name: Path(file) for name, file in context.artifacts.items()}
        self.desk = desk_from_json(files["desk"].read_bytes())
        checkpoint = Checkpoint.read(files["network"])
        self.policy, self.charged = checkpoint.policy(), checkpoint.facts.get(CHARGED)
        self.reads_path = reads_path(self.policy)

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return the columns `ANSWER` of every row.

        Raises
        ------
        PolicyError
            The policy reads paths, and the first row is not that of a deal, `step` 0.
        """
        rows = model_input.reindex(columns=list(inputs_of(hedged(self.desk))))
        state = market_state(self.desk, rows, self.charged)
        if self.reads_path:
            state = along(state, model_input[STEP].to_numpy(np.int64))
        band = self.policy.band(state).checked(self.policy.name)
        answer = {name: np.ravel(getattr(band, name)) for name in ANSWER}
        return pd.DataFrame(answer, index=model_input.index)


mlflow.models.set_model(ServedNetwork())
