"""The tables of a journal, to which rows are added and never changed: the database itself refuses it."""

import json
from typing import Any, Final

import orjson
from sqlalchemy import BigInteger, Column, Dialect, Double, Integer, MetaData, Table, Text, event
from sqlalchemy.schema import DDL
from sqlalchemy.types import TypeDecorator

VERSION: Final = 2
METADATA: Final = MetaData()
_INTEGER = BigInteger().with_variant(Integer(), "sqlite")


class JsonText(TypeDecorator[Any]):
    """Plain data as a text of JSON."""

    impl, cache_ok = Text, True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        """Return the text."""
        return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Return the data; a number that was written as NaN is one."""
        return None if value is None else json.loads(value)


def _table(name: str, *columns: Column[Any], key: str = "seq") -> Table:
    """Return a table whose rows `seq` numbers as they are written, and `key` alone is indexed."""
    seq = Column("seq", _INTEGER, primary_key=key == "seq", nullable=False, autoincrement=False)
    table = Table(name, METADATA, seq, *columns, sqlite_with_rowid=key == "seq")
    _guard(table, key)
    return table


def _guard(table: Table, key: str) -> None:
    """Let the database refuse to change or remove a row; to replace one is to remove it."""
    there = f"WHEN EXISTS (SELECT 1 FROM {table.name} WHERE {key} = NEW.{key})"  # nosec B608 # ours
    refusal = f"{table.name} is append-only"
    for what, when in (("UPDATE", ""), ("DELETE", ""), ("INSERT", there)):
        told = f"BEFORE {what} ON {table.name} {when} BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
        made = _ddl(f"CREATE TRIGGER {table.name}_no_{what.lower()} {told}")
        event.listen(table, "after_create", made.execute_if(dialect="sqlite"))
    for trigger in (
        f"CREATE FUNCTION {table.name}_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{refusal}'; END $$",
        f"CREATE TRIGGER {table.name}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table.name} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table.name}_refuse()",
    ):
        event.listen(table, "after_create", _ddl(trigger).execute_if(dialect="postgresql"))
    gone = _ddl(f"DROP FUNCTION {table.name}_refuse()")
    event.listen(table, "after_drop", gone.execute_if(dialect="postgresql"))


def _ddl(statement: str) -> DDL:
    made: DDL = DDL(statement)  # type: ignore[no-untyped-call]
    return made


HEADER: Final = _table(
    "journal",
    Column("desk", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("made", BigInteger, nullable=False),
)
"""Whose journal it is: one row."""
INTENTS: Final = _table(
    "intents",
    Column("order_id", Text, primary_key=True),
    Column("instrument", Text, nullable=False),
    Column("quantity", Double, nullable=False),
    Column("limit", Double),
    Column("decided", BigInteger, nullable=False),
    Column("parent", Text, nullable=False),
    Column("replaces", Text, nullable=False),
    key="order_id",
)
"""Orders, written before they are sent; the columns are the fields of one."""
REPORTS: Final = _table(
    "reports",
    Column("report_id", Text, primary_key=True),
    Column("order_id", Text, nullable=False),
    Column("standing", Text, nullable=False),
    Column("filled", Double, nullable=False),
    Column("price", Double, nullable=False),
    Column("fee", Double, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
    key="report_id",
)
"""What the market said."""
RISK: Final = _table(
    "risk",
    Column("state", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)
"""Every turn of the risk state; the last one holds."""
AUDIT: Final = _table(
    "audit",
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("inputs", JsonText, nullable=False),
    Column("model", Text, nullable=False),
)
"""Decisions, clamps and overrides; `inputs` is JSON."""
