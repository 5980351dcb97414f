"""What was read of files, kept for as long as they stay as they were."""

from collections.abc import Callable, Mapping
from os import stat
from typing import Generic, TypeVar

Found = TypeVar("Found")


class Unchanged(Generic[Found]):
    """Reads a file again where its size or its time has changed.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp(), "a.csv")
    >>> _ = file.write_text("one")
    >>> read = lambda: (print("read"), file.read_text())[1]
    >>> kept = Unchanged()
    >>> for text in ("one", "one", "three"):
    ...     _ = file.write_text(text) if text == "three" else 0
    ...     _ = kept.read({(str(file), ""): read})
    read
    read
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[tuple[int, int], Found]] = {}

    def read(self, files: Mapping[tuple[str, str], Callable[[], Found]]) -> list[Found]:
        """Return what is in some files; what is not among them is forgotten.

        Parameters
        ----------
        files : what reads each, by its path and the terms on which it is read.
        """
        kept = {}
        for key, read in files.items():
            now = (seen := stat(key[0])).st_size, seen.st_mtime_ns
            before = self._kept.get(key)
            kept[key] = before if before is not None and before[0] == now else (now, read())
        self._kept = kept
        return [found for _, found in kept.values()]
