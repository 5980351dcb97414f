"""An event feature over time: a batch of events at once, or one event at a time, with the same bits.

Both forms go on with the same state through the same compiled loop, so a day may also come in chunks.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.features.event_feature import EventFeature, EventRows, Source, Tables, TimeArray

NEVER = np.iinfo(np.int64).min
_NO_TIMES = np.empty(0, dtype=np.int64)
_NO_COLUMNS = np.empty((0, 1))


class EventStream:
    """A feature in the middle of its events.

    Attributes
    ----------
    state, times : what it remembers; a copy of them is a checkpoint.
    """

    def __init__(self, feature: EventFeature) -> None:
        self.feature = feature
        self.state, self.times = feature.start()
        self._parameters = feature.constants()
        self._latest_event = self._latest_answer = NEVER
        self._latest_source, self._now = 0, np.zeros(1, dtype=np.int64)

    def over(self, tables: Tables, grid: TimeArray) -> FloatArray:
        """Return the values at the times of `grid` and go on past the events, [G, outputs].

        A value uses the events that were known at its time or before, of these tables and of all before.

        Parameters
        ----------
        tables : events by table, one entry for each source.
        grid : nanoseconds UTC, never falling, [G].

        Raises
        ------
        DataError
            A table is missing or lacks columns, or an event or grid time comes after its turn.
        """
        known_time, source, columns = _merged(self.feature, tables)
        grid = np.ascontiguousarray(grid, dtype=np.int64)
        self._check(known_time, source, grid)
        values = np.empty((len(grid), len(self.feature.outputs)))
        self._run(known_time, source, columns, grid, values)
        return values

    def update(self, known_time: int, row: Sequence[float] | FloatArray, source: int = 0) -> None:
        """Take one event: its time, its columns and the place of its table among the feature's sources.

        Events of one instant come in the order of the sources, as `over` takes them.

        Raises
        ------
        DataError
            It was known before an event that is in already or not after a value that has been given, its
            source stands ahead of that of an event of the same instant, or it lacks columns.
        """
        times, places = np.array([known_time], dtype=np.int64), np.array([source])
        self._check(times, places, _NO_TIMES)
        columns = np.array(row, dtype=np.float64).reshape(1, -1)
        _check_width(self.feature, self.feature.sources[source], columns)
        self._run(times, places, columns, _NO_TIMES, np.empty((0, len(self.feature.outputs))))

    def value(self, now: int) -> FloatArray:
        """Return the values at a time, [outputs].

        Raises
        ------
        DataError
            The time lies before an event that is in already, or before a value that has been given.
        """
        values = np.empty((1, len(self.feature.outputs)))
        self.read(now, values)
        answer: FloatArray = values[0]
        return answer

    def read(self, now: int, values: FloatArray) -> None:
        """Write the values at a time into [1, outputs]; see `value`."""
        if now < self._latest_event or now < self._latest_answer:
            raise self._passed()
        self._now[0] = now
        state, times, parameters = self.state, self.times, self._parameters
        self.feature.loop(_NO_TIMES, _NO_TIMES, _NO_COLUMNS, self._now, state, times, parameters, values)
        self._latest_answer = now

    def _run(
        self,
        known_time: TimeArray,
        source: TimeArray,
        columns: FloatArray,
        grid: TimeArray,
        values: FloatArray,
    ) -> None:
        self.feature.loop(known_time, source, columns, grid, self.state, self.times, self._parameters, values)
        if len(known_time):
            self._latest_event, self._latest_source = int(known_time[-1]), int(source[-1])
        if len(grid):
            self._latest_answer = int(grid[-1])

    def _check(self, known_time: TimeArray, source: TimeArray, grid: TimeArray) -> None:
        """Refuse what would make the value of a time depend on when it was asked for."""
        name = self.feature.name
        if len(known_time) and known_time[0] < self._latest_event:
            raise DataError(f"feature {name}: an event known before the one ahead of it: sort by known_time")
        tied = len(known_time) and known_time[0] == self._latest_event
        if tied and source[0] < self._latest_source:
            late, ahead = (self.feature.sources[k].table for k in (source[0], self._latest_source))
            raise DataError(f"feature {name}: {late} after {ahead} of the same instant: give {late} first")
        if len(known_time) and known_time[0] <= self._latest_answer:
            raise DataError(f"feature {name}: an event known at or before a value given: ask for it later")
        if len(grid) and (grid[0] < self._latest_event or grid[0] < self._latest_answer):
            raise self._passed()
        if (np.diff(grid) < 0).any():
            raise DataError(f"feature {name}: grid times fall: sort them")

    def _passed(self) -> DataError:
        name = self.feature.name
        return DataError(f"feature {name}: a value at a time that has passed: ask in the order of time")


def over(feature: EventFeature, tables: Tables, grid: TimeArray) -> FloatArray:
    """Return a feature at the times of `grid` from all its events, [G, outputs]; see `EventStream.over`."""
    return EventStream(feature).over(tables, grid)


def event_rows(source: Source, batches: Sequence[pa.RecordBatch]) -> EventRows:
    """Return what a feature reads of batches of a canonical table; a missing number is NaN.

    Raises
    ------
    DataError
        A column is not in the table.
    """
    parts = [_columns(source, rows) for rows in batches]
    known = [rows.column("known_time").cast(pa.int64()).to_numpy(zero_copy_only=False) for rows in batches]
    if not parts:
        raise DataError(f"{source.table}: no rows")
    return EventRows(np.concatenate(known), np.concatenate(parts))


def _columns(source: Source, rows: pa.RecordBatch) -> FloatArray:
    parts = []
    for name in source.columns:
        if name not in rows.schema.names:
            raise DataError(f"{source.table}: no column {name}: there are {', '.join(rows.schema.names)}")
        column = rows.column(name)
        if pa.types.is_fixed_size_list(column.type):
            width = column.type.list_size
            parts.append(_floats(column.flatten()).reshape(-1, width))
        else:
            parts.append(_floats(column).reshape(-1, 1))
    return np.concatenate(parts, axis=1)


def _floats(column: pa.Array) -> FloatArray:
    values: FloatArray = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values


def _merged(feature: EventFeature, tables: Tables) -> tuple[TimeArray, TimeArray, FloatArray]:
    """Return time, source and columns of all events in the order in which they were known."""
    missing = [source.table for source in feature.sources if source.table not in tables]
    if missing:
        names = ", ".join(source.table for source in feature.sources)
        raise DataError(f"feature {feature.name}: no table {missing[0]}: it reads {names}")
    parts = [tables[source.table] for source in feature.sources]
    for source, part in zip(feature.sources, parts, strict=True):
        _check_width(feature, source, part.columns)
        back = np.flatnonzero(np.diff(part.known_time) < 0)
        if len(back):
            where = f"{source.table} row {back[0] + 1}"
            raise DataError(
                f"feature {feature.name}: {where} was known before the row ahead of it: sort by known_time"
            )
    places = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    if len(parts) == 1:
        return parts[0].known_time, places, parts[0].columns
    known_time = np.concatenate([part.known_time for part in parts])
    columns = np.full((len(known_time), max(part.columns.shape[1] for part in parts)), np.nan)
    for place, part in enumerate(parts):
        columns[places == place, : part.columns.shape[1]] = part.columns
    order = np.argsort(known_time, kind="stable")
    return known_time[order], places[order], columns[order]


def _check_width(feature: EventFeature, source: Source, columns: FloatArray) -> None:
    if columns.shape[1] < len(source.columns):
        raise DataError(
            f"feature {feature.name}: {source.table} has {columns.shape[1]} columns, "
            f"not {', '.join(source.columns)}"
        )
