"""Features of records beside the market while the decisions go by: the numbers of `values_beside`."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.features.beside import MARKED, Beside
from pipeline.features.book_at import nanoseconds
from pipeline.features.decision_row import DecisionRow
from pipeline.features.event_feature import EventRows, TimeArray
from pipeline.features.event_stream import EventStream, merged


class RunningBeside:
    """Features of records, in the middle of the decisions.

    Parameters
    ----------
    features : with all that is known of their tables, whenever it becomes known.
    before : the decision grid until now.

    Attributes
    ----------
    names : of the numbers that are added to a row.
    """

    def __init__(self, features: Sequence[Beside], before: pd.DataFrame) -> None:
        self.names = tuple(name for each in features for name in each.names)
        self._running = [_Running(each) for each in features]
        if len(before):
            times, mid = nanoseconds(before["time"]), before["mid"].to_numpy(dtype=np.float64)
            for each in self._running:
                each.take(times, mid)

    def step(self, row: DecisionRow, mid: float) -> DecisionRow:
        """Return a decision with what is known of the records then; the mid is the last sound one."""
        at, marked = np.array([row.at]), np.array([mid])
        for each in self._running:
            each.take(at, marked)
        added = [each.read(row.at) for each in self._running]
        return row._replace(numbers=np.concatenate([row.numbers, *added]))


class _Running:
    """One of the features."""

    def __init__(self, beside: Beside) -> None:
        self._stream, self._coming = EventStream(beside.feature), dict(beside.events)
        self._tables = [source.table for source in beside.feature.sources]
        self._places = np.array(beside.places)

    def take(self, times: TimeArray, mid: FloatArray) -> None:
        """Take all events until the last of some decisions, and the mid at each."""
        told = {table: self._due(table, int(times[-1])) for table in self._coming}
        if MARKED not in told and MARKED in self._tables:
            told[MARKED] = EventRows(times, np.c_[mid, mid])
        self._stream.take(*merged([told[table] for table in self._tables]))

    def read(self, at: int) -> FloatArray:
        values: FloatArray = self._stream.value(at)[self._places]
        return values

    def _due(self, table: str, until: int) -> EventRows:
        rows = self._coming[table]
        place = int(np.searchsorted(rows.known_time, until, side="right"))
        if place:
            self._coming[table] = rows[place:]
        return rows[:place]
