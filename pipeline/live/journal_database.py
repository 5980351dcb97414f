"""The database under a journal: opened by one writer, checked, and added to one row at a time."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, TypeVar

from sqlalchemy import (
    Connection,
    Engine,
    NullPool,
    Table,
    create_engine,
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

T = TypeVar("T")
Row = Sequence[object]
ADVISORY = "SELECT pg_try_advisory_lock(hashtext('hedge journal ' || current_schema()))"


class JournalDatabase:
    """SQLite by path, or a database by SQLAlchemy URL; see `journal.Journal`, which says what is in it.

    Parameters
    ----------
    where : a path or a URL.
    writing : whether this process adds rows; others may read meanwhile.
    full : SQLite waits for the disk at every row.

    Raises
    ------
    JournalError
        The database does not answer, is damaged, or another process writes it. So do all methods.
    """

    def __init__(self, where: Path | str, *, writing: bool, full: bool) -> None:
        told = str(where)
        url = make_url(told if "://" in told else f"sqlite:///{told}")
        self.name = f"journal {url.render_as_string(hide_password=True) if '://' in told else told}"
        self.writing, self._full = writing, full
        self._lock: IO[str] | None = None
        self._writer: Any = None
        self._cursor: Any = None
        try:
            self._engine: Engine = create_engine(url, poolclass=NullPool)
        except (SQLAlchemyError, ImportError) as error:
            raise self.fault("cannot be opened", error) from None
        self._lite = self._engine.dialect.name == "sqlite"
        self._begins = "BEGIN IMMEDIATE" if self._lite else "BEGIN"
        self._errors = (SQLAlchemyError, self._engine.dialect.loaded_dbapi.Error, OSError)
        try:
            self._open(Path((url.database or "").removeprefix("file:")))
        except BaseException:
            self.close()
            raise

    def adder(self, table: Table) -> "Adder":
        """Return what adds a row to a table."""
        names = [column.name for column in table.columns]
        compiled = insert(table).compile(dialect=self._engine.dialect, column_keys=names)
        seq = self.ask(lambda connection: connection.scalar(select(func.max(table.c.seq)))) or 0
        return Adder(self.execute, str(compiled), None if compiled.positional else names, seq)

    def execute(self, statement: str, values: Any = ()) -> None:
        """Change the database; outside a transaction of `together` this is one of its own."""
        if self._cursor is None:
            raise JournalError(f"{self.name}: it was opened to be read")
        try:
            self._cursor.execute(statement, values)
        except self._errors as error:
            raise self.fault("cannot be written", error) from None

    def together(self, rows: Sequence[tuple["Adder", Row]]) -> None:
        """Add several rows as one transaction, each to a table of its own."""
        before = [add.seq for add, _ in rows]
        self.execute(self._begins)
        try:
            for add, row in rows:
                add(row)
            self.execute("COMMIT")
        except BaseException:
            with suppress(*self._errors):  # a full disk has ended the transaction already
                self._cursor.execute("ROLLBACK")
            for (add, _), seq in zip(rows, before, strict=True):
                add.seq = seq
            raise

    def rows(self, table: Table, after: int) -> list[Any]:
        """Return the rows of a table as they were written, without `seq` and without the first so many."""
        columns = [column for column in table.columns if column.name != "seq"]
        later = select(*columns).where(table.c.seq > after).order_by(table.c.seq)
        return self.ask(lambda connection: list(connection.execute(later)))

    def ask(self, question: Callable[[Connection], T]) -> T:
        """Return the answer to a question that is a transaction of its own."""
        try:
            with self._engine.begin() as connection:
                return question(connection)
        except self._errors as error:
            raise self.fault("cannot be read", error) from None

    def checkpoint(self) -> int:
        """Fold SQLite's log into its file; return the pages that are left in it, always 0 elsewhere."""
        if not self._lite:
            return 0
        try:
            connection = self._engine.raw_connection()
            try:
                _, pages, moved = connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            finally:
                connection.close()
        except self._errors as error:
            raise self.fault("its log cannot be folded in", error) from None
        return int(pages - moved)

    def close(self) -> None:
        """Let go of the database and of its lock."""
        if self._writer is not None:
            self._writer.close()
        self._engine.dispose()
        if self._lock is not None:
            self._lock.close()

    def fault(self, what: str, error: BaseException) -> JournalError:
        """Return the one line that says what failed, and the database's own reason."""
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        return JournalError(f"{self.name}: {what}: {reason}")

    def _open(self, path: Path) -> None:
        if self._lite and not self.writing and not path.is_file():
            raise JournalError(f"{self.name}: no such file")
        if self._lite:
            event.listen(self._engine, "connect", self._set_up)
            event.listen(self._engine, "begin", self._begin)
        try:
            if self.writing and self._lite:
                lock = path.with_name(f"{path.name}.lock")
                self._lock = taken_lock(lock)
                self._refuse(self._lock is None, lambda: f"process {lock.read_text().strip()}")
            if self.writing:
                lent = self._engine.raw_connection()
                self._writer = lent.driver_connection
                lent.detach()
                self._cursor = self._writer.cursor()
            if self.writing and not self._lite:
                self._writer.autocommit = True
                self._cursor.execute(ADVISORY)
                self._refuse(not self._cursor.fetchone()[0], lambda: "another process")
            found = self.ask(_damage) if self._lite else "ok"
        except self._errors as error:
            raise self.fault("cannot be opened", error) from None
        if found != "ok":
            raise JournalError(
                f"{self.name}: damaged ({found}): move it away and start a new one, which is reconciled "
                "with the gateway"
            )

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


class Adder:
    """Adds rows to one table, in the order of the columns but `seq`; the values are always parameters.

    Parameters
    ----------
    execute : runs a statement.
    statement : SQL.
    names : of the columns where the statement names its parameters; None where they have places.
    seq : of the last row there is.
    """

    def __init__(
        self, execute: Callable[[str, Any], None], statement: str, names: list[str] | None, seq: int
    ) -> None:
        self._execute, self._statement, self._names = execute, statement, names
        self.seq = seq

    def __call__(self, row: Row) -> None:
        """Add a row."""
        whole = (self.seq + 1, *row)
        values = whole if self._names is None else dict(zip(self._names, whole, strict=True))
        self._execute(self._statement, values)
        self.seq += 1


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
