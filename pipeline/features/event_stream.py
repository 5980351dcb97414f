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
        self._nothing = np.empty((0, len(feature.outputs)))

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
        known_time, source, columns = merged(_sorted_parts(self.feature, tables))
        grid = np.ascontiguousarray(grid, dtype=np.int64)
        self._check(known_time, source, grid)
        values = np.empty((len(grid), len(self.feature.outputs)))
        self._run(known_time, source, columns, grid, values)
        return values

    def take(self, known_time: TimeArray, source: TimeArray, columns: FloatArray) -> None:
        """Go on past events that are `merged`.

        Raises
        ------
        DataError
            The first comes after its turn.
        """
        self._check(known_time, source, _NO_TIMES)
        self._run(known_time, source, columns, _NO_TIMES, self._nothing)

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
        self._run(times, places, columns, _NO_TIMES, self._nothing)

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
        if (grid[1:] < grid[:-1]).any():
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
    parts = [columns_of(source, rows) for rows in batches]
    known = [rows.column("known_time").cast(pa.int64()).to_numpy(zero_copy_only=False) for rows in batches]
    if not parts:
        raise DataError(f"{source.table}: no rows")
    return EventRows(np.concatenate(known), np.concatenate(parts))


def columns_of(source: Source, rows: pa.RecordBatch) -> FloatArray:
    """Return the columns that a source reads of a table, a list column counting each element, [E, k].

    Raises
    ------
    DataError
        A column is not in the table.
    """
    parts, widths = [], []
    for name in source.columns:
        place = rows.schema.get_field_index(name)
        if place < 0:
            raise DataError(f"{source.table}: no column {name}: there are {', '.join(rows.schema.names)}")
        column = rows.column(place)
        listed = pa.types.is_fixed_size_list(column.type)
        widths.append(column.type.list_size if listed else 1)
        parts.append(_floats(column.flatten() if listed else column))
    columns, end = np.empty((len(rows), sum(widths))), 0
    for part, width in zip(parts, widths, strict=True):
        columns[:, end : end + width] = part.reshape(-1, width)
        end += width
    return columns


def _floats(column: pa.Array) -> FloatArray:
    told = column if pa.types.is_float64(column.type) else column.cast(pa.float64())
    values: FloatArray = told.to_numpy(zero_copy_only=False)
    return values


def merged(parts: Sequence[EventRows]) -> tuple[TimeArray, TimeArray, FloatArray]:
    """Return time, source and columns of events of several sources in the order in which they were known."""
    filled = [place for place, part in enumerate(parts) if len(part)]
    if len(filled) < 2:
        place = filled[0] if filled else 0
        part = parts[place]
        return part.known_time, np.full(len(part), place, dtype=np.int64), part.columns
    places = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    known_time = np.concatenate([part.known_time for part in parts])
    columns, end = np.full((len(known_time), max(part.columns.shape[1] for part in parts)), np.nan), 0
    for part in parts:
        columns[end : end + len(part), : part.columns.shape[1]] = part.columns
        end += len(part)
    order = np.argsort(known_time, kind="stable")
    return known_time[order], places[order], columns[order]


def _sorted_parts(feature: EventFeature, tables: Tables) -> list[EventRows]:
    """Return the events of each source, checked."""
    missing = [source.table for source in feature.sources if source.table not in tables]
    if missing:
        names = ", ".join(source.table for source in feature.sources)
        raise DataError(f"feature {feature.name}: no table {missing[0]}: it reads {names}")
    parts = [tables[source.table] for source in feature.sources]
    for source, part in zip(feature.sources, parts, strict=True):
        _check_width(feature, source, part.columns)
        known = part.known_time
        if len(back := np.flatnonzero(known[1:] < known[:-1])):
            where = f"{source.table} row {back[0] + 1}"
            raise DataError(
                f"feature {feature.name}: {where} was known before the row ahead of it: sort by known_time"
            )
    return parts


def _check_width(feature: EventFeature, source: Source, columns: FloatArray) -> None:
    if columns.shape[1] < len(source.columns):
        raise DataError(
            f"feature {feature.name}: {source.table} has {columns.shape[1]} columns, "
            f"not {', '.join(source.columns)}"
        )
