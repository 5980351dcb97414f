"""A user's CSV or Parquet file as text, row by row, before anything is believed of it."""

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.domain.naming import hint
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.session_dates import is_date

DELIMITERS: Final = ",;\t|"
PARQUET: Final = frozenset({".parquet", ".pq"})
WRONG_FIELDS: Final = "wrong number of fields"
Text = NDArray[np.object_]


@dataclass(frozen=True)
class RawTable:
    """The rows of a file as text.

    Attributes
    ----------
    file : name of the file.
    header : names of the columns; 1, 2, 3, … by their place where the file names none.
    fields : [rows × columns] text of each field without blanks around it; empty where a row is not `whole`.
    number : [rows] line of the file, the header being line 1; in Parquet the row, the first being 1.
    text : [rows] the row as it stands in the file.
    whole : [rows] whether the row has as many fields as the header.
    ended : whether the last line has an end; a half-written file may break off within a number.
    """

    file: str
    header: tuple[str, ...]
    fields: Text
    number: NDArray[np.int64]
    text: tuple[str, ...]
    whole: NDArray[np.bool_]
    ended: bool = True

    def column(self, name: str, setting: str | None = None) -> Text:
        """Return a column by its name, upper and lower case alike where that leaves no doubt.

        Parameters
        ----------
        name : of the column.
        setting : that says so in the desk file; None where the column can have no other name.

        Raises
        ------
        DataError
            There is no such column, or there are two; the message names what to change.
        """
        found = [i for i, each in enumerate(self.header) if each == name]
        found = found or [i for i, each in enumerate(self.header) if each.lower() == name.lower()]
        if len(found) > 1:
            raise DataError(f"{self.file}: has {len(found)} columns {name}: rename one of them")
        if not found and setting is not None and any(map(is_date, self.header)):
            raise DataError(
                f"{self.file}: has no column {name}, its first line holds a date and is no header: set "
                f"header = false in the table of {setting}, and name columns by their place: 1, 2, 3"
            )
        if not found:
            raise DataError(
                f"{self.file}: has no column {name} ({hint(name, self.header)}): "
                + (f"name it in {setting}" if setting else "rename the one that holds it")
            )
        column: Text = self.fields[:, found[0]]
        return column


def content_hash(file: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal digits.

    Raises
    ------
    DataError
        The file cannot be read.
    """
    return hashlib.sha256(_content(file)).hexdigest()


def read_raw(file: Path, expected: str | None = None, header: bool = True) -> RawTable:
    """Read a CSV file (UTF-8; comma, semicolon, tab or bar between fields) or a Parquet file.

    A packed file (zip, gz, bz2, zst) is read as the one file that it holds.

    Parameters
    ----------
    file : its suffix `.parquet` or `.pq` says Parquet, everything else is CSV.
    expected : SHA-256 that the content must have; None takes any.
    header : whether the first line of a CSV file names the columns; else they are called 1, 2, 3, ….

    Raises
    ------
    DataError
        It is missing, empty, damaged, or has changed since it was hashed; a Parquet file without a header.
    """
    content = _content(file)
    if expected is not None and hashlib.sha256(content).hexdigest() != expected:
        raise DataError(f"{file.name}: changed while the run was starting: run again")
    if not content.strip():
        raise DataError(f"{file.name}: the file is empty: give one with a header and a row a session")
    is_parquet = file.suffix.lower() in PARQUET
    stream = RawStream(str(file))
    if not is_parquet and stream.packed:
        content = b"".join(stream.blocks())
    if is_parquet and not header:
        raise DataError(f"{file.name}: a Parquet file names its columns: leave out header = false")
    table = _parquet(file.name, content) if is_parquet else _csv(file.name, content, header)
    if not len(table.number):
        raise DataError(f"{file.name}: has a header and no rows: give one row a session")
    return table


def _content(file: Path) -> bytes:
    try:
        if not file.exists():
            raise DataError(f"{file}: no such file; paths in a desk file are seen from its own folder")
        if not file.is_file():
            raise DataError(f"{file}: is not a file: name a CSV or a Parquet file")
        return file.read_bytes()
    except PermissionError:
        raise DataError(f"{file}: may not be read: change its permissions") from None


def _csv(file: str, content: bytes, header: bool) -> RawTable:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{file}: byte {error.start} is not UTF-8 text: save the file as UTF-8") from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise DataError(f"{file}: line {line} holds a zero byte: the file is damaged or half written")
    lines = text.splitlines()
    delimiter = max(DELIMITERS, key=next((line for line in lines if line.strip()), "").count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, numbers, texts, before = [], [], [], 0
    try:
        for fields in reader:
            if any(field.strip() for field in fields) or len(fields) > 1:
                rows.append(fields)
                numbers.append(before + 1)
                texts.append(delimiter.join(fields))
            before = reader.line_num
    except csv.Error as error:
        raise DataError(f"{file}: line {min(before + 1, len(lines))}: {error}: mend the quotes") from None
    if not rows:
        raise DataError(f"{file}: holds nothing but blanks: give a header and a row a session")
    if any(end in name for name in rows[0] for end in "\r\n"):
        raise DataError(f"{file}: line {numbers[0]}: the header runs over several lines: mend the quotes")
    names, start = (rows[0], 1) if header else ([str(i + 1) for i in range(len(rows[0]))], 0)
    table = raw_rows(file, names, rows[start:], numbers[start:], texts[start:])
    return replace(table, ended=text.endswith(("\n", "\r")))


def _parquet(file: str, content: bytes) -> RawTable:
    try:
        table = pq.read_table(pa.BufferReader(content))
        columns = [_values(column) for column in table.columns]
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{file}: cannot be read as Parquet, it may be half written: {reason}") from None
    rows = [[written(value) for value in row] for row in zip(*columns, strict=True)]
    return raw_rows(file, table.column_names, rows, range(1, len(rows) + 1), [",".join(row) for row in rows])


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Return the values of a column, those of single precision as the shortest decimals that say them."""
    values: list[Any] = column.to_pylist()
    if not pa.types.is_float32(column.type):
        return values
    return [None if value is None else float(str(np.float32(value))) for value in values]


def written(value: Any) -> str:
    """Return a value as the text that a file would have of it; nothing for none."""
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def raw_rows(
    file: str, header: Sequence[str], rows: list[list[str]], numbers: Sequence[int], texts: list[str]
) -> RawTable:
    """Return rows of text as a table; one of another width than the header is not `whole`."""
    width = len(header)
    whole = np.array([len(row) == width for row in rows], dtype=np.bool_)
    fields = np.full((len(rows), width), "", dtype=object)
    for i, row in enumerate(rows):
        if whole[i]:
            fields[i] = [field.strip() for field in row]
    names = tuple(name.strip() for name in header)
    return RawTable(file, names, fields, np.array(numbers, dtype=np.int64), tuple(texts), whole)
