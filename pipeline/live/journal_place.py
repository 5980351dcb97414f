"""Where the journal of a desk's folder is kept: in a file there, or in a database that a file there names."""

from pathlib import Path
from typing import Final

from sqlalchemy import URL, Engine, NullPool, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from pipeline.domain.errors import JournalError

JOURNAL: Final = "journal.db"
NAMED: Final = "-url"
"""What the name of a journal has more in that of the file which names its database."""
ADVISORY: Final = "SELECT pg_try_advisory_lock(hashtext('hedge journal ' || coalesce(current_schema(), '')))"
"""Takes the lock of the one session that writes a schema."""
PATIENCE: Final = {"connect_timeout": "10", "tcp_user_timeout": "10000"}
"""Seconds, and ms, after which a server that says nothing is lost: a desk that waits does not cancel."""


def journals_of(folder: Path) -> list[Path]:
    """Return the journals in the folders of a desk, as `journal.Journal` takes them."""
    names = (JOURNAL, f"{JOURNAL}{NAMED}")
    return sorted({each.with_name(JOURNAL) for name in names for each in folder.glob(f"*/{name}")})


def url_of(journal: Path) -> URL:
    """Return the URL of the database in which a journal is kept: SQLite, unless a file beside it names one.

    Raises
    ------
    JournalError
        That file cannot be read.
    """
    named = named_in(journal)
    if not named.exists():
        return URL.create("sqlite", database=str(journal))
    try:
        return make_url(named.read_text(encoding="utf-8").strip())
    except (ArgumentError, OSError, ValueError):
        raise JournalError(f"{named}: not the URL of a database, of which it is one line") from None


def told_place(journal: Path) -> str:
    """Return where a journal is kept, as people are told it."""
    return str(url_of(journal)) if named_in(journal).exists() else str(journal)


def engine_of(url: URL) -> Engine:
    """Return what connects to a database, once for each question.

    Raises
    ------
    JournalError
        Its driver is not installed, or there is none.
    """
    patience = PATIENCE if url.get_backend_name() == "postgresql" else {}
    given = {name: value for name, value in patience.items() if name not in url.query}
    try:
        return create_engine(url, poolclass=NullPool, connect_args=given)
    except ImportError as error:
        raise JournalError(
            f"journal {url}: {error}: PostgreSQL needs an extra: pip install 'regime-hedge[postgres]'"
        ) from None
    except SQLAlchemyError as error:
        raise JournalError(f"journal {url}: cannot be opened: {reason_of(error)}") from None


def reason_of(error: BaseException) -> str:
    """Return the database's own reason of an error, as one line."""
    told = (getattr(error, name, None) for name in ("orig", "strerror"))
    return str(next(filter(None, told), error)).splitlines()[0]


def named_in(journal: Path) -> Path:
    """Return the file that names the database of a journal which is kept in one."""
    return journal.with_name(f"{journal.name}{NAMED}")
