"""The dataset store: named, immutable sets of tables under keys that say what they were made from."""

import hashlib
import json
import logging
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel

from pipeline.domain.errors import StoreError
from pipeline.ingest.code_version import HEX_DIGITS, code_version
from pipeline.ingest.content import content_digest
from pipeline.ingest.dataset import Dataset, Output, flush_folder, write_dataset
from pipeline.ingest.file_lock import file_lock
from pipeline.ingest.partitions import PartitionStore, Runner, in_turn
from pipeline.ingest.parts import Parts
from pipeline.ingest.pieces import Piece, plain_arguments

LEFTOVER_SECONDS = 24 * 3600.0
log = logging.getLogger(__name__)

__all__ = ["Dataset", "DatasetStore", "Output", "canonical_json"]


class DatasetStore:
    """Datasets in the folders of `root`, one folder a key.

    A dataset appears whole or not at all: it is written into a hidden sibling folder, flushed to disk and
    renamed. A process may be killed at any moment, and any number of processes may derive the same key.

    Parameters
    ----------
    root : the folder.
    partitions : where units of work by instrument and day are kept; None is the folder `partitions` beside
        `root`.
    runner : does those that are missing.

    Examples
    --------
    >>> import tempfile
    >>> DatasetStore(Path(tempfile.mkdtemp())).keys()
    []
    """

    def __init__(
        self, root: Path, partitions: PartitionStore | None = None, runner: Runner = in_turn
    ) -> None:
        self.root, self.runner = root, runner
        self.partitions = partitions or PartitionStore(str(root.with_name("partitions")))
        self._versions: dict[Callable[..., Output], str] = {}

    def derive(
        self,
        name: str,
        build: Callable[..., Output],
        *,
        inputs: Mapping[str, str],
        parameters: Mapping[str, Any],
        pieces: bool = False,
        force: bool = False,
    ) -> str:
        """Return the key of the dataset `build(**inputs, **parameters)`, and make it if it is not there.

        The key is `name` and 16 hexadecimal digits of SHA-256 over the name, the input keys, the canonical
        JSON of the parameters and the code version of `build`. What `build` returns by name is written as
        Parquet (a DataFrame) or as it is (bytes; the name is the file's).

        Parameters
        ----------
        name : what the dataset is.
        build : a plain function of a module; it gets each input as a `Dataset` or a DataFrame.
        inputs : other datasets by the argument that receives them: `key` for the whole, `key/table` for one
            table of it.
        parameters : JSON-able values or pydantic models by argument.
        pieces : hand `build` the argument `pieces` too (`pieces.KeptPieces`), so that it keeps parts of its
            work here.
        force : make it even if it is there, and put the new one in the place of the old.

        Raises
        ------
        StoreError
            An input is missing, or the dataset is there and damaged.
        """
        identity = {
            "name": name,
            "inputs": dict(inputs),
            "parameters": _plain(parameters),
            "code_version": code_version(build),
        }
        key = f"{name}-{hashlib.sha256(canonical_json(identity).encode()).hexdigest()[:HEX_DIGITS]}"
        known = self._settled(key).is_dir()
        if not force and known and self._whole(key):
            return key
        loaded = {argument: self._load(source) for argument, source in inputs.items()}
        kept = _StorePieces(self, force)
        output = build(**loaded, **parameters, **({"pieces": kept} if pieces else {}))
        self._publish(key, {**identity, "partitions": sorted(kept.used)}, output, force or known)
        if asked := kept.made + kept.found:
            log.info("%s: of %d refits %d new, %d from earlier runs", name, asked, kept.made, kept.found)
        return key

    def pieces(self) -> "_StorePieces":
        """Return what opens and makes pieces of this store, outside of a stage."""
        return _StorePieces(self, force=False)

    def _whole(self, key: str) -> bool:
        """Check a dataset, and tell whether the partitions that it names are all there."""
        dataset = Dataset(self.root / key)
        dataset.check()
        return not self.partitions.missing(dataset.meta.get("partitions", ()))

    def piece(
        self, name: str, build: Callable[..., Output], *, _force: bool = False, **arguments: Any
    ) -> Dataset:
        """Return the dataset `build(**arguments)`, known by the content of the arguments: `ingest.pieces`.

        The key is `name` and 16 hexadecimal digits of SHA-256 over the name, the content of the arguments
        (`content.content_digest`) and the code version of `build`: the same rows and settings are not worked
        on twice, whatever dataset they come from.
        """
        return self._piece(name, build, arguments, _force)[0]

    def _piece(
        self, name: str, build: Callable[..., Output], arguments: dict[str, Any], force: bool
    ) -> tuple[Dataset, bool]:
        """Return a piece, and whether it was made by this call."""
        if build not in self._versions:
            self._versions[build] = code_version(build)
        parts = {argument: content_digest(value) for argument, value in arguments.items()}
        identity = {"name": name, "inputs": parts, "parameters": {}, "code_version": self._versions[build]}
        key = f"{name}-{hashlib.sha256(canonical_json(identity).encode()).hexdigest()[:HEX_DIGITS]}"
        if missing := force or not self._settled(key).is_dir():
            self._publish(key, identity, build(**plain_arguments(arguments)), force)
        dataset = Dataset(self.root / key)
        dataset.check()
        return dataset, missing

    def open(self, key: str) -> Dataset:
        """Return a dataset of the store.

        Raises
        ------
        StoreError
            The key is not in the store, or the dataset is damaged.
        """
        path = self._settled(key)
        if not path.is_dir():
            raise StoreError(f"dataset {key} is not in the store {self.root}; run the stage that makes it")
        dataset = Dataset(path)
        dataset.check()
        return dataset

    def keys(self) -> list[str]:
        """Return the keys of all datasets, sorted."""
        if not self.root.is_dir():
            return []
        return sorted(path.name for path in self.root.iterdir() if path.is_dir() and path.name[0] != ".")

    def _load(self, source: str) -> Dataset | pd.DataFrame:
        key, _, table = source.partition("/")
        return self.open(key)[table] if table else self.open(key)

    def _publish(self, key: str, identity: Mapping[str, Any], output: Output, force: bool) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        fresh = self.root / f".{key}.{uuid.uuid4().hex}.tmp"
        try:
            write_dataset(fresh, identity, output)
            with self._lock():
                self._sweep()
                self._place(fresh, key, force)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def _place(self, fresh: Path, key: str, force: bool) -> None:
        final, replaced = self.root / key, self._replaced(key)
        if final.is_dir():
            if not force:
                return
            self._discard(replaced)
            final.rename(replaced)
        fresh.rename(final)
        flush_folder(self.root)
        self._discard(replaced)

    def _discard(self, folder: Path) -> None:
        """Remove a dataset at once: renamed first, so that no half of it is ever taken for a whole."""
        if folder.is_dir():
            doomed = folder.rename(self.root / f".{uuid.uuid4().hex}.tmp")
            shutil.rmtree(doomed, ignore_errors=True)

    def _settled(self, key: str) -> Path:
        """Return the folder of a key, after bringing back the old one if its replacement was cut short."""
        final, replaced = self.root / key, self._replaced(key)
        if not final.is_dir() and replaced.is_dir():
            with self._lock():
                if not final.is_dir() and replaced.is_dir():
                    replaced.rename(final)
        return final

    def _replaced(self, key: str) -> Path:
        return self.root / f".{key}.replaced"

    def _lock(self) -> AbstractContextManager[None]:
        return file_lock(self.root / ".lock")

    def _sweep(self) -> None:
        """Remove what killed processes left over, once it is older than a day."""
        oldest = time.time() - LEFTOVER_SECONDS
        for folder in self.root.glob(".*.tmp"):
            if folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)


