"""Rows of stored tables in the order in which they were known, a part at a time, several tables in step.

A table is stored in groups of rows as they stood in its file. The earliest time of each group says from when
on no later group has a row, so a clock that goes back a little, and files that overlap, cost a group or two
in memory, not the table.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.ingest.market_tables import INSTANT

Instants: TypeAlias = NDArray[np.int64]
KNOWN: Final = "known_time"
GROUP: Final = 1 << 17
"""Rows that are stored, and so read, together."""
PART: Final = 1 << 15
"""Rows that are looked at together."""


@dataclass(frozen=True)
class RowGroup:
    """Rows that stand together in a table.

    Attributes
    ----------
    begin : place of the first in the table.
    rows : how many there are.
    earliest, latest : the first and last time at which one was known, nanoseconds UTC.
    read : returns columns of the rows by their names; None is all.
    """

    begin: int
    rows: int
    earliest: int
    latest: int
    read: Callable[[Sequence[str] | None], pa.RecordBatch]


@dataclass(frozen=True)
class TimedRows:
    """Rows of a table in the order of `known_time` [E], nanoseconds UTC."""

    known_time: Instants
    rows: pa.RecordBatch

    def __len__(self) -> int:
        return len(self.known_time)

    def __getitem__(self, part: slice) -> "TimedRows":
        begin, end, _ = part.indices(len(self))
        return TimedRows(self.known_time[begin:end], self.rows.slice(begin, end - begin))

    @classmethod
    def of(cls, rows: pa.RecordBatch) -> "TimedRows":
        """Return rows sorted by their time; those of one instant stay as they are."""
        known = instants(rows.column(KNOWN))
        if (known[1:] >= known[:-1]).all():
            return cls(known, rows)
        order = np.argsort(known, kind="stable")
        return cls(known[order], rows.take(pa.array(order)))

    def before(self, time: int) -> int:
        """Return how many rows were known before a time."""
        return int(np.searchsorted(self.known_time, time, side="left"))

    def until(self, time: int) -> int:
        """Return how many rows were known at a time."""
        return int(np.searchsorted(self.known_time, time, side="right"))


def instants(column: pa.Array) -> Instants:
    """Return a column of times as nanoseconds UTC."""
    found: Instants = column.cast(INSTANT).cast(pa.int64()).to_numpy(zero_copy_only=False)
    return found


def groups_of(table: pa.Table) -> list[RowGroup]:
    """Return the rows of a table that is in memory as groups, its times in nanoseconds."""
    for place, name in enumerate(table.column_names):
        if pa.types.is_timestamp(table.schema.field(name).type):
            table = table.set_column(place, name, table[name].cast(INSTANT))
    parts = [each for each in table.to_batches(max_chunksize=GROUP) if len(each)]
    ends = np.cumsum([len(part) for part in parts])
    return [
        RowGroup(int(end) - len(part), len(part), int(known.min()), int(known.max()), partial(_chosen, part))
        for end, part in zip(ends, parts, strict=True)
        for known in [instants(part.column(KNOWN))]
    ]


def _chosen(rows: pa.RecordBatch, columns: Sequence[str] | None) -> pa.RecordBatch:
    return rows if columns is None else rows.select(list(columns))


def ordered(groups: Sequence[RowGroup], columns: Sequence[str] | None = None) -> Iterator[TimedRows]:
    """Yield the rows of groups by time, of one instant in the order of the groups, a part at a time.

    No part is empty, and all rows of one instant are in one part.

    Examples
    --------
    >>> def group(begin, *times):
    ...     rows = pa.record_batch({"known_time": pa.array(times, pa.timestamp("ns", "UTC"))})
    ...     return RowGroup(begin, len(times), min(times), max(times), lambda columns: rows)
    >>> [part.known_time.tolist() for part in ordered([group(0, 1, 2, 5), group(3, 4, 7), group(5, 8)])]
    [[1, 2], [4, 5, 7], [8]]
    """
    turns = sorted(range(len(groups)), key=lambda place: (groups[place].earliest, place))
    waiting: dict[int, TimedRows] = {}
    for turn, place in enumerate(turns):
        waiting[place] = TimedRows.of(groups[place].read(columns))
        last = turn + 1 == len(turns)
        ready = {
            each: len(rows) if last else rows.before(groups[turns[turn + 1]].earliest)
            for each, rows in sorted(waiting.items())
        }
        parts = [waiting[each][:count] for each, count in ready.items() if count]
        waiting = {each: rest for each, rows in waiting.items() if len(rest := rows[ready[each] :])}
        if parts:
            yield from _cut(_joined(parts))


def in_step(streams: Mapping[str, Iterator[TimedRows]]) -> Iterator[dict[str, TimedRows]]:
    """Yield parts of several streams that end at the same instant; a stream without rows in one is left out.

    Parameters
    ----------
    streams : parts in the order of time, no instant in two of them.

    Examples
    --------
    >>> def stream(*parts):
    ...     for times in parts:
    ...         known = pa.array(times, pa.timestamp("ns", "UTC"))
    ...         yield TimedRows.of(pa.record_batch({"known_time": known}))
    >>> found = in_step({"a": stream([1, 4], [5]), "b": stream([3, 4, 7])})
    >>> [{name: rows.known_time.tolist() for name, rows in part.items()} for part in found]
    [{'a': [1, 4], 'b': [3, 4]}, {'a': [5]}, {'b': [7]}]
    """
    waiting = {name: part for name, rows in streams.items() if (part := next(rows, None)) is not None}
    while waiting:
        until = min(int(part.known_time[-1]) for part in waiting.values())
        ends = {name: part.until(until) for name, part in waiting.items()}
        yield {name: waiting[name][:end] for name, end in ends.items() if end}
        rests = {
            name: part[ends[name] :] if ends[name] < len(part) else next(streams[name], None)
            for name, part in waiting.items()
        }
        waiting = {name: rest for name, rest in rests.items() if rest is not None}


def _joined(parts: Sequence[TimedRows]) -> TimedRows:
    if len(parts) == 1:
        return parts[0]
    rows = pa.Table.from_batches([part.rows for part in parts]).combine_chunks().to_batches()
    return TimedRows.of(rows[0])


def _cut(rows: TimedRows) -> Iterator[TimedRows]:
    """Yield rows in parts of about `PART`: no instant is cut."""
    begin = 0
    while begin < len(rows):
        end = rows.until(int(rows.known_time[min(begin + PART, len(rows)) - 1]))
        yield rows[begin:end]
        begin = end
