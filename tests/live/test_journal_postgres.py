"""A journal in PostgreSQL, in a server of the tests' own."""

import multiprocessing
import os
import signal

import pytest

pytest.importorskip("psycopg", exc_type=ImportError)
from psycopg.errors import RaiseException

from pipeline.domain.errors import JournalError
from pipeline.domain.orders import Order
from pipeline.live import journal_schema
from pipeline.live.journal import Journal
from tests import postgres_server
from tests.live.test_journal import ENTRY, ORDER, REPORT, decided, held, written

pytestmark = pytest.mark.skipif(
    postgres_server.binaries() is None, reason="no PostgreSQL here, nor its wheel"
)
TABLES = [each.name for each in journal_schema.METADATA.sorted_tables]


@pytest.fixture(scope="module")
def served():
    with postgres_server.serving() as url:
        yield url


@pytest.fixture
def url(served):
    """Return the URL of an empty database."""
    postgres_server.asked(served, "DROP SCHEMA public CASCADE")
    postgres_server.asked(served, "CREATE SCHEMA public")
    return served


def test_it_holds_what_was_written_and_refuses_to_change_it(url):
    order, line, why = decided(5)
    with written(url) as journal:
        journal.decide(order.order_id, why)
    for table in TABLES:
        for statement in ("UPDATE {0} SET seq = seq + 10", "DELETE FROM {0}", "TRUNCATE {0}"):
            with pytest.raises(RaiseException, match=f"{table} is append-only"):
                postgres_server.asked(url, statement.format(table))
    orders, reports, _, entries = held(Journal(url, "desk", now=8))
    assert (orders, reports, entries) == ([ORDER, order], [REPORT], [ENTRY, line])


def test_one_process_writes_and_a_lost_connection_is_one_line(url):
    journal = written(url)
    with pytest.raises(JournalError, match="another process writes it"):
        Journal(url, "desk", now=8)
    with Journal(url, "desk", now=8, writing=False) as reader:
        assert reader.orders() == [ORDER]
    postgres_server.asked(
        url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    )
    with pytest.raises(JournalError, match="cannot be written"):
        journal.intend(Order("o-2", "BTC", 1.0))
    journal.close()
    with Journal(url, "desk", now=9) as again:
        assert again.orders() == [ORDER]


def _written_and_killed(url):
    written(url)
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_was_written_is_there_after_a_kill(url):
    child = multiprocessing.get_context("fork").Process(target=_written_and_killed, args=(url,))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    postgres_server.left(url)
    orders, reports, _, entries = held(Journal(url, "desk", now=9))
    assert (orders, reports, entries) == ([ORDER], [REPORT], [ENTRY])
