"""What a feed takes, written to disk as it came by a thread of its own."""

import queue
import threading
from pathlib import Path
from typing import Final, Self

from pipeline.domain.errors import FeedError

MOST: Final = 64 << 20
"""Bytes that may wait for the disk."""


class Recording:
    """Appends blocks of lines to a file; the loop never waits for the disk.

    Parameters
    ----------
    path : the file, made with its folder if it is not there.
    most : bytes that may wait.
    """

    def __init__(self, path: Path, most: int = MOST) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self._most = path, most
        self._file = path.open("ab")
        self._blocks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._waiting, self._fault = 0, ""
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._write, name="recording", daemon=True)
        self._thread.start()

    def append(self, block: bytes) -> None:
        """Hand over whole lines.

        Raises
        ------
        FeedError
            The disk refuses what came before, or is too far behind.
        """
        if not block:
            return
        with self._lock:
            self._waiting += len(block)
            waiting = self._waiting
        if self._fault:
            raise FeedError(f"{self.path}: cannot be written: {self._fault}: make room, start again")
        if waiting > self._most:
            raise FeedError(f"{self.path}: the disk is {waiting >> 20} MiB behind: use a faster one")
        self._blocks.put(block)

    def close(self) -> None:
        """Write what waits, and close the file."""
        self._blocks.put(b"")
        self._thread.join()
        self._file.close()

    def _write(self) -> None:
        while block := self._blocks.get():
            try:
                self._file.write(block)
                self._file.flush()
            except OSError as error:
                self._fault = str(error)
                return
            with self._lock:
                self._waiting -= len(block)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
