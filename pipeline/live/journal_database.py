"""The database under a journal: opened by one writer, checked, and added to one record at a time."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from threading import Lock
from typing import IO, Any, Final, TypeVar

import orjson
from sqlalchemy import (
    Connection,
    Engine,
    Table,
    event,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from pipeline.domain.errors import JournalError
from pipeline.ingest.file_lock import taken_lock
from pipeline.live import journal_schema as schema
from pipeline.live.grounds import Grounds, line_of, order_of
from pipeline.live.journal_place import ADVISORY, engine_of, reason_of, told_place, url_of
from pipeline.live.write_ahead import RESERVE, DamagedError, WriteAheadLog, ahead_of, records

T = TypeVar("T")
Row = Sequence[object]
Record = Mapping[str, Sequence[Any]]
"""Rows by the name of their table, one of each: there together or not at all."""
_ROWS: Final = Struct("<xqq")
"""Before grounds in the log: a zero, and the `seq` of intent and audit."""
NONE: Final = 0
"""In the place of an intent's where a decision has no order."""
_TURNS: Final = str(schema.RISK.name)
"""Table of the risk state, whose turns are written into a full log too."""


class JournalDatabase:
    """SQLite by path, or a database by SQLAlchemy URL; see `journal.Journal`, which says what is in it.

    What is added to SQLite goes into a log ahead of it, which `checkpoint` folds in; what is read is both.

    Parameters
    ----------
    where : a path or a URL.
    writing : whether this process adds rows; others may read meanwhile.
    full : SQLite and its log wait for the disk at every record.

    Raises
    ------
    JournalError
        The database does not answer, is damaged, or another process writes it. So do all methods.
    """

    def __init__(self, where: Path | str, *, writing: bool, full: bool) -> None:
        named = "://" in str(where)
        url = make_url(str(where)) if named else url_of(Path(where))
        self.name = f"journal {url if named else told_place(Path(where))}"
        self.writing, self._full = writing, full
        self._lock: IO[str] | None = None
        self._folding = Lock()
        self._log: WriteAheadLog | None = None
        self._session: _Session | None = None
        self._keep: Callable[[Record], None]
        self._ends: dict[Table, _End] = {}
        self._engine: Engine = engine_of(url)
        self._lite = self._engine.dialect.name == "sqlite"
        self._place = Path((url.database or "").removeprefix("file:") if named else where)
        self._locked = self._lite or not named
        driver = self._engine.dialect.loaded_dbapi.Error
        self._errors = (SQLAlchemyError, driver, OSError, TypeError, DamagedError)
        try:
            self._open(self._place)
        except BaseException:
            self.close()
            raise

    def begin(self, tables: Sequence[Table]) -> None:
        """Have tables ready to be added to; what a log was ahead of the database is in it then."""
        if self._session is not None:
            self._keep = self._session.inserter(tables, self._engine)
        else:
            log = self._log = self._tried("cannot be opened", lambda: WriteAheadLog(self._place, self._full))
            self._keep = lambda record: log.append(_as_json(record), 0 if _TURNS in record else RESERVE)
            self.checkpoint()
        ends = self._ends = self.ask(lambda connection: {table: _end(connection, table) for table in tables})
        self._decided = ends[schema.INTENTS], ends[schema.AUDIT]

    def add(self, *rows: tuple[Table, Row]) -> None:
        """Add rows, each to a table of its own, all or none; a key is the first column of its table."""
        if not self.writing:
            raise JournalError(f"{self.name}: it was opened to be read")
        record = {}
        for table, row in rows:
            end = self._ends[table]
            if end.keyed and row[0] in end.keys:
                raise JournalError(f"{self.name}: {end.name} is append-only: it has {row[0]} already")
            record[end.name] = (end.seq + 1, *row)
        try:
            self._keep(record)
        except self._errors as error:
            raise self.fault("cannot be written", error) from None
        for table, row in rows:
            end = self._ends[table]
            end.seq += 1
            if end.keyed:
                end.keys.add(row[0])

    def decide(self, order_id: str, grounds: Grounds) -> None:
        """Add the order of a decision and its line of the audit, all or none; without an id no order."""
        if self._log is None:
            order = [(schema.INTENTS, order_of(grounds))] if order_id else []
            self.add(*order, (schema.AUDIT, line_of(grounds)))
            return
        intents, audit = self._decided
        if order_id in intents.keys:
            raise JournalError(f"{self.name}: {intents.name} is append-only: it has {order_id} already")
        try:
            self._log.append(_ROWS.pack(intents.seq + 1 if order_id else NONE, audit.seq + 1) + grounds)
        except self._errors as error:
            raise self.fault("cannot be written", error) from None
        audit.seq += 1
        if order_id:
            intents.keys.add(order_id)
            intents.seq += 1

    def rows(self, table: Table, after: int) -> list[Any]:
        """Return the rows of a table as they were written, without `seq` and without the first so many."""
        ahead = self._tried("cannot be read", lambda: self._ahead_of(table))
        later = select(table).where(table.c.seq > after).order_by(table.c.seq)
        found = self.ask(lambda connection: list(connection.execute(later)))
        last = found[-1].seq if found else after
        return [row[1:] for row in (*found, *(row for row in ahead if row[0] > last))]

    def ask(self, question: Callable[[Connection], T]) -> T:
        """Return the answer to a question that is a transaction of its own."""
        return self._tried("cannot be read", lambda: self._within(question))

    def checkpoint(self) -> int:
        """Fold what is ahead of SQLite into its file; return the pages that are left, always 0 elsewhere."""
        if self._log is None:
            return 0
        with self._folding:
            return self._tried("its log cannot be folded in", self._fold)

    def close(self) -> None:
        """Let go of the database and of its lock, with nothing ahead of it.

        Raises
        ------
        JournalError
            The log cannot be folded in: it stays, and will be when the journal is opened again.
        """
        try:
            self.checkpoint()
        finally:
            for each in (self._log, self._session, self._lock):
                if each is not None:
                    each.close()
            self._log = None
            self._engine.dispose()

    def fault(self, what: str, error: BaseException) -> JournalError:
        """Return the one line that says what failed, and the database's own reason."""
        return JournalError(f"{self.name}: {what}: {reason_of(error)}")

    def _open(self, path: Path) -> None:
        if self._lite and not self.writing and not path.is_file():
            raise JournalError(f"{self.name}: no such file")
        if self._lite:
            event.listen(self._engine, "connect", self._set_up)
            event.listen(self._engine, "begin", self._begin)
        try:
            if self.writing and self._locked:
                lock = path.with_name(f"{path.name}.lock")
                self._lock = taken_lock(lock)
                self._refuse(self._lock is None, lambda: f"process {lock.read_text().strip()}")
            if self.writing and not self._lite:
                self._session = _Session(self._engine)
                self._refuse(not self._session.alone(), lambda: "another process")
            found = self.ask(_damage) if self._lite else "ok"
        except self._errors as error:
            raise self.fault("cannot be opened", error) from None
        if found != "ok":
            raise JournalError(
                f"{self.name}: damaged ({found}): move it away and start a new one, which is reconciled "
                "with the gateway"
            )

    def _ahead_of(self, table: Table) -> list[Sequence[Any]]:
        """Return the rows that are not in the database yet; read first, for they may be there any moment."""
        ahead = ahead_of(self._place) if self._lite else []
        told = [_record(each) for file in ahead for each in records(file)]
        return [record[table.name] for record in told if table.name in record]

    def _fold(self) -> int:
        """Add the records of the log to the database, and only then remove them."""
        files = [] if self._log is None else self._log.turned()
        if files:
            told = [_record(each) for file in files for each in records(file)]
            self._within(lambda connection: _insert(connection, told))
        connection = self._engine.raw_connection()
        try:
            _, pages, moved = connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        finally:
            connection.close()
        for file in files:
            file.unlink()
        return int(pages - moved)

    def _within(self, work: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            return work(connection)

    def _tried(self, what: str, work: Callable[[], T]) -> T:
        try:
            return work()
        except self._errors as error:
            raise self.fault(what, error) from None

    def _set_up(self, connection: Any, _: object) -> None:
        """Let SQLite keep a log that only `checkpoint` folds in, and begin transactions only when told."""
        connection.isolation_level = None
        if not self.writing:
            connection.execute("PRAGMA query_only=1")
            return
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={'FULL' if self._full else 'NORMAL'}")
        connection.execute("PRAGMA wal_autocheckpoint=0")

    def _begin(self, connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if self.writing else "BEGIN")

    def _refuse(self, taken: bool, who: Callable[[], str]) -> None:
        if taken:
            raise JournalError(
                f"{self.name}: {who()} writes it, and a journal has one writer: stop that first"
            )


class _Session:
    """The one connection by which a process writes to PostgreSQL; once lost it stays so, with its lock."""

    def __init__(self, engine: Engine) -> None:
        lent: Any = engine.raw_connection()
        self._connection = lent.driver_connection
        lent.detach()
        self._connection.autocommit = True

    def alone(self) -> bool:
        """Tell whether no other session writes, and from now on none does."""
        return bool(self._connection.execute(ADVISORY).fetchone()[0])

    def inserter(self, tables: Sequence[Table], engine: Engine) -> Callable[[Record], None]:
        """Return what adds a record to tables."""
        dialect, told = engine.dialect, {}
        for table in tables:
            names = [column.name for column in table.columns]
            bound = [column.type.bind_processor(dialect) or _as_it_is for column in table.columns]
            statement = str(insert(table).compile(dialect=dialect, column_keys=names))
            told[table.name] = statement, names, bound

        def inserted(record: Record) -> None:
            with self._connection.transaction() if len(record) > 1 else nullcontext():
                for name, row in record.items():
                    statement, names, bound = told[name]
                    values = [bind(value) for bind, value in zip(bound, row, strict=True)]
                    self._connection.execute(statement, dict(zip(names, values, strict=True)))

        return inserted

    def close(self) -> None:
        """End it."""
        self._connection.close()


def _as_it_is(value: T) -> T:
    return value


@dataclass(slots=True)
class _End:
    """How far a table is written: `seq` of its last row, and the keys that it has; without a key none."""

    name: str
    keyed: bool
    seq: int
    keys: set[object]


def _end(connection: Connection, table: Table) -> _End:
    keyed = not table.c.seq.primary_key
    keys = connection.scalars(select(*table.primary_key)).all() if keyed else ()
    return _End(str(table.name), keyed, _last(connection, table), set(keys))


def _as_json(record: Record) -> bytes:
    return orjson.dumps(record, option=orjson.OPT_SERIALIZE_NUMPY)


def _record(told: bytes) -> Record:
    """Return the rows that bytes of the log tell: JSON, or the grounds of a decision."""
    if told.startswith(b"{"):
        record: Record = orjson.loads(told)
        return record
    (intent, line), given = _ROWS.unpack_from(told), told[_ROWS.size :]
    explained = {schema.AUDIT.name: (line, *line_of(given))}
    return explained if intent == NONE else {schema.INTENTS.name: (intent, *order_of(given)), **explained}


def _insert(connection: Connection, told: Sequence[Record]) -> None:
    """Add the rows of records that a table does not have yet, which go on from those that it has.

    Raises
    ------
    DamagedError
        They do not.
    """
    for name in dict.fromkeys(name for record in told for name in record):
        table = schema.METADATA.tables[name]
        last, columns = _last(connection, table), [column.name for column in table.columns]
        rows = [record[name] for record in told if name in record and record[name][0] > last]
        if rows and rows[0][0] != last + 1:
            raise DamagedError(
                f"the log begins with {name} {rows[0][0]} where the database holds {last}: it is another "
                "journal's, or a file of it is missing: put them together, or move it away with the journal"
            )
        if rows:
            connection.execute(insert(table), [dict(zip(columns, row, strict=True)) for row in rows])


def _last(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.max(table.c.seq))) or 0


