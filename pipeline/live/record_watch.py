"""Files of records that grow or come while a desk lives: looked at and read beside its loop."""

import logging
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from os import stat
from typing import Final, NamedTuple, Protocol

import numpy as np
import pandas as pd

from pipeline.domain.alternative_settings import RecordFile, table_of
from pipeline.features.beside import Reader
from pipeline.features.event_feature import EventRows
from pipeline.ingest.delimited import NO_END
from pipeline.ingest.equal_rows import matched, numbered
from pipeline.ingest.record_files import Kept, expanded, load_records

EVERY: Final = 3.0
"""Seconds between two looks."""
Stamp = tuple[tuple[str, int, int], ...]
Fact = tuple[str, str, bool]
"""Name, value, and whether that is a fault."""
KEPT: Final[Kept] = {}
"""Of the process that reads: what it has read."""
log = logging.getLogger(__name__)


class Read(NamedTuple):
    """What a look at the files of a kind found.

    Attributes
    ----------
    new : events that were not known before.
    gone : how many that were known the files do not tell any more.
    held : rows in quarantine.
    first : the first of them in words; empty for none.
    """

    new: EventRows
    gone: int
    held: int
    first: str


class Files(Protocol):
    """The files of one kind of records; it can be handed to another process."""

    def paths(self) -> list[str]:
        """Return those that there are now."""
        ...

    def load(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return their rows as the batch reads them, and those in quarantine: `file`, `row`, `reason`."""
        ...


@dataclass(frozen=True)
class RecordsOf(Files):
    """The files of a kind of alternative data or own records, however many of their rows are held."""

    kind: str
    files: tuple[RecordFile, ...]

    def paths(self) -> list[str]:
        """Return those that there are now."""
        return [each.file for each in expanded({self.kind: self.files})[self.kind]]

    def load(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return their rows and those in quarantine; a file that has not changed is not read again here."""
        files = [each.model_copy(update={"quarantine_limit": 1.0}) for each in self.files]
        tables = load_records({self.kind: files}, {}, KEPT)
        return tables[table_of(self.kind)], tables["quarantine"]


def read_again(files: Files, reader: Reader, known: EventRows) -> Read:
    """Read all files of a kind; return what of it is new.

    Raises
    ------
    DataError
        They cannot be read.
    """
    rows, held = files.load()
    found = reader(rows)
    held = held[held["reason"] != NO_END]  # of a file that is being written
    had, has = (pd.DataFrame(each.columns).assign(known_time=each.known_time) for each in (known, found))
    before, again = matched(*numbered(had, has, [*has.columns]))
    first = ""
    if len(held):
        row = held.iloc[0]
        first = f"row {row['row']} of {row['file']}: {row['reason']}"
    return Read(found[np.flatnonzero(~again)], int((~before).sum()), len(held), first)


@dataclass
class Source:
    """The files of one kind of records, and how they are.

    Attributes
    ----------
    kind : of records.
    table : of the feature's source.
    files, reader : what is read, and how rows become events.
    known : events so far.
    stale_after : seconds from which on the newest is old.
    why : what is wrong with the files; empty for nothing.
    held : rows in quarantine.
    """

    kind: str
    table: str
    files: Files
    reader: Reader
    known: EventRows
    stale_after: float
    why: str = ""
    held: int = 0
    stamp: Stamp | None = None
    failed: str = field(default="", repr=False)

    def fact(self, now: int) -> Fact:
        """Return how the source is, in words."""
        place = int(np.searchsorted(self.known.known_time, now, side="right"))
        newest = int(self.known.known_time[place - 1]) if place else 0
        age = (now - newest) / 1e9
        held = f", {self.held:,} in quarantine" if self.held else ""
        said = f"the newest of {len(self.known):,} is {age:,.0f} s old{held}" if newest else "none known yet"
        return (
            self.kind,
            f"{said}: {self.why}" if self.why else said,
            bool(self.why) or age > self.stale_after,
        )


class RecordWatch:
    """Looks every so often at the files of a desk's records; whatever is wrong with them ends nothing.

    A file may grow or come. What it told before and tells no more is told until the next start: rows that
    were read have been decided on. What cannot be read is said once and tried again at the next look.

    Parameters
    ----------
    sources : what is looked at.
    now : the desk's clock.
    process : opens what files are read in.
    every : seconds between two looks.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        now: Callable[[], int],
        process: Callable[[], Executor] | None = None,
        every: float = EVERY,
    ) -> None:
        self.sources, self._process, self._every = list(sources), process or another_process, every
        self._now = now
        self._executor: Executor | None = None
        self._found: queue.SimpleQueue[tuple[str, EventRows]] = queue.SimpleQueue()
        self._ended = threading.Event()

    @contextmanager
    def going(self) -> Iterator[None]:
        """Look meanwhile."""
        if not self.sources:
            yield
            return
        thread = threading.Thread(target=self._look, name="records", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            self._close()
            thread.join(self._every)

    def found(self) -> Iterator[tuple[str, EventRows]]:
        """Yield what has come since it was asked last: the table of each source, and events."""
        while not self._found.empty():
            yield self._found.get()

    def facts(self) -> list[Fact]:
        """Return how each source is."""
        return [each.fact(self._now()) for each in self.sources]

    def look(self) -> None:
        """Look once at every source."""
        for source in self.sources:
            try:
                self._read(source)
                if source.why == source.failed:
                    source.why = ""
                source.failed = ""
            except Exception as error:  # files are somebody else's
                why = (str(error) or type(error).__name__).splitlines()[0]
                if why == source.failed:  # a file that is being written may be whole at the next look
                    _say(source, why)
                source.failed = why

    def _look(self) -> None:
        while not self._ended.is_set():
            self.look()
            self._ended.wait(self._every)

    def _close(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = None

    def _again(self, source: Source) -> Read:
        """Have the files of a source read; a process that died is another's at the next look."""
        self._executor = self._executor or self._process()
        asked = (source.files, source.reader, source.known)
        try:
            return self._executor.submit(read_again, *asked).result()
        except BrokenExecutor:
            self._close()
            raise

    def _read(self, source: Source) -> None:
        stamp = _stamp(source)
        if stamp == source.stamp:
            return
        read = self._again(source)
        source.stamp = stamp
        if read.held > source.held:
            log.warning("%s: %d rows in quarantine, %s", source.kind, read.held, read.first)
        source.held = read.held
        gone = f"{read.gone} rows that were read are told no more: they count until the next start"
        _say(source, gone if read.gone else "")
        if len(read.new):
            joined = EventRows.joined([source.known, read.new])
            source.known = joined[np.argsort(joined.known_time, kind="stable")]
            self._found.put((source.table, read.new))


def another_process() -> Executor:
    """Return a process of its own: reading files would hold the loop's interpreter."""
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_deaf)


def _deaf() -> None:
    """Leave an interrupt of the terminal to the loop, which stops in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _say(source: Source, why: str) -> None:
    if why and why != source.why:
        log.warning("%s: %s", source.kind, why)
    source.why = why


def _stamp(source: Source) -> Stamp:
    """Return name, size and time of every file of a source."""
    return tuple((path, (seen := stat(path)).st_size, seen.st_mtime_ns) for path in source.files.paths())
