"""Several forecasters that go on row by row: those that need no more than the row in one compiled call."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.forecaster import Forecaster
from pipeline.forecasts.row_form import RowForms


class RunningModels:
    """Fitted forecasters in the middle of the rows; see `Forecaster.following`.

    Parameters
    ----------
    models : fitted.
    rows : all rows until now.
    names : of the numbers of a row to come.
    """

    def __init__(self, models: Sequence[Forecaster], rows: pd.DataFrame, names: Sequence[str]) -> None:
        forms = [model.row_form() for model in models]
        self._places = [place for place, form in enumerate(forms) if form is not None]
        self._forms = RowForms([form for form in forms if form is not None], names)
        self._others = [
            (place, model.following(rows, names))
            for place, (model, form) in enumerate(zip(models, forms, strict=True))
            if form is None
        ]
        self._count = len(models)

    def __call__(self, row: FloatArray) -> FloatArray:
        """Return the forecasts at the next row, in the order of the models."""
        found = self._forms(row)
        if not self._others:
            return found
        whole = np.empty(self._count)
        whole[self._places] = found
        for place, following in self._others:
            whole[place] = following(row)
        return whole
