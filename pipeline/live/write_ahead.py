"""A log ahead of a database: records that a death cannot take, before the database has them."""

import errno
import os
from itertools import pairwise
from mmap import PAGESIZE, mmap
from pathlib import Path
from struct import Struct
from threading import Lock
from typing import Final
from zlib import crc32

BEGIN: Final = b"ahead 2\n"
"""Of a file: its version. Earlier ones were lines of text."""
HEAD: Final = Struct("<II")
"""Before a record: its CRC-32 and its length in bytes."""
PIECE: Final = 64 * 4096
"""Bytes of a file."""
RESERVE: Final = 4096
"""Bytes at the end of a file that only what must not fail for want of room may take."""
SECTOR: Final = 512
"""Bytes that a disk writes at once, at least."""

WAY_OUT: Final = "move it away with its journal and start a new one, which is reconciled with the gateway"


class DamagedError(Exception):
    """A record is not what was written."""


class WriteAheadLog:
    """Adds records to a mapped file; the file is another one when it is full or to be removed.

    A file is written full of zeros and mapped before it is used, so that a disk without room for it refuses
    that. A record is a copy of bytes, which the system keeps when the process has died, and its head is
    written last: without one it never was. One thread appends, another may call `turned`. A file that
    somebody else cuts while it is written kills the process (SIGBUS).

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
    ...     log.append(b"an order")
    ...     print([records(file) for file in log.turned()])
    ...     log.close()
    [[b'an order']]
    """

    def __init__(self, place: Path, full: bool) -> None:
        self._place, self._full, self._turning = place, full, Lock()
        self._number = max(map(_number, ahead_of(place)), default=0)
        self._size, self._pages = len(BEGIN), self._mapped(PIECE)

    def append(self, record: bytes, reserve: int = RESERVE) -> None:
        """Write a record down, and leave so many bytes of the file free; a record of no bytes is none."""
        size = HEAD.size + len(record)
        with self._turning:
            if self._size + size + reserve > len(self._pages):
                self._turn(max(PIECE, len(BEGIN) + size + reserve))
            begin, end = self._size, self._size + size
            self._pages[begin + HEAD.size : end] = record
            HEAD.pack_into(self._pages, begin, crc32(record), len(record))
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
            if self._used or not whole:
                self._turn(PIECE)
            else:
                self._pages[: len(BEGIN)] = BEGIN  # the system may look at a page again that it wrote out
            if not whole:
                raise OSError(errno.EIO, f"{file.name} was cut or removed by somebody else")
        return [file for file in ahead_of(self._place) if _number(file) < self._number]

    def close(self) -> None:
        """Let go of the file; one without records is removed."""
        self._pages.close()
        if not self._used:
            self._named().unlink(missing_ok=True)

    @property
    def _used(self) -> bool:
        return self._size > len(BEGIN)

    def _turn(self, size: int) -> None:
        further = self._mapped(size)
        self._pages.close()
        self._size, self._pages = len(BEGIN), further

    def _wait(self, end: int) -> None:
        """Wait until the disk has the record that ends here; take it back where it does not."""
        first = self._size - self._size % PAGESIZE
        try:
            self._pages.flush(first, end - first)
        except OSError:
            self._pages[self._size : end] = bytes(end - self._size)
            raise

    def _mapped(self, size: int) -> mmap:
        """Return a new file in memory, each of its pages touched."""
        number = self._number + 1
        file = self._named(number)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            if os.write(descriptor, BEGIN.ljust(size, b"\0")) != size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            pages = mmap(descriptor, size)
            pages[::PAGESIZE] = pages[::PAGESIZE]
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


def records(file: Path) -> list[bytes]:
    """Return what a file holds; of one that another thread or process has removed meanwhile, nothing.

    Raises
    ------
    DamagedError
        Naming a record.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return []
    if not content.startswith(BEGIN) and any(content):
        raise DamagedError(f"{file.name}: does not begin with {BEGIN!r}: {WAY_OUT}")
    found, at = [], len(BEGIN)
    while (record := _whole(content, at)) is not None:
        found.append(record)
        at += HEAD.size + len(record)
    if not _unfinished(content, at):
        raise DamagedError(f"{file.name}: record {len(found) + 1} is damaged: {WAY_OUT}")
    return found


def _whole(content: bytes, at: int) -> bytes | None:
    """Return the record that begins at a place, None for none."""
    check, size = _head(content, at)
    begin = at + HEAD.size
    if not 0 < size <= len(content) - begin:
        return None
    record = content[begin : begin + size]
    return record if crc32(record) == check else None


def _head(content: bytes, at: int) -> tuple[int, int]:
    check, size = HEAD.unpack(content[at : at + HEAD.size].ljust(HEAD.size, b"\0"))
    return check, size


def _unfinished(content: bytes, at: int) -> bool:
    """Tell whether from a place on there is at most one record, and of that not all that was to be written.

    The death of the process leaves it without its head, the loss of power without a sector or the file short.
    """
    rest = content.rstrip(b"\0")
    if any(_whole(rest, place) is not None for place in range(at + 1, len(rest))):
        return False
    _, size = _head(content, at)
    end = at + HEAD.size + size
    edges = [at, *range(at - at % SECTOR + SECTOR, end, SECTOR), end]
    return not size or end > len(content) or any(not any(content[a:b]) for a, b in pairwise(edges))


def _number(file: Path) -> int:
    return int(file.name.rpartition(".")[2])
