"""A table of a database as text, row by row, as a file is read before anything is believed of it."""

import hashlib

from pipeline.domain.errors import DataError
from pipeline.ingest.raw_table import RawTable, raw_rows, written
from pipeline.ingest.sql_rows import sql_rows

AT_ONCE = 1000
"""Rows that are fetched together."""


def read_sql(url: str, table: str, expected: str | None = None) -> RawTable:
    """Read a whole table; a row's number is its place in the database's own order, the first being 1.

    Parameters
    ----------
    url, table : SQLAlchemy URL, and the table's name.
    expected : `sql_hash` that it must have; None takes any.

    Raises
    ------
    DataError
        The database does not answer, has no such table, or the table is empty or was changed after hashing.
    """
    raw = _read(url, table)
    if expected is not None and _digest(raw) != expected:
        raise DataError(f"table {table}: changed while the run was starting: run again")
    return raw


def sql_hash(url: str, table: str) -> str:
    """Return the SHA-256 of what a table holds, in hexadecimal digits; the order of its rows counts.

    Raises
    ------
    DataError
        As `read_sql`.
    """
    return _digest(_read(url, table))


def _read(url: str, table: str) -> RawTable:
    found = [row for part in sql_rows(url, table, AT_ONCE) for row in part]
    if not found:
        raise DataError(f"table {table}: has no rows: name the table that holds them")
    header = list(found[0])
    rows = [[written(row[name]) for name in header] for row in found]
    texts = [",".join(row) for row in rows]
    return raw_rows(f"table {table}", header, rows, range(1, len(rows) + 1), texts)


def _digest(raw: RawTable) -> str:
    return hashlib.sha256("\n".join((",".join(raw.header), *raw.text)).encode()).hexdigest()
