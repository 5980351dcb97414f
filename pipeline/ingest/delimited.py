"""Files of delimited text in bounded memory: whole lines as columns, others held with a reason."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv
from numpy.typing import NDArray

from pipeline.domain.errors import DataError, NoRowsError
from pipeline.domain.naming import hint
from pipeline.ingest.raw_stream import RawStream

WRONG_FIELDS: Final = "wrong number of fields"
NOT_TEXT: Final = "not UTF-8 text"
CONTROL: Final = "holds a control character"
HEADER: Final = "the header again: files were put together"
NO_END: Final = "the last line has no end: the file may be half written"
NOTHING: Final = ("", "NaN", "nan", "NA", "N/A", "null", "NULL", "None")
_NEWLINE, _RETURN, _ZERO = 10, 13, 0
_STRANGE: Final = (b"\r", b"\0")
_BLANKS: Final = (b" ", b"\t")
_INK: Final = np.isin(np.arange(256), list(b" \t\r\n"), invert=True)
"""[256] whether a byte makes a line more than blank."""


@dataclass(frozen=True)
class Lines:
    """Some lines of a file.

    Attributes
    ----------
    columns : text of each column, null where a field is empty; numbers where they were asked for and every
        field of the column in this block is one.
    number : [rows] line of the file, its first being 1.
    odd : lines that are no rows: their number, the reason, their text.
    """

    columns: dict[str, pa.Array]
    number: NDArray[np.int64]
    odd: list[tuple[int, str, str]] = field(default_factory=list)
    content: bytes = b""

    def __len__(self) -> int:
        return len(self.number)

    def texts(self, rows: Sequence[int]) -> list[str]:
        """Return the lines as they stand in the file."""
        if not rows:
            return []
        lines = self.content.split(b"\n")
        return [lines[row].decode() for row in rows]


def delimited(
    file: RawStream,
    names: Sequence[str] = (),
    required: Sequence[str] = (),
    delimiter: str = ",",
    kinds: Mapping[str, pa.DataType] | None = None,
) -> Iterator[Lines]:
    """Yield the lines of a file in blocks of about a megabyte; blank ones are no rows.

    A field is what stands between two delimiters: vendors' files of numbers have no quotation marks. The
    last line must have an end unless the file's packing vouches for its length, for a half-written file may
    break off within a number.

    Parameters
    ----------
    names : columns of a file without a header; empty takes them from its first line.
    required : columns that the header must have.
    kinds : the columns to read, each as text (`pa.string()`) or numbers; without it all, as text. A block
        with a field that is no such number has all its columns as text, so that `LineScreen` can tell which
        and why.

    Raises
    ------
    DataError
        The file is missing or damaged, holds nothing, or its header lacks a column.
    """
    header, titles = list(names), b""
    empty = True
    for first, block in file.line_blocks():
        start = first
        content = block.removeprefix(b"\xef\xbb\xbf") if first == 1 else block
        if not header:
            titles, _, content = content.partition(b"\n")
            header = _header(file.name, titles, required, delimiter)
            start += 1
        if content:
            columns = _Columns(header, delimiter, kinds or dict.fromkeys(header, pa.string()), titles.strip())
            clean = _clean(content, start, columns)
            lines = _lines(content, start, columns, file.packed) if clean is None else clean
            if len(lines) or lines.odd:
                empty = False
                yield lines
    if empty:
        raise NoRowsError(f"{file.name}: holds no rows: fetch it again")


def names_in(head: bytes, delimiter: str = ",") -> tuple[str, ...]:
    r"""Return the column names in the first line of a file, for a format that is known by them.

    Examples
    --------
    >>> names_in(b"symbol, date,close\nSPY,2021-01-04,368.79\n")
    ('symbol', 'date', 'close')
    """
    line = head.removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0]
    return tuple(name.strip() for name in line.decode("utf-8", "replace").split(delimiter))


def first_field(head: bytes, column: str) -> str:
    r"""Return a field of the first row below the header; "" where there is none.

    Examples
    --------
    >>> first_field(b"symbol,close\nSPY,368.79\n", "symbol")
    'SPY'
    """
    header, _, rest = head.partition(b"\n")
    row = names_in(rest)
    return dict(zip(names_in(header), row, strict=False)).get(column, "")


def _header(file: str, line: bytes, required: Sequence[str], delimiter: str) -> list[str]:
    names = list(names_in(line, delimiter))
    for name in required:
        if name not in names:
            raise DataError(f"{file}: line 1 has no column {name}: {hint(name, names)[:200]}")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{file}: line 1 has two columns {twice or 'without a name'}: rename one of them")
    return names


@dataclass(frozen=True)
class _Columns:
    """The columns of a file, those of them to read as what, and the line of their names if it has one."""

    header: list[str]
    delimiter: str
    kinds: Mapping[str, pa.DataType]
    titles: bytes = b""

    def texts(self, content: bytes) -> dict[str, pa.Array]:
        """Return the columns of whole lines as text."""
        return self._read(content, dict.fromkeys(self.kinds, pa.string()))

    def values(self, content: bytes) -> dict[str, pa.Array]:
        """Return the columns as what they should be read, as text where a number has a blank beside it.

        Arrow passes over such blanks, which `LineScreen` does not.

        Raises
        ------
        pa.ArrowInvalid
            A line has too few or too many fields, or one that is no number.
        """
        if any(blank in content for blank in _BLANKS):
            return self.texts(content)
        return self._read(content, self.kinds)

    def _read(self, content: bytes, kinds: Mapping[str, pa.DataType]) -> dict[str, pa.Array]:
        if not content:
            return {name: pa.array([], pa.string()) for name in kinds}
        table = pv.read_csv(
            pa.BufferReader(content),
            read_options=pv.ReadOptions(
                column_names=self.header, use_threads=False, block_size=max(len(content) + 1, 1 << 16)
            ),
            parse_options=pv.ParseOptions(
                delimiter=self.delimiter, quote_char=False, newlines_in_values=False, ignore_empty_lines=False
            ),
            convert_options=pv.ConvertOptions(
                column_types=kinds,
                include_columns=list(kinds),
                strings_can_be_null=True,
                null_values=list(NOTHING),
            ),
        )
        return {name: table.column(name).combine_chunks() for name in kinds}


def _clean(content: bytes, first: int, columns: _Columns) -> Lines | None:
    """Return the lines of a block in which nothing is odd, None for another."""
    if not (content.endswith(b"\n") and content.isascii()) or any(each in content for each in _STRANGE):
        return None
    if content.startswith(b"\n") or b"\n\n" in content or _again(content, columns.titles):
        return None
    try:
        found = columns.values(content)
    except pa.ArrowInvalid:
        return None
    count = len(next(iter(found.values())))
    return Lines(found, np.arange(first, first + count, dtype=np.int64), [], content)


def _lines(block: bytes, first: int, columns: _Columns, packed: bool) -> Lines:
    """Return the lines of any block: those that are no rows told apart one by one, all columns text."""
    content = block.replace(b"\r\n", b"\n")
    unended = bool(content.rpartition(b"\n")[2].strip(b" \t\r"))
    content, number = _without_blanks(content if content.endswith(b"\n") else content + b"\n", first, columns)
    symbols = np.frombuffer(content, np.uint8)
    ends = np.flatnonzero(symbols == _NEWLINE)
    starts = np.append(0, ends + 1)[: len(ends)]
    cuts = np.searchsorted(np.flatnonzero(symbols == ord(columns.delimiter)), np.append(starts, len(symbols)))
    whole = np.diff(cuts) == len(columns.header) - 1
    reasons = {int(row): WRONG_FIELDS for row in np.flatnonzero(~whole)}
    for row in _lines_of(ends, np.flatnonzero((symbols == _RETURN) | (symbols == _ZERO))):
        reasons[row] = CONTROL
    for row in _again(content, columns.titles):
        reasons[row] = HEADER
    if not content.isascii():
        reasons |= dict.fromkeys(_undecoded(content, starts, ends), NOT_TEXT)
    if unended and not packed:
        reasons[len(ends) - 1] = NO_END
    odd = []
    for row in sorted(reasons):
        text = content[starts[row] : ends[row]].decode("utf-8", "replace").strip()
        odd.append((int(number[row]), reasons[row], text[:500]))
    if reasons:
        kept = np.ones(len(ends), dtype=np.bool_)
        kept[list(reasons)] = False
        content = symbols[np.repeat(kept, ends + 1 - starts)].tobytes()
        number = number[kept]
    return Lines(columns.texts(content), number, odd, content)


def _without_blanks(content: bytes, first: int, columns: _Columns) -> tuple[bytes, NDArray[np.int64]]:
    """Return the lines of which some is more than blank, a delimiter counting, and their numbers."""
    symbols = np.frombuffer(content, np.uint8)
    ends = np.flatnonzero(symbols == _NEWLINE)
    inked = np.append(0, np.cumsum(_INK[symbols] | (symbols == ord(columns.delimiter)), dtype=np.int64))
    kept = np.diff(inked[ends], prepend=0) > 0
    number = np.flatnonzero(kept) + first
    if kept.all():
        return content, number
    return symbols[np.repeat(kept, np.diff(ends, prepend=-1))].tobytes(), number


def _again(content: bytes, titles: bytes) -> list[int]:
    """Return the lines that are the header once more."""
    if not titles or titles not in content:
        return []
    return [row for row, line in enumerate(content.split(b"\n")) if line.strip() == titles]


def _lines_of(ends: NDArray[np.intp], places: NDArray[np.intp]) -> list[int]:
    found: list[int] = np.unique(np.searchsorted(ends, places)).tolist()
    return found


def _undecoded(content: bytes, starts: NDArray[np.intp], ends: NDArray[np.intp]) -> list[int]:
    rows = _lines_of(ends, np.flatnonzero(np.frombuffer(content, np.uint8) > 127))
    return [row for row in rows if not _is_text(content[starts[row] : ends[row]])]


def _is_text(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
