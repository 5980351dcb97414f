"""One dataset on disk: Parquet tables, other files, and a note of what they were made from."""

import hashlib
import json
import os
import warnings
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.domain.errors import StoreError

META = "meta.json"
TABLE_SUFFIX = ".parquet"
PACKING: Final = "zstd"

Output = Mapping[str, pd.DataFrame | bytes]
"""What a stage returns: tables and other files by name."""


class Dataset(Mapping[str, pd.DataFrame]):
    """The tables of one dataset by name, each read from Parquet when it is asked for.

    Attributes
    ----------
    key : name and content hash, `market-0123456789abcdef`.
    path : the folder that holds it.
    meta : what it was made from: name, inputs, parameters, code version, time, files, rows.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.key = path.name
        self.meta: dict[str, Any] = self._read_meta()

    def __getitem__(self, table: str) -> pd.DataFrame:
        if table not in self.meta["rows"]:
            raise KeyError(f"dataset {self.key} has no table {table} (it has {', '.join(self)})")
        content = self._verified(table + TABLE_SUFFIX)
        try:
            return from_parquet(content)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._damaged(table + TABLE_SUFFIX, str(error).splitlines()[0]) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.meta["rows"])

    def __len__(self) -> int:
        return len(self.meta["rows"])

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files that are not tables."""
        tables = {table + TABLE_SUFFIX for table in self}
        return tuple(file for file in self.meta["files"] if file not in tables)

    def read_bytes(self, file: str) -> bytes:
        """Return the content of a file that is not a table, `models/regime.npz`.

        Raises
        ------
        KeyError
            The dataset has no such file.
        StoreError
            The file is missing or damaged.
        """
        if file not in self.files:
            raise KeyError(
                f"dataset {self.key} has no file {file} (it has {', '.join(self.files) or 'none'})"
            )
        return self._verified(file)

    def file(self, file: str) -> Path:
        """Return the path of a file that is not a table, its content verified; errors as `read_bytes`."""
        self.read_bytes(file)
        return self.path / file

    def check(self) -> None:
        """Raise `StoreError` when a file is missing or has another size than it was written with."""
        for file, written in self.meta["files"].items():
            path = self.path / file
            if not path.is_file():
                raise self._damaged(file, "it is missing")
            if path.stat().st_size != written["bytes"]:
                raise self._damaged(file, f"it has {path.stat().st_size} bytes, not {written['bytes']}")

    def _read_meta(self) -> dict[str, Any]:
        try:
            meta: dict[str, Any] = json.loads((self.path / META).read_text(encoding="utf-8"))
            if not meta.keys() >= {"name", "inputs", "files", "rows", "created"}:
                raise self._damaged(META, "it lacks keys")
            return meta
        except FileNotFoundError:
            raise self._damaged(META, "it is missing") from None
        except ValueError as error:
            raise self._damaged(META, f"it is not JSON ({error})") from None

    def _verified(self, file: str) -> bytes:
        try:
            content = (self.path / file).read_bytes()
        except FileNotFoundError:
            raise self._damaged(file, "it is missing") from None
        if hashlib.sha256(content).hexdigest() != self.meta["files"][file]["sha256"]:
            raise self._damaged(file, "its content is not what was written")
        return content

    def _damaged(self, file: str, fault: str) -> StoreError:
        return StoreError(
            f"dataset {self.key} is damaged at {file}: {fault}; delete the folder {self.path} and run again"
        )


def write_dataset(folder: Path, identity: Mapping[str, Any], output: Output) -> None:
    """Write a dataset into a new folder and flush all of it to disk."""
    folder.mkdir()
    files: dict[str, dict[str, Any]] = {}
    rows: dict[str, int] = {}
    for name, value in output.items():
        if isinstance(value, pd.DataFrame):
            file, content = name + TABLE_SUFFIX, parquet_bytes(value)
            rows[name] = len(value)
        else:
            file, content = name, value
        _write_file(folder / _inside(file), content)
        files[file] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    created = datetime.now(UTC).isoformat()
    meta = {**identity, "created": created, "files": files, "rows": rows}
    _write_file(folder / META, (json.dumps(meta, indent=2) + "\n").encode())
    for directory in (*(path for path in folder.rglob("*") if path.is_dir()), folder):
        flush_folder(directory)


def from_parquet(content: bytes) -> pd.DataFrame:
    """Return the table that `parquet_bytes` wrote, to the last bit."""
    frame: pd.DataFrame = pq.read_table(pa.BufferReader(content)).to_pandas(self_destruct=True)
    return frame


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    """Return a table as the bytes of a Parquet file; the same table gives the same bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(arrow_table(frame), sink, compression=PACKING)
    return bytes(sink.getvalue().to_pybytes())


def arrow_table(frame: pd.DataFrame) -> pa.Table:
    """Return a table as Arrow's."""
    with warnings.catch_warnings():
        # pyarrow 25 reads tz-aware columns in a way that pandas 3.1 deprecates; the result is right.
        warnings.filterwarnings("ignore", "Series.values returning", pd.errors.Pandas4Warning)
        return pa.Table.from_pandas(frame, nthreads=1)


def _inside(file: str) -> PurePosixPath:
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts or not path.parts or file == META:
        raise ValueError(f"{file!r} is no name for a file of a dataset")
    return path


def _write_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Flush the entries of a folder to disk, so that a rename in it survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
