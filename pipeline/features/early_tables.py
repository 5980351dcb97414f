"""What of a day's market was known before an instant."""

from collections.abc import Iterator

import pandas as pd

from pipeline.features.book_at import nanoseconds
from pipeline.ingest.day_tables import Columns, TimedTables
from pipeline.ingest.time_order import KNOWN, TimedRows


class EarlyTables(TimedTables):
    """The tables of a day with the rows that were known before an instant; one without any is not there.

    Parameters
    ----------
    tables : of the day.
    before : nanoseconds UTC.
    """

    def __init__(self, tables: TimedTables, before: int) -> None:
        self._tables, self._before = tables, before
        self._there = [name for name in tables if tables.earliest(name) < before]

    def __iter__(self) -> Iterator[str]:
        return iter(self._there)

    def __len__(self) -> int:
        return len(self._there)

    def __getitem__(self, table: str) -> pd.DataFrame:
        rows = self._tables[table]
        return rows[nanoseconds(rows[KNOWN]) < self._before] if KNOWN in rows else rows

    def parts(self, tables: Columns) -> Iterator[dict[str, TimedRows]]:
        """Yield columns of tables in step, up to the instant."""
        for part in self._tables.parts(tables):
            early = {name: rows[: rows.before(self._before)] for name, rows in part.items()}
            if found := {name: rows for name, rows in early.items() if rows}:
                yield found
            if any(len(rows) < len(part[name]) for name, rows in early.items()):
                return

    def earliest(self, table: str) -> int:
        """Return a time before which no row of a table was known."""
        return self._tables.earliest(table)
