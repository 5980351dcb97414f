"""A journal in PostgreSQL; HEDGE_TEST_POSTGRES is the URL of an empty database that these tests may fill."""

import os

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from pipeline.domain.errors import JournalError
from pipeline.domain.orders import Order
from pipeline.live import journal_schema
from pipeline.live.journal import Journal
from tests.live.test_journal import ENTRY, ORDER, REPORT, held, written

URL = os.environ.get("HEDGE_TEST_POSTGRES", "")
pytestmark = pytest.mark.skipif(not URL, reason="HEDGE_TEST_POSTGRES names no database to test with")
TABLES = [each.name for each in journal_schema.METADATA.sorted_tables]


@pytest.fixture
def server():
    """Return a function that runs a statement as somebody else; the database is emptied before and after."""
    engine = create_engine(URL, isolation_level="AUTOCOMMIT")

    def emptied() -> None:
        with engine.connect() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))

    def run(statement: str) -> None:
        with engine.connect() as connection:
            connection.execute(text(statement))

    emptied()
    yield run
    emptied()
    engine.dispose()


def test_it_holds_what_was_written_and_refuses_to_change_it(server):
    written(URL).close()
    for table in TABLES:
        for statement in ("UPDATE {0} SET seq = seq + 10", "DELETE FROM {0}", "TRUNCATE {0}"):
            with pytest.raises(DBAPIError, match=f"{table} is append-only"):
                server(statement.format(table))
    orders, reports, _, entries = held(Journal(URL, "desk", now=8))
    assert (orders, reports, entries) == ([ORDER], [REPORT], [ENTRY])


def test_one_process_writes_and_a_lost_connection_is_one_line(server):
    journal = written(URL)
    with pytest.raises(JournalError, match="another process writes it"):
        Journal(URL, "desk", now=8)
    with Journal(URL, "desk", now=8, writing=False) as reader:
        assert reader.orders() == [ORDER]
    server("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    with pytest.raises(JournalError, match="cannot be written"):
        journal.intend(Order("o-2", "BTC", 1.0))
    journal.close()
    with Journal(URL, "desk", now=9) as again:
        assert again.orders() == [ORDER]
