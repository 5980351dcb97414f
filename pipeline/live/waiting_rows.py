"""Rows that a feed has read and that are not known yet by the desk's clock, by table."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa

from pipeline.ingest.day_tables import BOOK, FILE
from pipeline.ingest.market_tables import Batch
from pipeline.ingest.time_order import KNOWN, TimedRows

BEFORE: Final = int(np.iinfo(np.int64).min)


class WaitingRows:
    """Takes rows as they are read; gives those that are known until a time, each once and in order.

    A row that says it was known before what has been given is known only now.

    Parameters
    ----------
    tables : that are taken; others are left out.
    """

    def __init__(self, tables: frozenset[str]) -> None:
        self._tables, self._given = tables, BEFORE
        self._rows: dict[str, pa.Table] = {}

    def add(self, batch: Batch, file: int) -> None:
        """Take rows of the file of a number."""
        if batch.table not in self._tables or not len(batch.rows):
            return
        rows = pa.Table.from_batches([batch.rows])
        if batch.table in BOOK:
            rows = rows.append_column(FILE, pa.array(np.full(len(rows), file)))
        known = rows[KNOWN].cast(pa.int64()).to_numpy()
        if (late := known <= self._given).any():
            kind = rows.schema.field(KNOWN).type
            then = pa.array(np.where(late, self._given + 1, known)).cast(kind)
            rows = rows.set_column(rows.schema.get_field_index(KNOWN), KNOWN, then)
        before = self._rows.get(batch.table)
        self._rows[batch.table] = rows if before is None else pa.concat_tables([before, rows])

    def until(self, now: int) -> Mapping[str, TimedRows]:
        """Return the rows that are known at a time; a table without any is left out."""
        found, waiting = {}, {}
        for table, rows in self._rows.items():
            timed = TimedRows.of(rows.combine_chunks().to_batches()[0])
            end = timed.until(now)
            if end:
                found[table] = timed[:end]
            if end < len(timed):
                waiting[table] = pa.Table.from_batches([timed[end:].rows])
        self._rows, self._given = waiting, max(self._given, now)
        return found
