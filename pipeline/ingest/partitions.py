"""Partitions: Parquet by instrument and day, at any URL that fsspec knows, known by what they were made from.

A unit of work is one day of one instrument, or one file. What it gives lies in
`<name>-<recipe>/<table>/instrument=…/day=…/<unit>.parquet`, so that `pandas.read_parquet` reads a table of
all instruments and days by its folder. The recipe says how it was made (shared arguments, code), the unit
from what. A manifest, written last, says that a unit is there. Where a unit is made from other content, or a
day comes from files of other names, the new one takes the place of the old: a table holds each day once, as
it was made last.
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property, partial
from typing import IO, Any, Final

import fsspec
import pandas as pd
from fsspec.implementations.local import LocalFileSystem

from pipeline.domain.errors import StoreError
from pipeline.ingest.code_version import HEX_DIGITS, code_version
from pipeline.ingest.content import content_digest
from pipeline.ingest.dataset import Output
from pipeline.ingest.partition_file import read_rows, row_groups, write_rows
from pipeline.ingest.partition_place import MADE, Place
from pipeline.ingest.parts import Parts, tables_of
from pipeline.ingest.pieces import plain_arguments
from pipeline.ingest.time_order import RowGroup

UNFINISHED: Final = "_unfinished"
LEFTOVER: Final = timedelta(days=1)
BLOCK: Final = 1 << 20
"""Bytes that are read at once where a whole file is gone through."""


@dataclass(frozen=True)
class Call:
    """One unit of work that is not there yet: what a worker is sent. Only keys and settings are in it.

    Attributes
    ----------
    store : where it is written.
    key : under which.
    build : the function that makes it.
    version : of the code of `build` by which the key was formed.
    arguments : of `build`; tables stand in it as references to partitions.
    """

    store: "PartitionStore"
    key: str
    build: Callable[..., Output | Parts]
    version: str
    arguments: Mapping[str, Any]

    def run(self) -> str:
        """Make it, write it and return its key.

        Raises
        ------
        StoreError
            The code here is not the code by which the key was formed, or the store cannot be written.
        """
        if (here := _loaded_version(self.build)) != self.version:
            raise StoreError(
                f"{self.key}: code {here} runs here, the run was started with {self.version}: install the "
                "same version of regime-hedge and of its requirements on every worker"
            )
        self.store.write(self.key, self.build(**self.arguments))
        return self.key


@cache
def _loaded_version(build: Callable[..., Output | Parts]) -> str:
    """Return the code version of a function as this process saw it first, which is what it has loaded."""
    return code_version(build)


Runner = Callable[[Sequence[Call]], None]
"""Does calls, in any order and anywhere; returns when all are done, or raises."""


def in_turn(calls: Sequence[Call]) -> None:
    """Do calls one after another in this process."""
    for call in calls:
        call.run()


class PartitionStore:
    """Partitions below a URL; it can be sent to other machines.

    Examples
    --------
    >>> store = PartitionStore("memory://doc")
    >>> store.write("grid-1/XYZ/2020-01-02/a", {"grid/2020-01-02": pd.DataFrame({"x": [1.0]})})
    >>> store.open("grid-1/XYZ/2020-01-02/a")["grid/2020-01-02"]["x"].tolist()
    [1.0]
    >>> pd.read_parquet("memory://doc/grid-1/grid").astype(str).to_numpy().tolist()
    [['1.0', 'XYZ', '2020-01-02']]
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def __reduce__(self) -> tuple[type["PartitionStore"], tuple[str]]:
        return PartitionStore, (self.url,)

    def planned(
        self,
        name: str,
        build: Callable[..., Output | Parts],
        instrument: str,
        units: Mapping[str, Mapping[str, Any]],
        shared: Mapping[str, Any],
    ) -> list[Call]:
        """Return the units of work by label as calls, each under its key, whether it is there or not.

        The recipe is a hash of `name`, of the content of the `shared` arguments and of the code version of
        `build`; the unit is a hash of the content of its own arguments (`content.content_digest`).
        """
        version = code_version(build)
        made_how = f"{name}\0{content_digest(shared)}\0{version}"
        recipe = f"{name}-{hashlib.sha256(made_how.encode()).hexdigest()[:HEX_DIGITS]}"
        return [
            Call(
                self,
                Place(recipe, instrument, label, content_digest(own)[:HEX_DIGITS]).key,
                build,
                version,
                plain_arguments({**shared, **own}),
            )
            for label, own in units.items()
        ]

    def missing(self, keys: Iterable[str]) -> set[str]:
        """Return which of the keys are not there, whole and in the size in which they were written."""
        wanted = {key: Place.of(key) for key in keys}
        if not wanted:
            return set()
        self._files.invalidate_cache()
        folders = {place.slot.rpartition("/")[0] for place in wanted.values()}
        sizes = self._sizes(folders)
        paths = [place.manifest for place in wanted.values() if place.manifest in sizes]
        manifests = {path: json.loads(content) for path, content in self._read_all(paths).items()}
        sizes |= self._sizes(
            {file.rsplit("/", 2)[0] for each in manifests.values() for file in each["files"]}
        )
        whole = {
            path
            for path, each in manifests.items()
            if all(sizes.get(file) == written["bytes"] for file, written in each["files"].items())
        }
        return {key for key, place in wanted.items() if place.manifest not in whole}

    def open(self, key: str) -> "Partition":
        """Return what is kept under a key.

        Raises
        ------
        StoreError
            It is not there.
        """
        try:
            content = self._files.cat_file(self._at(Place.of(key).manifest))
        except FileNotFoundError:
            raise StoreError(
                f"partition {key} is not in {self.url}: it was deleted, or made anew from other files, while "
                "this ran; run again"
            ) from None
        return Partition(self, key, json.loads(content))

    def write(self, key: str, output: Output | Parts) -> None:
        """Write what a unit of work gave: tables `<table>/<day>` by day, others beside the manifest.

        Nothing is written before all is there: rows that come in parts wait in a file without a name. Every
        file appears whole: it is written under another name and renamed. Then the manifest is written, and
        what was made before of the same unit from other content is removed.

        Raises
        ------
        StoreError
            The store cannot be written.
        """
        place = Place.of(key)
        files: dict[str, dict[str, Any]] = {}
        for name, parts in tables_of(output, self._waiting_room()):
            with self._fresh(place.file(name)) as file:
                files[place.file(name)] = {"name": name, **write_rows(file, parts, place.told(name))}
        with self._fresh(place.manifest) as file:
            file.write(json.dumps({"files": files}, sort_keys=True).encode())
        self._remove_older(place)

    def remove_replaced(self, newest: Iterable["Partition"]) -> None:
        """Remove all other units that have rows of a day, in a table, of which the newest units have rows.

        Such are left by files that were renamed, merged or split since.
        """
        kept = {file for each in newest for file in each.files if MADE not in file.split("/")}
        days = {file.rpartition("/")[0] for file in kept}
        self._files.invalidate_cache()
        tables = {day.rpartition("/")[0] for day in days}
        found = {file for file in self._sizes(tables) if file.rpartition("/")[0] in days}
        for file in sorted(found - kept):
            recipe, _, instrument, _, name = file.split("/")
            slots = f"{recipe}/{MADE}/{instrument.removeprefix('instrument=')}"
            unit = f"{name.removesuffix('.parquet')}.json"
            for path in self._sizes([slots]):
                if path.rpartition("/")[2] == unit:
                    self._remove(path)
            self._remove_file(file)  # of a unit without a manifest

    def sweep(self) -> None:
        """Remove what killed processes left half written, once it is older than a day."""
        folder, oldest = self._at(UNFINISHED), datetime.now(UTC) - LEFTOVER
        if self._files.isdir(folder):
            for path in self._files.ls(folder, detail=False):
                modified = self._files.modified(path)
                if modified.replace(tzinfo=modified.tzinfo or UTC) < oldest:
                    self._files.rm_file(path)

    def read(self, file: str) -> bytes:
        """Return the content of a file below the store."""
        content: bytes = self._files.cat_file(self._at(file))
        return content

    def opened(self, file: str) -> IO[bytes]:
        """Open a file below the store to read it."""
        handle: IO[bytes] = self._files.open(self._at(file), "rb")
        return handle

    @cached_property
    def _filesystem(self) -> tuple[Any, str]:
        try:
            files, root = fsspec.core.url_to_fs(self.url)
        except (ValueError, ImportError) as error:
            raise StoreError(f"store {self.url}: {str(error).splitlines()[0]}") from None
        return files, str(root).rstrip("/")

    @property
    def _files(self) -> Any:
        return self._filesystem[0]

    def _at(self, path: str) -> str:
        return f"{self._filesystem[1]}/{path}"

    def _below(self, path: str) -> str:
        return path.removeprefix(self._filesystem[1]).lstrip("/")

    def _sizes(self, folders: Iterable[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for folder in sorted(folders):
            listed = self._files.find(self._at(folder), detail=True)
            found |= {self._below(path): info["size"] for path, info in listed.items()}
        return found

    def _read_all(self, paths: Sequence[str]) -> dict[str, bytes]:
        if not paths:
            return {}
        found = self._files.cat([self._at(path) for path in paths])
        return {self._below(path): content for path, content in found.items()}

    def _waiting_room(self) -> str | None:
        """Return the folder for rows that wait: a store on this machine has room for them; None elsewhere."""
        if not isinstance(self._files, LocalFileSystem):
            return None
        with self._written():
            self._files.makedirs(self._at(UNFINISHED), exist_ok=True)
        return self._at(UNFINISHED)

    @contextmanager
    def _fresh(self, path: str) -> Iterator[IO[bytes]]:
        """Open a file to be written that appears when it is whole, or not at all."""
        fresh, final = self._at(f"{UNFINISHED}/{uuid.uuid4().hex}"), self._at(path)
        with self._written():
            try:
                self._files.makedirs(self._at(UNFINISHED), exist_ok=True)
                with self._files.open(fresh, "wb") as file:
                    yield file
                self._files.makedirs(final.rpartition("/")[0], exist_ok=True)
                self._files.mv(fresh, final)
            except BaseException:
                with suppress(OSError):
                    self._files.rm_file(fresh)
                raise

    @contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or (str(error).splitlines() or [type(error).__name__])[0]
            raise StoreError(
                f"store {self.url} cannot be written ({reason}): look at its permissions and its space"
            ) from None

    def _remove_older(self, place: Place) -> None:
        self._files.invalidate_cache()
        listed = (self._below(path) for path in self._files.ls(self._at(place.slot), detail=False))
        for path in listed:
            if path.endswith(".json") and path != place.manifest:
                self._remove(path)

    def _remove(self, manifest: str) -> None:
        """Remove a unit: the manifest first, so that it is not taken for whole."""
        try:
            files = json.loads(self.read(manifest))["files"]
        except FileNotFoundError:  # another process removes it
            return
        for file in (manifest, *files):
            self._remove_file(file)

    def _remove_file(self, file: str) -> None:
        with suppress(FileNotFoundError):
            self._files.rm_file(self._at(file))


class Partition:
    """What one unit of work gave; each table is read and verified when it is asked for."""

    def __init__(self, store: PartitionStore, key: str, manifest: Mapping[str, Any]) -> None:
        self.key, self._store = key, store
        self._names = {each["name"]: (file, each) for file, each in manifest["files"].items()}

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __getitem__(self, table: str) -> pd.DataFrame:
        file, written = self._names[table]
        try:
            content = self._store.read(file)
        except FileNotFoundError:
            raise self._damaged(file, "it is missing") from None
        if hashlib.sha256(content).hexdigest() != written["sha256"]:
            raise self._damaged(file, "its content is not what was written")
        return read_rows(content, Place.of(self.key).told(table), written["dropped"])

    def groups(self, table: str) -> list[RowGroup]:
        """Return the groups of rows of a table, of which one at a time is read, once all were verified.

        Columns that the folders of the file tell are left out.
        """
        file, written = self._names[table]
        opened, found = partial(self._store.opened, file), hashlib.sha256()
        try:
            with opened() as content:
                for block in iter(partial(content.read, BLOCK), b""):
                    found.update(block)
        except FileNotFoundError:
            raise self._damaged(file, "it is missing") from None
        if found.hexdigest() != written["sha256"]:
            raise self._damaged(file, "its content is not what was written")
        return row_groups(opened)

    @property
    def files(self) -> list[str]:
        """Paths of its tables below the store."""
        return [file for file, _ in self._names.values()]

    @property
    def hashes(self) -> dict[str, str]:
        """SHA-256 of each file by the name of its table."""
        return {name: each["sha256"] for name, (_, each) in self._names.items()}

    @property
    def rows(self) -> dict[str, int]:
        """Rows of each table by its name."""
        return {name: each["rows"] for name, (_, each) in self._names.items()}

    def read_bytes(self, file: str) -> bytes:
        """Raise: a partition holds tables only."""
        raise KeyError(f"partition {self.key} has no file {file}")

    def _damaged(self, file: str, fault: str) -> StoreError:
        return StoreError(
            f"partition {self.key} is damaged at {file}: {fault}; delete that file in {self._store.url} and "
            "run again"
        )