def _damage(connection: Connection) -> str:
    """Return what SQLite finds wrong with the file, or "ok"; one that cannot be written raises its error."""
    if not connection.scalar(text("PRAGMA query_only")):
        with connection.begin_nested() as tried:
            connection.execute(text("PRAGMA user_version = 1"))
            tried.rollback()
    return str(connection.scalar(text("PRAGMA quick_check(1)"))).replace("\n", " ")


def check_header(database: JournalDatabase, desk: str, now: int, first: Sequence[tuple[Table, Row]]) -> None:
    """Make the tables of a new journal, with their first rows; of an old one check whose it is.

    Raises
    ------
    JournalError
        It is another desk's or of another version, holds other tables, or is empty and only to be read.
    """

    def check(connection: Connection) -> tuple[str, int]:
        header = schema.HEADER
        tables = inspect(connection).get_table_names()
        if not tables and database.writing:
            schema.METADATA.create_all(connection)
            for table, row in ((header, (desk, schema.VERSION, now)), *first):
                names = [column.name for column in table.columns]
                connection.execute(insert(table), dict(zip(names, (1, *row), strict=True)))
        elif header.name not in tables:
            raise JournalError(f"{database.name}: holds no journal: name another place")
        found, version = connection.execute(select(header.c.desk, header.c.version)).one()
        return str(found), int(version)

    found, version = database.ask(check)
    if version != schema.VERSION:
        raise JournalError(
            f"{database.name}: of version {version}, this program writes version {schema.VERSION}: go on "
            "with the program that wrote it, or start another journal when nothing is open"
        )
    if found != desk:
        raise JournalError(f"{database.name}: of desk {found}, not of {desk}: each desk has its own")
