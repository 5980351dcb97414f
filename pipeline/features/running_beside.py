"""Features of records beside the market while the decisions go by: the numbers of `values_beside`."""

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.features.beside import MARKED, Beside
from pipeline.features.book_at import nanoseconds
from pipeline.features.decision_row import DecisionRow
from pipeline.features.decision_times import SECOND
from pipeline.features.event_feature import EventRows, TimeArray
from pipeline.features.event_stream import EventStream, merged

BEFORE: Final = int(np.iinfo(np.int64).min) // 2
"""Before all events, ns."""


class Records(Protocol):
    """Features of records, in the middle of the decisions."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the numbers that are added to a row."""
        ...

    def step(self, row: DecisionRow, mid: float) -> DecisionRow:
        """Return a decision with what is known of the records then; the mid is the last sound one."""
        ...

    def age(self, at: int) -> float:
        """Return the seconds since the newest row of the most stale source; 0 where none counts as stale."""
        ...


class RunningBeside:
    """See `Records`.

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

    def add(self, table: str, events: EventRows) -> None:
        """Take further events; one that should have been known at a decision before is known from now on."""
        for each in self._running:
            each.add(table, events)

    def step(self, row: DecisionRow, mid: float) -> DecisionRow:
        """Return a decision with what is known of the records then."""
        at, marked = np.array([row.at]), np.array([mid])
        for each in self._running:
            each.take(at, marked)
        added = [each.read(row.at) for each in self._running]
        return row._replace(numbers=np.concatenate([row.numbers, *added]))

    def age(self, at: int) -> float:
        """Return the age of the most stale source, seconds."""
        return max(each.age(at) for each in self._running)


class _Running:
    """One of the features."""

    def __init__(self, beside: Beside) -> None:
        self._stream, self._coming = EventStream(beside.feature), dict(beside.events)
        self._tables = [source.table for source in beside.feature.sources]
        self._places, self._stale_after = np.array(beside.places), beside.stale_after
        self._until = self._newest = BEFORE

    def add(self, table: str, events: EventRows) -> None:
        if table in self._coming:
            late = EventRows(np.maximum(events.known_time, self._until + 1), events.columns)
            joined = EventRows.joined([self._coming[table], late])
            self._coming[table] = joined[np.argsort(joined.known_time, kind="stable")]

    def take(self, times: TimeArray, mid: FloatArray) -> None:
        """Take all events until the last of some decisions, and the mid at each."""
        self._until = int(times[-1])
        told = {table: self._due(table) for table in self._coming}
        if MARKED not in told and MARKED in self._tables:
            told[MARKED] = EventRows(times, np.c_[mid, mid])
        self._stream.take(*merged([told[table] for table in self._tables]))

    def read(self, at: int) -> FloatArray:
        values: FloatArray = self._stream.value(at)[self._places]
        return values

    def age(self, at: int) -> float:
        seconds = (at - self._newest) / SECOND
        return seconds if seconds > self._stale_after else 0.0

    def _due(self, table: str) -> EventRows:
        rows = self._coming[table]
        place = int(np.searchsorted(rows.known_time, self._until, side="right"))
        if place:
            self._newest = max(self._newest, int(rows.known_time[place - 1]))
            self._coming[table] = rows[place:]
        return rows[:place]
