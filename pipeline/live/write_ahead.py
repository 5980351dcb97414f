"""A log ahead of a database: records that a death cannot take, before the database has them."""

import errno
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Final
from zlib import crc32

import orjson

Record = Mapping[str, Sequence[Any]]
"""Rows by the name of their table, one of each: there together or not at all."""
CHECK: Final = 9
"""Bytes of a line before its JSON: CRC-32 in hexadecimal, and a blank."""


class DamagedError(Exception):
    """A line is not what was written."""


class WriteAheadLog:
    """Appends records to a file, a line each; the file is another one whenever it is to be read and removed.

    A record has survived the death of the process when `append` returns. A line that has no end was never
    written down. One thread appends, another may call `turned`.

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
        self._place, self._turning = place, Lock()
        self._how = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | (os.O_DSYNC if full else 0)
        self._number = max(map(_number, ahead_of(place)), default=0)
        self._file, self._size = self._next(), 0

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
            written = os.write(self._file, line)
            if written != len(line):
                os.ftruncate(self._file, self._size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._size += written

    def turned(self) -> list[Path]:
        """Go on in another file; return those before it that are there, the oldest first."""
        if self._size:
            further = self._next()
            with self._turning:
                before, self._file, self._size = self._file, further, 0
            os.close(before)
        return [file for file in ahead_of(self._place) if _number(file) < self._number]

    def close(self) -> None:
        """Let go of the file; one without records is removed."""
        os.close(self._file)
        if not self._size:
            self._named().unlink(missing_ok=True)

    def _next(self) -> int:
        self._number += 1
        return os.open(self._named(), self._how, 0o644)

    def _named(self) -> Path:
        return self._place.with_name(f"{self._place.name}-ahead.{self._number}")


def ahead_of(place: Path) -> list[Path]:
    """Return the files ahead of a database, the oldest first."""
    return sorted(place.parent.glob(f"{place.name}-ahead.*"), key=_number)


def records(file: Path) -> list[Record]:
    """Return what a file holds; of one that another thread or process has removed meanwhile, nothing.

    Raises
    ------
    DamagedError
        Naming a line.
    """
    try:
        *lines, _ = file.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    for number, line in enumerate(lines, start=1):
        if line[:CHECK] != b"%08x " % crc32(line[CHECK:]):
            raise DamagedError(
                f"{file.name}: line {number} is damaged: move it away with its journal and start a new one, "
                "which is reconciled with the gateway"
            )
    return [orjson.loads(line[CHECK:]) for line in lines]


def _number(file: Path) -> int:
    return int(file.name.rpartition(".")[2])
