"""A file that grows a line of JSON at a time and is whole after any death of the process that writes it."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeVar

from pipeline.domain.errors import GatewayError
from pipeline.ingest.file_lock import taken_lock

T = TypeVar("T")


class LineFile:
    """Lines of JSON under a header that says what they are; one process at a time has it.

    A line that was cut short never happened: it is removed when the file is opened.

    Parameters
    ----------
    place : the file, made if it is not there.
    kind : what it is of, in words; the header.

    Raises
    ------
    GatewayError
        The file is of another kind, cannot be read or written, or another process has it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for number in range(2):
    ...         file = LineFile(Path(folder) / "numbers", "numbers 1")
    ...         file.append(number)
    ...         print(file.lines())
    ...         file.close()
    [0]
    [0, 1]
    """

    def __init__(self, place: Path, kind: str) -> None:
        self.place, self._header = place, json.dumps({"file": kind}).encode() + b"\n"
        lock = self._tried(lambda: taken_lock(place.with_name(f"{place.name}.lock")))
        if lock is None:
            raise GatewayError(f"{place}: another process has it: stop that first")
        self._lock: IO[str] = lock
        try:
            self._begin()
            self._file = self._tried(lambda: os.open(place, os.O_WRONLY | os.O_APPEND))
        except BaseException:
            lock.close()
            raise

    def append(self, line: Any) -> None:
        """Write a line; it has survived the death of the process when this has returned."""
        content = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        written = self._tried(lambda: os.write(self._file, content))
        if written != len(content):  # taken back: what is written next begins a line
            self._tried(lambda: os.ftruncate(self._file, os.fstat(self._file).st_size - written))
            raise GatewayError(f"{self.place}: written in part, the disk is full: make room and start again")

    def lines(self) -> list[Any]:
        """Return what was written, the oldest first.

        Raises
        ------
        GatewayError
            A line is no JSON; the message has its number.
        """
        found = []
        for number, line in enumerate(self._tried(self.place.read_bytes).splitlines()[1:], start=2):
            try:
                found.append(json.loads(line))
            except ValueError as error:
                raise self.damaged(number, error) from None
        return found

    def damaged(self, number: int, error: Exception) -> GatewayError:
        """Return the error that names a line, the first after the header being 2."""
        return GatewayError(f"{self.place}: line {number} is damaged ({error}): move the file away")

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)
        self._lock.close()

    def _begin(self) -> None:
        content = self._tried(lambda: self.place.read_bytes() if self.place.exists() else b"")
        whole = content.rfind(b"\n") + 1
        if not whole and content in self._header:
            self._tried(lambda: self.place.write_bytes(self._header))
        elif not content.startswith(self._header):
            kind = json.loads(self._header)["file"]
            raise GatewayError(f"{self.place}: is not the file of a {kind}: name another")
        elif whole < len(content):
            self._tried(lambda: os.truncate(self.place, whole))

    def _tried(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except OSError as error:
            raise GatewayError(f"{self.place}: {error.strerror}") from None
