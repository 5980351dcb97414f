"""Rows of tables as they come, where all of them at once may not fit into memory, and where they wait.

A file's rows are not known to be all of a table before its end, for days may stand in it in any order. Until
then they wait in a file without a name, so that a process that dies leaves nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from tempfile import SpooledTemporaryFile, gettempdir
from typing import Any, Final, Self, TypeAlias

import pandas as pd
import pyarrow as pa

from pipeline.domain.errors import StoreError
from pipeline.ingest.dataset import Output, arrow_table

Rows: TypeAlias = pd.DataFrame | pa.RecordBatch
Parts = Iterator[tuple[str, Rows]]
"""Rows by the name of their table; those of one name are one table, in the order in which they come."""
IN_MEMORY: Final = 1 << 25
"""Packed bytes of rows that wait in memory, before all wait on disk."""
_PACKED: Final = pa.ipc.IpcWriteOptions(compression="lz4")


def whole(output: Output | Parts) -> Output:
    """Return tables by name, each as a whole.

    Examples
    --------
    >>> one, two, three = (pa.record_batch({"n": [n]}) for n in (1, 2, 3))
    >>> whole(iter([("x", one), ("y", two), ("x", three)]))["x"]["n"].tolist()
    [1, 3]
    """
    if isinstance(output, Mapping):
        return output
    found: dict[str, list[Rows]] = {}
    for name, rows in output:
        found.setdefault(name, []).append(rows)
    return {name: _one(found.pop(name)) for name in list(found)}


def _one(parts: list[Rows]) -> pd.DataFrame:
    (table, *more) = parts
    if isinstance(table, pd.DataFrame) and not more:
        return table
    rows: pd.DataFrame = pa.concat_tables(map(as_arrow, parts)).to_pandas()
    return rows


def as_arrow(rows: Rows) -> pa.Table:
    """Return rows as a table of Arrow, without a copy where they are of Arrow."""
    return arrow_table(rows) if isinstance(rows, pd.DataFrame) else pa.Table.from_batches([rows])


def tables_of(output: Output | Parts, folder: str | None) -> Iterator[tuple[str, Iterator[pa.Table]]]:
    """Yield the rows of one table after another; those that come in parts wait in `folder`, see `Waiting`.

    Raises
    ------
    TypeError
        Something is not a table.
    """
    if isinstance(output, Mapping):
        for name, frame in output.items():
            if not isinstance(frame, pd.DataFrame):
                raise TypeError(f"{name}: a partition holds tables only")
            yield name, iter([as_arrow(frame)])
        return
    with Waiting(folder) as waiting:
        for name, rows in output:
            waiting.add(name, as_arrow(rows))
        for name in waiting:
            yield name, waiting[name]


class Waiting(Mapping[str, Iterator[pa.Table]]):
    """Rows of tables that wait, packed, in memory while they are few and on disk from there on.

    Parameters
    ----------
    folder : of the file on disk; None is the system's folder for temporary files.

    Raises
    ------
    StoreError
        The file cannot be written.

    Examples
    --------
    >>> with Waiting() as waiting:
    ...     waiting.add("x", pa.table({"n": [1, 2]}))
    ...     waiting.add("x", pa.table({"n": [3]}))
    ...     [part["n"].to_pylist() for part in waiting["x"]]
    [[1, 2], [3]]
    """

    def __init__(self, folder: str | None = None) -> None:
        self._folder = folder or gettempdir()
        self._file = SpooledTemporaryFile(max_size=IN_MEMORY, dir=folder)  # noqa: SIM115
        self._places: dict[str, list[tuple[int, int]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, name: str, rows: pa.Table) -> None:
        """Let further rows of a table wait."""
        packed = pa.BufferOutputStream()
        with pa.ipc.new_stream(packed, rows.schema, options=_PACKED) as stream:
            stream.write_table(rows)
        content = packed.getvalue()
        try:
            begin = self._file.seek(0, 2)
            self._file.write(content)
        except OSError as error:
            raise StoreError(
                f"rows that wait to be stored cannot be written to {self._folder} ({error.strerror}): look "
                "at its permissions and its space"
            ) from None
        self._places.setdefault(name, []).append((begin, content.size))

    def __getitem__(self, name: str) -> Iterator[pa.Table]:
        for begin, size in self._places[name]:
            self._file.seek(begin)
            yield pa.ipc.open_stream(self._file.read(size)).read_all()

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def regrouped(parts: Iterable[pa.Table], size: int) -> Iterator[pa.Table]:
    """Yield the rows of a table in groups of `size`, the last of what is left; one group at least.

    Examples
    --------
    >>> [len(each) for each in regrouped([pa.table({"n": [1, 2]}), pa.table({"n": [3, 4, 5]})], 2)]
    [2, 2, 1]
    """
    waiting: list[Any] = []
    first = True
    for part in parts:
        waiting.append(part)
        if sum(map(len, waiting)) < size:
            continue
        rows = pa.concat_tables(waiting).combine_chunks()
        end = len(rows) - len(rows) % size
        yield from (rows.slice(begin, size) for begin in range(0, end, size))
        waiting, first = [rows.slice(end)] if end < len(rows) else [], False
    if waiting or first:
        yield pa.concat_tables(waiting).combine_chunks()
