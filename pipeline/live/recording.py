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
    path : the file, made with its folder when there is something to write.
    most : bytes that may wait.
    """

    def __init__(self, path: Path, most: int = MOST) -> None:
        self.path, self._most = path, most
        self._blocks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._handed = self._written = 0
        self._fault = ""
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
        self._handed += len(block)
        self._check()
        if (waiting := self._handed - self._written) > self._most:
            raise FeedError(f"{self.path}: the disk is {waiting >> 20} MiB behind: use a faster one")
        self._blocks.put(block)

    def close(self) -> None:
        """Write what waits, and close the file; raises as `append` does."""
        self._blocks.put(b"")
        self._thread.join()
        self._check()

    def _check(self) -> None:
        if self._fault:
            raise FeedError(f"{self.path}: cannot be written: {self._fault}: make room, start again")

    def _write(self) -> None:
        block = self._blocks.get()
        try:
            if block:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with self.path.open("ab") as file:
                    while block:
                        file.write(block)
                        file.flush()
                        self._written += len(block)
                        block = self._blocks.get()
        except OSError as error:
            self._fault = str(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
