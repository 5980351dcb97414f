"""Events of one daily series out of `alternative`: what each vintage said, as it became known."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.domain.errors import DataError
from pipeline.features.event_feature import EventRows

DAY: Final = 86_400 * 10**9


def series_events(batches: Sequence[pa.RecordBatch], series: str) -> EventRows:
    """Return the events (`day`, `value`) of a series: days from 1970 to the end of what the value describes.

    All vintages may be given together, in any order. A value is an event at its own `known_time`; of two
    known at the same time that speak of the same day the later vintage comes last and holds.

    Raises
    ------
    DataError
        The series is not there.

    Examples
    --------
    >>> days = np.array(["2020-01-02", "2020-01-03"], "datetime64[ns]")
    >>> columns = {"event_time": days, "known_time": days[::-1], "series": ["s", "s"], "value": [1.0, 2.0],
    ...            "vintage": days.astype("datetime64[D]")}
    >>> series_events([pa.RecordBatch.from_pydict(columns)], "s").columns.tolist()
    [[18264.0, 2.0], [18263.0, 1.0]]
    """
    parts = [rows.filter(pc.equal(rows.column("series"), series)) for rows in batches]
    parts = [rows for rows in parts if rows.num_rows]
    if not parts:
        there = sorted({name for rows in batches for name in pc.unique(rows.column("series")).to_pylist()})
        raise DataError(f"alternative: no series {series}: there are {', '.join(there) or 'none'}")
    known, event, vintage = (
        np.concatenate([_whole(rows.column(name)) for rows in parts])
        for name in ("known_time", "event_time", "vintage")
    )
    value = np.concatenate([rows.column("value").to_numpy() for rows in parts])
    order = np.lexsort((event, vintage, known))
    return EventRows(known[order], np.c_[event // DAY, value][order])


def _whole(column: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    found: np.ndarray[tuple[int], np.dtype[np.int64]] = column.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return found
