"""The regime detector as MLflow serves it: features in time order to filtered regime probabilities."""

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from pipeline.domain.desk_file import desk_from_json, hedged
from pipeline.regimes.catalogue import DETECTORS


class ServedDetector(PythonModel):
    """Filters from the first row on; a row with NaN only carries the prediction forward."""

    def load_context(self, context: PythonModelContext) -> None:
        """Rebuild the detector from its arrays."""
        desk = hedged(desk_from_json(Path(context.artifacts["desk"]).read_bytes()))
        with np.load(context.artifacts["arrays"], allow_pickle=False) as arrays:
            self.detector = DETECTORS[desk.regimes.detector].from_arrays(dict(arrays))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return `regime_prob_k` of every row, regime 0 the calmest."""
        prob = self.detector.filter(model_input)
        columns = [f"regime_prob_{k}" for k in range(prob.shape[1])]
        return pd.DataFrame(prob, columns=columns, index=model_input.index)


mlflow.models.set_model(ServedDetector())
