"""Keeping a desk's journal in a database that the user names, in a schema of its own."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.schema import CreateSchema

from pipeline.domain.errors import JournalError, SettingsError
from pipeline.domain.public_url import SecretError, public_url
from pipeline.live.journal_place import ADVISORY, JOURNAL, engine_of, named_in, reason_of, told_place, url_of
from pipeline.live.journal_schema import METADATA

VARIABLE: Final = "HEDGE_JOURNAL_URL"


def told_server(told: str | None) -> URL | None:
    """Return the database that the user names for journals; None where none is.

    Parameters
    ----------
    told : what `HEDGE_JOURNAL_URL` says.

    Raises
    ------
    SettingsError
        It is not PostgreSQL's, or holds a secret; the message does not repeat it.

    Examples
    --------
    >>> told_server("postgresql://hedge@db.example/desks").host, told_server("")
    ('db.example', None)
    >>> told_server("postgresql://hedge:pass/word@db.example/desks")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    pipeline.domain.errors.SettingsError: HEDGE_JOURNAL_URL holds a secret, ...
    """
    if not told:
        return None
    try:
        url = make_url(public_url(told))
        secret = url.password is not None
    except SecretError:
        secret = True
    except (ArgumentError, ValueError):
        raise SettingsError(f"{VARIABLE}: no URL: give postgresql://USER@HOST/DATABASE") from None
    if secret:
        raise SettingsError(
            f"{VARIABLE} holds a secret, and is kept beside the journal: leave it out, and give the password "
            "as PostgreSQL's own clients take it: in ~/.pgpass, of mode 600, or in PGPASSWORD"
        )
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise SettingsError(f"{VARIABLE}: not PostgreSQL: give postgresql://USER@HOST/DATABASE")
    return url.set(drivername="postgresql+psycopg")


def schema_of(desk: str, lived: str) -> str:
    """Return the schema of a desk's journal: readable, and of no other desk or feed.

    Parameters
    ----------
    desk : its name.
    lived : what is lived, as its folder is called.

    Examples
    --------
    >>> schema_of("bac-intraday", "replay-2013-10-11")
    'hedge_bac_intraday_replay_2013_10_11_3615fd51c429'
    """
    told = f"{desk}/{lived}"
    plain = re.sub(r"[^a-z0-9]+", "_", told.lower())
    return f"hedge_{plain[:40]}_{sha256(told.encode()).hexdigest()[:12]}"


def keep_in(server: URL | None, desk: str, folder: Path, *, anew: bool) -> None:
    """Have a desk's journal kept in a schema of its own of the database that the user names.

    Parameters
    ----------
    server : see `told_server`; None changes nothing.
    desk : its name.
    folder : of what it lives; the journal there, where there is one already, stays where it is.
    anew : a journal that is in the schema is removed.

    Raises
    ------
    SettingsError
        The journal is kept elsewhere by now.
    JournalError
        The database does not answer, or refuses.
    """
    if server is None:
        return
    journal, schema = folder / JOURNAL, schema_of(desk, folder.name)
    options = f"{server.query.get('options', '')} -csearch_path={schema}".strip()
    url = server.set(query={**server.query, "options": options})
    named = named_in(journal)
    if journal.exists() or (named.exists() and url_of(journal) != url):
        moved = f", or mend {named} where the database has moved" if named.exists() else ""
        raise SettingsError(
            f"{VARIABLE}: the journal is kept in {told_place(journal)} by now: unset the variable to go on "
            f"with it{moved}"
        )
    if not named.exists():
        _have_schema(url, schema, anew)
        folder.mkdir(parents=True, exist_ok=True)
        building = named.with_name(f".{named.name}.{os.getpid()}")
        building.write_text(f"{url.render_as_string(hide_password=False)}\n", encoding="utf-8")
        building.replace(named)


def forget(journal: Path) -> None:
    """Remove the tables of a journal that is kept in a database, with all rows; its schema stays.

    Raises
    ------
    JournalError
        Another process writes it, somebody else's views need its tables, or the database does not answer.
    """
    if named_in(journal).exists():
        with _connected(url := url_of(journal)) as connection:
            _emptied(connection, url)


def _have_schema(url: URL, schema: str, anew: bool) -> None:
    with _connected(url) as connection:
        if schema not in inspect(connection).get_schema_names():
            connection.execute(CreateSchema(schema))
        elif anew:
            _emptied(connection, url)


def _emptied(connection: Connection, url: URL) -> None:
    if connection.scalar(text("SELECT current_schema()")) is None:
        return
    if not connection.scalar(text(ADVISORY)):
        raise JournalError(f"journal {url}: another process writes it: stop that first")
    METADATA.drop_all(connection)


@contextmanager
def _connected(url: URL) -> Iterator[Connection]:
    try:
        with engine_of(url).begin() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise JournalError(f"journal {url}: cannot be made: {reason_of(error)}") from None
