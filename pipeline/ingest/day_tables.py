"""The canonical tables of one day of a market, out of all the files that hold rows of it."""

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.ingest.pieces import Shelf
from pipeline.ingest.time_order import KNOWN, Instants, RowGroup, TimedRows, in_step, ordered

OTHER: Final = "other_"
"""Before the names of tables of the other one of spot and perpetual."""
BOOK: Final = ("book", "book_events")
"""Tables that tell the whole book."""
FILE: Final = "file"
Columns: TypeAlias = Mapping[str, Sequence[str] | None]
"""Columns of tables by the table's name; None is all of them."""


class TimedTables(Mapping[str, pd.DataFrame]):
    """Tables of timed rows: a small one is read as a whole, long ones part by part."""

    @abstractmethod
    def parts(self, tables: Columns) -> Iterator[dict[str, TimedRows]]:
        """Yield rows of tables in step, in memory a part at a time, as `time_order.in_step` does.

        Parameters
        ----------
        tables : the columns that are read of each, besides `known_time`; None is all of them.
        """

    @abstractmethod
    def earliest(self, table: str) -> int:
        """Return a time before which no row of a table was known, nanoseconds UTC."""

    def __contains__(self, table: object) -> bool:
        return any(table == each for each in self)


class ComingTables(TimedTables):
    """The tables of a day whose rows are yet to come, and what is known before them.

    Parameters
    ----------
    names : of the tables.
    known : tables that are whole already, as the book with which the day begins.
    """

    def __init__(self, names: Collection[str], known: Mapping[str, pd.DataFrame]) -> None:
        self._names, self._known = frozenset(names), known

    def parts(self, tables: Columns) -> Iterator[dict[str, TimedRows]]:
        """Yield nothing."""
        return iter(())

    def earliest(self, table: str) -> int:
        """Return a time before which no row was known: there is none."""
        return int(np.iinfo(np.int64).min)

    def __getitem__(self, table: str) -> pd.DataFrame:
        return self._known[table]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._names | set(self._known)))

    def __len__(self) -> int:
        return len(self._names | set(self._known))


class DayTables(TimedTables):
    """The canonical tables of one day, read when they are asked for; each in the order of `known_time`.

    A row that two files of the day hold comes once. Rows of the book have the number of their file, `file`,
    by its name; of one instant those of the first file come first. It holds keys only, so it travels as they
    do.

    Parameters
    ----------
    days : the index of all days: one row a `day`, `table` and `file`, with the `key` of the piece that holds
        it and the rows that come `again`, see `day_repeats.runs_of`.
    day : which.
    shelf : opens the pieces.
    """

    def __init__(self, days: pd.DataFrame, day: str, shelf: Shelf) -> None:
        own = days[days["day"] == day]
        self.day, self._shelf = day, shelf
        self._numbers = {str(key): place for place, key in enumerate(own.sort_values("file")["key"].unique())}
        self._files = {
            str(table): list(zip(rows["key"], rows["again"], strict=True))
            for table, rows in own.groupby("table")
        }

    @property
    def digest(self) -> str:
        """What the tables are known by: the pieces that hold them."""
        return f"{self.day} " + " ".join(
            f"{table}:{','.join(key for key, _ in self._files[table])}" for table in self
        )

    def parts(self, tables: Columns) -> Iterator[dict[str, TimedRows]]:
        """Yield rows of tables in step."""
        columns = {
            table: None if names is None else list(dict.fromkeys([KNOWN, *names]))
            for table, names in tables.items()
        }
        return in_step({table: ordered(self._groups(table), names) for table, names in columns.items()})

    def earliest(self, table: str) -> int:
        """Return a time before which no row of a table was known, nanoseconds UTC."""
        return min(group.earliest for group in self._groups(table))

    def __getitem__(self, table: str) -> pd.DataFrame:
        parts = [part.rows for part in ordered(self._groups(table))]
        rows: pd.DataFrame = pa.Table.from_batches(parts).replace_schema_metadata(None).to_pandas()
        return rows

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._files))

    def __len__(self) -> int:
        return len(self._files)

    def _groups(self, table: str) -> list[RowGroup]:
        told = table.removeprefix(OTHER) in BOOK
        return [
            replace(group, read=partial(_read, group, again, self._numbers[key] if told else None))
            for key, again in self._files[table]
            for group in self._shelf.open(key).groups(f"{table}/{self.day}")
        ]


def _read(
    group: RowGroup, again: Instants, number: int | None, columns: Sequence[str] | None
) -> pa.RecordBatch:
    """Return the rows of a group that do not come again, those of a book with the number of their file."""
    rows = group.read(None if columns is None else [name for name in columns if name != FILE])
    inside = np.searchsorted(again, group.begin + np.arange(len(rows)), side="right") % 2 == 1
    if inside.any():
        rows = rows.filter(pa.array(~inside))
    return rows if number is None else rows.append_column(FILE, pa.array(np.full(len(rows), number)))
