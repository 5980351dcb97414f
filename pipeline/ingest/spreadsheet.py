"""Rows of an Excel workbook's sheet, which is checked before it is unpacked."""

import io
import lzma
import re
import zipfile
import zlib
from typing import Any, Final

from pipeline.domain.errors import DataError
from pipeline.ingest.raw_stream import LARGEST_RATIO, RawStream

LARGEST: Final = 256 << 20
"""Bytes that a workbook may unpack to."""
MOST_CELLS: Final = 20_000_000
_DAMAGED: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    OSError,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
)
_CELL: Final = re.compile(rb'\br="([A-Z]{0,3})(\d{1,7})"')


def is_workbook(name: str, head: bytes) -> bool:
    """Tell whether a file is an Excel workbook by its name and its first bytes."""
    return name.lower().endswith(".xlsx") and head.startswith(b"PK")


def sheet_rows(file: RawStream, sheet: str) -> list[list[Any]]:
    """Return the rows of a sheet from its first, cells as Python values, "" where there is none.

    Raises
    ------
    DataError
        The file is missing, no workbook, damaged or larger than any we read, or has no such sheet; or the
        package python-calamine is not installed.
    """
    try:
        import python_calamine
    except ImportError:
        raise DataError(f'{file.name}: needs a package more: pip install "regime-hedge[xlsx]"') from None
    with file.stored() as source:
        content = source.read(LARGEST + 1)
    _check(file.name, content)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        if sheet not in book.sheet_names:
            raise DataError(f"{file.name}: has no sheet {sheet}; it has {', '.join(book.sheet_names)[:200]}")
        rows: list[list[Any]] = book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, ValueError, OSError) as error:
        raise DataError(f"{file.name}: is a damaged workbook ({_reason(error)}): fetch it again") from None
    return rows


def _check(file: str, content: bytes) -> None:
    """Raise for an archive that is damaged, or whose sheets would fill the memory."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            if unpacked > min(LARGEST, LARGEST_RATIO * len(content)) or len(content) > LARGEST:
                raise DataError(f"{file}: unpacks to {unpacked} bytes: too many for a table of figures")
            damaged = archive.testzip()
            if damaged:
                raise DataError(f"{file}: {damaged} in it is damaged: fetch it again")
            for entry in archive.namelist():
                if entry.startswith("xl/worksheets/"):
                    _check_cells(file, archive.read(entry))
    except _DAMAGED as error:
        raise DataError(f"{file}: is a damaged workbook ({_reason(error)}): fetch it again") from None


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _check_cells(file: str, sheet: bytes) -> None:
    """Raise where the rectangle around a sheet's cells is too large: two cells far apart fill the memory."""
    width = height = 1
    for column, row in _CELL.findall(sheet):
        number = 0
        for letter in column:
            number = 26 * number + letter - 64
        width, height = max(width, number), max(height, int(row))
    if width * height > MOST_CELLS:
        raise DataError(f"{file}: a sheet of {height} rows and {width} columns: too many for figures")
