"""The funding of a perpetual while the decisions of a day go by: the column of `decision_day`."""

from typing import Final

import numpy as np

from pipeline.domain.errors import DataError
from pipeline.features.decision_day import FUNDING
from pipeline.features.decision_row import DecisionRow
from pipeline.features.decision_times import DecisionTimes
from pipeline.features.funding_paid import funding_paid
from pipeline.ingest.day_tables import TimedTables

PERPETUAL: Final = "perpetual"
"""Of `hedge.instrument`: what is held pays funding."""


class RunningFunding:
    """What is settled between the decisions of a stored day.

    Parameters
    ----------
    day : its name.
    tables : of it.
    made : its decisions.

    Attributes
    ----------
    names : of the number that is added to a row.

    Raises
    ------
    DataError
        The day has no funding, or that of several venues.
    """

    names: Final = (FUNDING,)

    def __init__(self, day: str, tables: TimedTables, made: DecisionTimes) -> None:
        if FUNDING not in tables:
            raise DataError(f"{day}: no funding of the perpetual: add the history of its venue to data.files")
        paid = funding_paid(day, tables[FUNDING], made.times, made.opened, made.opened)
        self._paid = dict(zip(made.times.tolist(), paid.tolist(), strict=True))

    def step(self, row: DecisionRow) -> DecisionRow:
        """Return a decision with the rates that were settled since the one before."""
        paid = self._paid[row.at]
        return row._replace(numbers=np.append(row.numbers, paid), funding=paid)
