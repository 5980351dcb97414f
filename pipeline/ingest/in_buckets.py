"""Rows of several files, brought together where they may be equal, a bounded number of them at a time."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.ingest.parts import Waiting
from pipeline.ingest.time_order import RowGroup, instants

TOGETHER: Final = 1 << 20
"""Rows that are compared at once, about."""
PLACE: Final = "place"
"""Column: the place of a row in the table of its file."""
_FILE: Final = "number_of_file"
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)


def in_buckets(
    files: Sequence[Sequence[RowGroup]], columns: Sequence[str], by_id: bool
) -> Iterator[list[pd.DataFrame]]:
    """Yield rows of files, [files] tables each time; rows of one `event_time` come at the same time.

    They wait on disk until all have been read, see `parts.Waiting`.

    Parameters
    ----------
    files : the groups of rows of each.
    columns : that are read, `event_time` among them; `place` is added.
    by_id : rows with a `trade_id` above zero come with those of the same id instead.
    """
    count = -(-sum(group.rows for groups in files for group in groups) // TOGETHER)
    with Waiting() as waiting:
        for number, groups in enumerate(files):
            for group in groups:
                for bucket, rows in _cut(group, columns, count, by_id):
                    file = pa.array(np.full(len(rows), number, dtype=np.int32))
                    waiting.add(str(bucket), pa.table(rows).append_column(_FILE, file))
        for name in waiting:
            rows = pa.concat_tables(waiting[name]).replace_schema_metadata(None).to_pandas()
            file = rows.pop(_FILE).to_numpy()
            yield [rows[file == number] for number in range(len(files))]


def _cut(
    group: RowGroup, columns: Sequence[str], count: int, by_id: bool
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield the rows of a group by their bucket."""
    rows = group.read(columns)
    rows = rows.append_column(PLACE, pa.array(group.begin + np.arange(len(rows))))
    if count == 1:
        yield 0, rows
        return
    numbers = instants(rows.column("event_time"))
    if by_id:
        ids = rows.column("trade_id").to_numpy()
        numbers = np.where(ids > 0, ids, numbers)
    buckets: NDArray[np.uint64] = (numbers.view(np.uint64) * _SPREAD >> np.uint64(32)) % np.uint64(count)
    for bucket in np.unique(buckets):
        yield int(bucket), rows.filter(pa.array(buckets == bucket))
