"""A lock between processes, freed by the operating system when its holder dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold the exclusive lock on `path` (created if missing), waiting for it as long as it takes.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, file_lock(Path(folder) / "lock"):
    ...     print("alone")
    alone
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)


def taken_lock(path: Path) -> IO[str] | None:
    """Return the open file that holds the exclusive lock on `path`, or None where another process has it.

    The lock is free again when the file is closed. The file tells which process took it last.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with taken_lock(Path(folder) / "lock") as held:
    ...         print(taken_lock(Path(folder) / "lock"))
    None
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def lock_holder(path: Path) -> str | None:
    """Return the number of the process that holds the exclusive lock on `path`; None where none does.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with taken_lock(Path(folder) / "lock") as held:
    ...         print(lock_holder(Path(folder) / "lock") == str(os.getpid()))
    ...     print(lock_holder(Path(folder) / "lock"))
    True
    None
    """
    if not path.exists():
        return None
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return file.read().strip()
    return None
