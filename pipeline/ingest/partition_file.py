"""One file of a partition: its rows in groups of bounded size, without the columns that its folders tell."""

import hashlib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import IO, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.ingest.dataset import PACKING, from_parquet
from pipeline.ingest.market_tables import INSTANT
from pipeline.ingest.parts import regrouped
from pipeline.ingest.time_order import GROUP, KNOWN, RowGroup


class Counted(io.RawIOBase):
    """Hands on what is written to a file, and knows how much it was and its SHA-256.

    Examples
    --------
    >>> found = Counted(io.BytesIO())
    >>> found.write(b"abc"), found.bytes, found.sha256[:8]
    (3, 3, 'ba7816bf')
    """

    def __init__(self, to: IO[bytes]) -> None:
        self._to, self._sha256 = to, hashlib.sha256()
        self.bytes = 0

    def writable(self) -> bool:
        """Return that it can be written."""
        return True

    def write(self, content: Any) -> int:
        """Write all of the content; return its length."""
        self._to.write(content)
        self._sha256.update(content)
        self.bytes += len(content)
        return len(content)

    @property
    def sha256(self) -> str:
        """Of what was written, in hexadecimal digits."""
        return self._sha256.hexdigest()


def write_rows(to: IO[bytes], parts: Iterable[pa.Table], told: Mapping[str, str]) -> dict[str, Any]:
    """Write a table as Parquet, a group of rows at a time; however they are cut, the bytes are the same.

    Parameters
    ----------
    to : the file; it stays open.
    parts : the rows, one part at least.
    told : the columns that the folders of the file tell, with their values.

    Returns
    -------
    `bytes` and `sha256` of the file, `rows`, and the places of the columns that were `dropped`.

    Raises
    ------
    ValueError
        A row has another value than the folders tell.
    """
    file, rows = Counted(to), 0
    groups = iter(regrouped(parts, GROUP))
    first = next(groups)
    dropped = {name: first.column_names.index(name) for name in told if name in first.column_names}
    schema = first.drop_columns(list(dropped)).schema
    with pq.ParquetWriter(file, schema, compression=PACKING) as writer:
        for group in chain([first], groups):
            for name in dropped:
                if not pc.all(pc.equal(group[name], told[name])).as_py():
                    raise ValueError(f"column {name} of a partition is not {told[name]} throughout")
            writer.write_table(group.drop_columns(list(dropped)), row_group_size=GROUP)
            rows += len(group)
    return {"bytes": file.bytes, "sha256": file.sha256, "rows": rows, "dropped": dropped}


def read_rows(content: bytes, told: Mapping[str, str], dropped: Mapping[str, int]) -> pd.DataFrame:
    """Return the table that `write_rows` wrote."""
    frame = from_parquet(content)
    for column, position in sorted(dropped.items(), key=lambda each: each[1]):
        frame.insert(position, column, told[column])
    return frame


def row_groups(opened: Callable[[], IO[bytes]]) -> list[RowGroup]:
    """Return the groups of rows of a table that `write_rows` wrote, each read when it is asked for.

    Parameters
    ----------
    opened : opens the file.
    """
    with opened() as file:
        told = pq.ParquetFile(file).metadata
    column, unit = told.schema.names.index(KNOWN), told.schema.to_arrow_schema().field(KNOWN).type
    found, begin = [], 0
    for number in range(told.num_row_groups):
        group = told.row_group(number)
        if group.num_rows:
            ends = group.column(column).statistics
            first, last = (pa.scalar(end, unit).cast(INSTANT).value for end in (ends.min_raw, ends.max_raw))
            read = partial(_read_group, opened, told, number)
            found.append(RowGroup(begin, group.num_rows, first, last, read))
        begin += group.num_rows
    return found


def _read_group(
    opened: Callable[[], IO[bytes]], told: Any, number: int, columns: Sequence[str] | None
) -> pa.RecordBatch:
    names = None if columns is None else list(columns)
    with opened() as file:
        rows = pq.ParquetFile(file, metadata=told).read_row_group(number, columns=names, use_threads=False)
    return rows.combine_chunks().to_batches()[0]
