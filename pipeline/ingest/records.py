"""Rows that a desk or a vendor keeps as csv, JSON lines, Parquet or a table of a database."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.domain.errors import DataError, NoRowsError
from pipeline.domain.naming import hint
from pipeline.ingest.delimited import NO_END, NOT_TEXT, WRONG_FIELDS
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.sql_rows import is_sql, sql_rows

ROWS: Final = 10_000
DELIMITERS: Final = ",;\t|"
_PARQUET: Final = b"PAR1"

Record = Mapping[str, Any]
Names = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Records:
    """Some records of a file.

    Attributes
    ----------
    rows : values by the name of their column, in small letters.
    number : line of the file or row of the table, the first being 1 (in csv the header).
    odd : lines that are no records: their number, the reason, their text.
    """

    rows: list[Record]
    number: list[int]
    odd: list[tuple[int, str, str]] = field(default_factory=list)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that any of the records has."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row))


def records(file: RawStream) -> Iterator[Records]:
    """Yield the records of a file, or of the table `member` of the database at a SQLAlchemy URL.

    A record of csv or JSON lines is one line; a quoted field may hold delimiters, not line ends.

    Raises
    ------
    DataError
        The file is missing, damaged or of none of these kinds; the database does not answer.
    """
    if is_sql(file.url):
        yield from _numbered(sql_rows(file.url, file.member, ROWS))
        return
    head = file.head()
    if head.startswith(_PARQUET):
        yield from _numbered(_parquet(file))
    else:
        yield from _lines(file, as_json=head.lstrip().startswith(b"{"))


def columns_of(head: bytes) -> tuple[str, ...]:
    r"""Return the names of the columns, in small letters, that the first line of csv or JSON lines tells.

    Examples
    --------
    >>> columns_of(b'Time;Text\n1;"a;b"\n'), columns_of(b'{"time": 1, "text": "a"}\n')
    (('time', 'text'), ('time', 'text'))
    """
    line = head.removeprefix(b"\xef\xbb\xbf").strip().partition(b"\n")[0].decode("utf-8", "replace").strip()
    if line.startswith("{"):
        found = _json(line)
        return tuple(str(name).lower() for name in found) if found else ()
    return _header(line, _delimiter(line))


def chosen(columns: Sequence[str], names: Names, optional: Sequence[str], file: str) -> dict[str, str]:
    """Return which column is meant by each of our names; optional ones may have none.

    Raises
    ------
    DataError
        There is none for one that is not optional; no columns at all (no rows) are none to choose from.

    Examples
    --------
    >>> chosen(["published", "headline"], {"time": ("time", "published"), "text": ("headline",)}, (), "a")
    {'time': 'published', 'text': 'headline'}
    """
    found: dict[str, str] = {}
    if not columns:
        return found
    for name, words in names.items():
        there = [word for word in words if word in columns]
        if there:
            found[name] = there[0]
        elif name not in optional:
            near = hint(words[0], columns)[:200]
            raise DataError(f"{file}: has no column {' or '.join(words)}: {near}")
    return found


def _lines(file: RawStream, as_json: bool) -> Iterator[Records]:
    header: tuple[str, ...] = ()
    delimiter, some = ",", False
    for first, block in file.line_blocks():
        content = block.removeprefix(b"\xef\xbb\xbf") if first == 1 else block
        ended = content.endswith(b"\n") or file.packed
        lines = content.split(b"\n")
        found = Records([], [])
        for number, raw in enumerate(lines, first):
            if not raw.strip():
                continue
            text, reason, row = raw.decode("utf-8", "replace").strip(), "", None
            if not as_json and not header:
                delimiter = _delimiter(text)
                header = _header(text, delimiter)
                if not header:
                    raise DataError(f"{file.name}: line {number} names no columns: begin with a header")
                continue
            if not ended and number == first + len(lines) - 1:
                reason = NO_END
            elif not _is_text(raw):
                reason = NOT_TEXT
            else:
                row = _json(text) if as_json else _csv(text, header, delimiter)
                reason = "" if row else "not a JSON object" if as_json else WRONG_FIELDS
            if row and not reason:
                found.rows.append(row)
                found.number.append(number)
            else:
                found.odd.append((number, reason, text[:500]))
        some = some or bool(found.rows or found.odd)
        yield found
    if not some:
        raise NoRowsError(f"{file.name}: holds no rows: fetch it again")


def _delimiter(line: str) -> str:
    return max(DELIMITERS, key=line.count)


def _header(line: str, delimiter: str) -> tuple[str, ...]:
    """Return the names of a csv file's columns; none where they cannot be read or one comes twice."""
    try:
        names = [name.strip().lower() for name in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return ()
    return tuple(names) if len(set(names)) == len(names) else ()


def _is_text(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _json(line: str) -> Record | None:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return {str(name).lower(): value for name, value in found.items()} if isinstance(found, dict) else None


def _csv(line: str, header: Sequence[str], delimiter: str) -> Record | None:
    try:
        fields = next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None
    return dict(zip(header, fields, strict=True)) if len(fields) == len(header) else None


def _parquet(file: RawStream) -> Iterator[list[Record]]:
    with file.stored() as source:
        try:
            for batch in pq.ParquetFile(source).iter_batches(batch_size=ROWS):
                yield [{name.lower(): value for name, value in row.items()} for row in batch.to_pylist()]
        except (pa.ArrowException, OSError, ValueError) as error:
            reason = (str(error).splitlines() or ["unknown"])[0]
            raise DataError(
                f"{file.name}: cannot be read as Parquet, it may be half written: {reason}"
            ) from None


def _numbered(parts: Iterator[list[Record]]) -> Iterator[Records]:
    before = 0
    for rows in parts:
        yield Records(rows, list(range(before + 1, before + len(rows) + 1)))
        before += len(rows)
