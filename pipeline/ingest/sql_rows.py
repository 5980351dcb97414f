"""Rows of a database's table, a bounded number at a time."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, Table, create_engine, select, type_coerce
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, NoSuchTableError, SQLAlchemyError
from sqlalchemy.types import NullType

from pipeline.domain.errors import DataError


def is_sql(url: str) -> bool:
    """Tell whether a URL names a database that SQLAlchemy knows.

    Examples
    --------
    >>> is_sql("sqlite:///desk.db"), is_sql("s3://desk/fills.csv"), is_sql("fills.csv")
    (True, False, False)
    """
    try:
        make_url(url).get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError, ImportError):
        return False
    return True


def sql_rows(url: str, table: str, count: int) -> Iterator[list[Mapping[str, Any]]]:
    """Yield the rows of a table, up to `count` at a time, as values by column name in small letters.

    Values are those of the driver, of whatever type: SQLite keeps text in columns of numbers and times too,
    and what cannot be read there is for the screen to hold, row by row.

    Raises
    ------
    DataError
        No table is named or there is none of this name; the database does not answer.
    """
    where = make_url(url)
    if not table:
        raise DataError(f"{_shown(where)}: which table? Name it")
    if where.get_backend_name() == "sqlite" and where.database and not Path(where.database).is_file():
        raise DataError(f"{_shown(where)}: no such file: check the path")
    engine = None
    try:
        engine = create_engine(where)
        with engine.connect().execution_options(stream_results=True) as connection:
            found = Table(table, MetaData(), autoload_with=connection)
            columns = [type_coerce(column, NullType()).label(column.name) for column in found.columns]
            for part in connection.execute(select(*columns)).mappings().partitions(count):
                yield [{str(name).lower(): value for name, value in row.items()} for row in part]
    except NoSuchTableError:
        raise DataError(f"{_shown(where)}: has no table {table}: check its name") from None
    except (SQLAlchemyError, ImportError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise DataError(f"{_shown(where)}: table {table} cannot be read: {reason}") from None
    finally:
        if engine is not None:
            engine.dispose()


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=True)
