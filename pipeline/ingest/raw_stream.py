"""A file as venues ship it, plain or compressed, here or at a URL, read block by block in bounded memory."""

import bz2
import gzip
import hashlib
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, Final

import fsspec
import pyarrow as pa

from pipeline.domain.errors import DataError

BLOCK: Final = 1 << 20
LARGEST_RATIO: Final = 1000
"""A file that unpacks to more than this times its size, and more than `BOMB_FLOOR` bytes, is not believed."""
BOMB_FLOOR: Final = 64 << 20
_MAGIC: Final = ((b"\x1f\x8b", "gzip"), (b"BZh", "bz2"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"PK", "zip"))
WIDE: Final = (b"\xff\xfe", b"\xfe\xff")
"""How text in UTF-16 begins."""
IN_UTF16: Final = "is UTF-16 text, save it as UTF-8"
_DAMAGED: Final = (
    EOFError,
    OSError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    pa.ArrowException,
    NotImplementedError,  # a packing that zipfile does not know
    RuntimeError,  # an encrypted member
)


@dataclass(frozen=True)
class RawStream:
    """A file by its path or fsspec URL.

    Attributes
    ----------
    url : path or URL.
    member : which file of a zip archive; empty where it holds one only.
    """

    url: str
    member: str = ""

    @property
    def name(self) -> str:
        """Name of the file, for messages."""
        plain = self.url.rstrip("/").rpartition("/")[2]
        return f"{plain}[{self.member}]" if self.member else plain

    @property
    def packed(self) -> bool:
        """Whether the file is compressed; the packing vouches for its length and content."""
        with self._raw() as file:
            return _packing(file) != ""

    def head(self, size: int = 4096) -> bytes:
        """Return the first bytes of the content, unpacked.

        Raises
        ------
        DataError
            The file is missing or damaged.
        """
        with self._opened() as source:
            return self._read(source, size, 0)

    def members(self) -> tuple[str, ...]:
        """Return the names of the files in a zip archive; empty for another file."""
        with self._raw() as file:
            if _packing(file) != "zip":
                return ()
            try:
                with zipfile.ZipFile(file) as archive:
                    return tuple(entry.filename for entry in archive.infolist() if not entry.is_dir())
            except _DAMAGED as error:
                raise self._damaged(error, 0) from None

    def blocks(self, size: int = BLOCK) -> Iterator[bytes]:
        """Yield the unpacked content in blocks.

        Raises
        ------
        DataError
            The file is missing, damaged, ends early, or unpacks to far more than a file of its size should.
        """
        total = 0
        packed = self._packed_size()
        with self._opened() as source:
            for block in self._ahead(source, size) if packed else self._one_by_one(source, size):
                total += len(block)
                if packed and total > max(BOMB_FLOOR, LARGEST_RATIO * packed):
                    raise DataError(
                        f"{self.name}: unpacks to over {LARGEST_RATIO} times its {packed} bytes: "
                        "it looks like a zip bomb, unpack it by hand if it is not"
                    )
                yield block

    def _one_by_one(self, source: IO[bytes], size: int) -> Iterator[bytes]:
        total = 0
        while block := self._read(source, size, total):
            total += len(block)
            yield block

    def _ahead(self, source: IO[bytes], size: int) -> Iterator[bytes]:
        """Yield blocks; the next one is unpacked in a thread of its own while one is worked on."""
        pieces = self._one_by_one(source, size)
        with ThreadPoolExecutor(1, "unpack") as thread:
            coming = thread.submit(next, pieces, b"")
            while block := coming.result():
                coming = thread.submit(next, pieces, b"")
                yield block

    def line_blocks(self, size: int = BLOCK) -> Iterator[tuple[int, bytes]]:
        """Yield whole lines in blocks, each with the number of its first line (the file's first is 1).

        The last line comes even where the file does not end it.

        Raises
        ------
        DataError
            As `blocks`; it is text in UTF-16, or no text: a line is longer than 64 blocks.
        """
        number, rest = 1, b""
        for block in self.blocks(size):
            if number == 1 and not rest and block.startswith(WIDE):
                raise DataError(f"{self.name}: {IN_UTF16}")
            whole, newline, tail = (rest + block).rpartition(b"\n")
            rest = tail
            if len(rest) > 64 * size:
                raise DataError(f"{self.name}: line {number} has over {64 * size} bytes: is it a text file?")
            if newline:
                yield number, whole + newline
                number += whole.count(b"\n") + 1
        if rest:
            yield number, rest

    def digest(self) -> str:
        """Return the SHA-256 of the file as it is stored, in hexadecimal digits.

        Raises
        ------
        DataError
            The file is missing or may not be read.
        """
        found = hashlib.sha256()
        with self._raw() as file:
            while block := file.read(BLOCK):
                found.update(block)
        return found.hexdigest()

    @contextmanager
    def stored(self) -> Iterator[IO[bytes]]:
        """Open the file as it is stored, packed or not.

        Raises
        ------
        DataError
            The file is missing or may not be read.
        """
        with self._raw() as file:
            yield file

    @contextmanager
    def _raw(self) -> Iterator[IO[bytes]]:
        try:
            opened = fsspec.open(self.url, "rb").open()
        except FileNotFoundError:
            raise DataError(f"{self.url}: no such file: check the path") from None
        except IsADirectoryError:
            raise DataError(f"{self.url}: is a folder: name a file in it") from None
        except PermissionError:
            raise DataError(f"{self.url}: may not be read: change its permissions") from None
        except (ValueError, ImportError) as error:
            raise DataError(f"{self.url}: cannot be opened: {str(error).splitlines()[0]}") from None
        with opened as file:
            yield file

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        with self._raw() as file:
            packing = _packing(file)
            try:
                source = self._unpacked(file, packing)
            except _DAMAGED as error:
                raise self._damaged(error, 0) from None
            try:
                yield source
            finally:
                source.close()

    def _unpacked(self, file: IO[bytes], packing: str) -> Any:
        if packing == "gzip":
            return gzip.GzipFile(fileobj=file)
        if packing == "bz2":
            return bz2.BZ2File(file)
        if packing == "zstd":
            return pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd")
        if packing == "zip":
            return zipfile.ZipFile(file).open(self._entry(file))
        return file

    def _entry(self, file: IO[bytes]) -> str:
        with zipfile.ZipFile(file) as archive:
            names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
        file.seek(0)
        if self.member:
            if self.member not in names:
                raise DataError(
                    f"{self.name}: holds no {self.member}; it holds {', '.join(names[:5]) or 'nothing'}"
                )
            return self.member
        if len(names) != 1:
            raise DataError(
                f"{self.name}: holds {len(names)} files ({', '.join(names[:5])}): name one of them"
            )
        return names[0]

    def _read(self, source: IO[bytes], size: int, done: int) -> bytes:
        try:
            return source.read(size)
        except _DAMAGED as error:
            raise self._damaged(error, done) from None

    def _packed_size(self) -> int:
        with self._raw() as file:
            if _packing(file) == "":
                return 0
            file.seek(0, 2)
            return file.tell()

    def _damaged(self, error: Exception, done: int) -> DataError:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        return DataError(
            f"{self.name}: is damaged or half written after {done} unpacked bytes ({reason}): fetch it again"
        )


def _packing(file: IO[bytes]) -> str:
    head = file.read(4)
    file.seek(0)
    return next((name for magic, name in _MAGIC if head.startswith(magic)), "")