class _StorePieces:
    """The pieces of one stage, kept in its store."""

    def __init__(self, store: DatasetStore, force: bool) -> None:
        self._store, self._force = store, force
        self.shelf, self.used = store.partitions, set[str]()
        self.made = self.found = 0

    def __call__(self, name: str, build: Callable[..., Output], **arguments: Any) -> Dataset:
        piece, made = self._store._piece(name, build, arguments, self._force)
        self.made, self.found = self.made + made, self.found + (not made)
        return piece

    def partitions(
        self,
        name: str,
        build: Callable[..., Output | Parts],
        instrument: str,
        units: Mapping[str, Mapping[str, Any]],
        **shared: Any,
    ) -> list[Piece]:
        """Return the units of work in order; those that are missing are made by the store's runner.

        What other units left of the same days is removed.
        """
        self.shelf.sweep()
        calls = self.shelf.planned(name, build, instrument, units, shared)
        keys = [call.key for call in calls]
        missing = set(keys) if self._force else self.shelf.missing(keys)
        if missing:
            self._store.runner([call for call in calls if call.key in missing])
        self.used |= set(keys)
        made = [self.shelf.open(key) for key in keys]
        self.shelf.remove_replaced(made)
        return list(made)


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no blanks; models, dates and paths as text.

    Raises
    ------
    TypeError, ValueError
        The value cannot be written as JSON (NaN and infinity included).

    Examples
    --------
    >>> canonical_json({"b": (1, 2), "a": date(2016, 1, 1)})
    '{"a":"2016-01-01","b":[1,2]}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_jsonable)


def _jsonable(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Path):
        return value.as_posix()
    raise TypeError(f"{value!r} is a {type(value).__name__}: a dataset's parameters must be JSON-able")


def _plain(parameters: Mapping[str, Any]) -> Any:
    return json.loads(canonical_json(dict(parameters)))
