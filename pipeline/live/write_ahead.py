"""A log ahead of a database: records that a death cannot take, before the database has them."""

import errno
import os
from collections.abc import Mapping, Sequence
from mmap import PAGESIZE, mmap
from pathlib import Path
from threading import Lock
from typing import Any, Final
from zlib import crc32

import orjson

Record = Mapping[str, Sequence[Any]]
"""Rows by the name of their table, one of each: there together or not at all."""
CHECK: Final = 9
"""Bytes of a line before its JSON: CRC-32 in hexadecimal, and a blank."""
PIECE: Final = 64 * 4096
"""Bytes of a file."""


class DamagedError(Exception):
    """A line is not what was written."""


class WriteAheadLog:
    """Adds records to a mapped file, a line each; the file is another one when it is full or to be removed.

    A file is written full of zeros and mapped before it is used, so that a disk without room for it refuses
    that, and a record is a copy of bytes, which the system keeps when the process has died. JSON has no zero
    byte: a line with one in it, or without its end, was never written down. One thread appends, another may
    call `turned`. A file that somebody else cuts while it is written kills the process (SIGBUS).

    Parameters
    ----------
    place : of the database; files are called `<name>-ahead.<number>`, in the order of their numbers.
    full : wait for the disk at every record, which then survives the loss of power too.

    Raises
    ------
    OSError
        A file cannot be written. So does every method.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = WriteAheadLog(Path(folder) / "journal", full=False)
    ...     log.append({"intents": [1, "a", 0.5]})
    ...     print([records(file) for file in log.turned()])
    ...     log.close()
    [[{'intents': [1, 'a', 0.5]}]]
    """

    def __init__(self, place: Path, full: bool) -> None:
        self._place, self._full, self._turning = place, full, Lock()
        self._number = max(map(_number, ahead_of(place)), default=0)
        self._size, self._pages = 0, self._mapped(PIECE)

    def append(self, record: Record) -> None:
        """Write a record down.

        Raises
        ------
        TypeError
            It is no JSON.
        """
        told = orjson.dumps(record, option=orjson.OPT_SERIALIZE_NUMPY)
        line = b"%08x %b\n" % (crc32(told), told)
        with self._turning:
            if self._size + len(line) > len(self._pages):
                self._turn(max(PIECE, len(line)))
            end = self._size + len(line)
            self._pages[self._size : end] = line
            if self._full:
                self._wait(end)
            self._size = end

    def turned(self) -> list[Path]:
        """Go on in another file; return those before it that are there, the oldest first.

        Where this one was cut or removed the next is begun, and then it is an error.
        """
        with self._turning:
            file = self._named()
            whole = file.exists() and file.stat().st_size >= len(self._pages)
            if self._size or not whole:
                self._turn(PIECE)
            else:
                self._pages[0] = 0  # the system may have written the page out, and would look at it again
            if not whole:
                raise OSError(errno.EIO, f"{file.name} was cut or removed by somebody else")
        return [file for file in ahead_of(self._place) if _number(file) < self._number]

    def close(self) -> None:
        """Let go of the file; one without records is removed."""
        self._pages.close()
        if not self._size:
            self._named().unlink(missing_ok=True)

    def _turn(self, size: int) -> None:
        further = self._mapped(size)
        self._pages.close()
        self._size, self._pages = 0, further

    def _wait(self, end: int) -> None:
        """Wait until the disk has the line that ends here; take it back where it does not."""
        first = self._size - self._size % PAGESIZE
        try:
            self._pages.flush(first, end - first)
        except OSError:
            self._pages[self._size : end] = bytes(end - self._size)
            raise

    def _mapped(self, size: int) -> mmap:
        """Return a new file of zeros in memory, each of its pages touched."""
        number = self._number + 1
        file = self._named(number)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            if os.write(descriptor, bytes(size)) != size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            pages = mmap(descriptor, size)
            pages[::PAGESIZE] = bytes(len(range(0, size, PAGESIZE)))
        except BaseException:
            file.unlink()
            raise
        finally:
            os.close(descriptor)
        self._number = number
        return pages

    def _named(self, number: int = 0) -> Path:
        return self._place.with_name(f"{self._place.name}-ahead.{number or self._number}")


def ahead_of(place: Path) -> list[Path]:
    """Return the files ahead of a database, the oldest first; none that is called otherwise: a copy."""
    begin = f"{place.name}-ahead."
    found = place.parent.glob(f"{begin}*")
    return sorted((file for file in found if file.name.removeprefix(begin).isdecimal()), key=_number)


def records(file: Path) -> list[Record]:
    """Return what a file holds; of one that another thread or process has removed meanwhile, nothing.

    Raises
    ------
    DamagedError
        Naming a line.
    """
    try:
        whole, _, torn = file.read_bytes().rstrip(b"\0").partition(b"\0")
    except FileNotFoundError:
        return []
    *lines, _ = whole.split(b"\n")
    if b"\n" in torn[:-1]:
        lines.append(torn)  # no record was written behind one that is not whole
    for number, line in enumerate(lines, start=1):
        if line[:CHECK] != b"%08x " % crc32(line[CHECK:]):
            raise DamagedError(
                f"{file.name}: line {number} is damaged: move it away with its journal and start a new one, "
                "which is reconciled with the gateway"
            )
    return [orjson.loads(line[CHECK:]) for line in lines]


def _number(file: Path) -> int:
    return int(file.name.rpartition(".")[2])
