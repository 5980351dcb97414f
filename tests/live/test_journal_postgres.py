"""A journal in PostgreSQL, in a server of the tests' own."""

import asyncio
import multiprocessing
import os
import signal
from types import SimpleNamespace

import pytest

pytest.importorskip("psycopg", exc_type=ImportError)
from psycopg.errors import RaiseException

from pipeline.cli.live import _forget
from pipeline.domain.errors import JournalError, RiskError, SettingsError
from pipeline.domain.intraday_desk import IntradayCosts
from pipeline.domain.orders import Order
from pipeline.live import journal_schema
from pipeline.live.gateways import on_paper
from pipeline.live.journal import Journal
from pipeline.live.journal_place import JOURNAL
from pipeline.live.journal_server import keep_in, schema_of, told_server
from pipeline.live.own_orders import of_journals
from pipeline.live.session import Market, opened_path
from pipeline.risk.state import Latch, RiskState
from tests import postgres_server
from tests.live.test_journal import ENTRY, ORDER, REPORT, decided, held, written
from tests.processes import hedge_in_this_process

pytestmark = pytest.mark.skipif(
    postgres_server.binaries() is None, reason="no PostgreSQL here, nor its wheel"
)
ENDED = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
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
    postgres_server.asked(url, ENDED)
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


@pytest.fixture
def day(served, tmp_path):
    """Return the folder of a day that a desk lives, whose journal the server keeps."""
    folder = tmp_path / "data" / "live" / "made" / "replay-day"
    keep_in(told_server(served), "made", folder, anew=True)
    return folder


def sent(folder, *orders, killed=False):
    """Live a while in a folder, send orders, and return those that are in its journal by then."""

    async def lived():
        market = Market([], lambda order: 10**12, tuple, lambda: 7)
        way = on_paper(IntradayCosts())
        async with opened_path(SimpleNamespace(name="made"), market, folder, way) as (path, _):
            for each in orders:
                path.send(each)
            if killed:
                os.kill(os.getpid(), signal.SIGKILL)
            return path.journal.orders()

    return asyncio.run(lived())


def test_a_day_goes_on_after_a_kill_and_people_find_its_journal(day, served, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    monkeypatch.setenv("HEDGE_HOME", str(day.parents[3]))
    child = multiprocessing.get_context("fork").Process(
        target=sent, args=(day, ORDER), kwargs={"killed": True}
    )
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    postgres_server.left(served)
    keep_in(told_server(served), "made", day, anew=False)
    other = Order("o-2", "BTC", -0.25)
    assert sent(day, ORDER, other) == [ORDER, other]
    halted = hedge_in_this_process("halt", "made", "--reason", "too hot", "--person", "ada")
    assert halted.stdout == "desk made is halted (ada: too hot)\n"
    status = hedge_in_this_process("status", "made")
    assert status.returncode == 5
    assert schema_of("made", "replay-day") in status.stdout
    with pytest.raises(RiskError, match="halted by ada: too hot"):
        sent(day, Order("o-3", "BTC", 1.0))
    assert hedge_in_this_process("resume", "made", "--reason", "cool again").returncode == 0
    assert len(sent(day, Order("o-4", "BTC", 1.0))) == 3
    assert list(of_journals([day / JOURNAL], "made", paper=True)) == []
    with Journal(day / JOURNAL, "made", now=8, writing=False) as reader:
        kept = [
            repr(reader.entries()).encode(),
            *(each.read_bytes() for each in day.rglob("*") if each.is_file()),
        ]
    assert not any(b"hunter2" in each for each in kept)


def test_one_process_lives_a_day_here_and_elsewhere_and_a_new_one_forgets_it(day, served, tmp_path):
    elsewhere = tmp_path / "elsewhere" / "made" / "replay-day"
    server = told_server(served)
    keep_in(server, "made", elsewhere, anew=False)
    with Journal(day / JOURNAL, "made", now=0) as journal:
        journal.intend(ORDER)
        with pytest.raises(JournalError, match=rf"process {os.getpid()} writes it"):
            Journal(day / JOURNAL, "made", now=8)
        with pytest.raises(JournalError, match="another process writes it"):
            Journal(elsewhere / JOURNAL, "made", now=8)
        with pytest.raises(JournalError, match="another process writes it"):
            _forget(elsewhere, "made", None)
        with pytest.raises(SettingsError, match=r"--anew: process \d+ lives this day"):
            _forget(day, "made", None)
    with pytest.raises(SettingsError, match="by now: unset the variable"):
        keep_in(server.set(database="other"), "made", day, anew=False)
    lost = Journal(day / JOURNAL, "made", now=8)
    postgres_server.asked(served, ENDED)
    with pytest.raises(JournalError, match="cannot be written"):
        lost.turn(Latch(RiskState.HALTED, "journal", "the server is gone", 8))
    lost.close()
    with Journal(day / JOURNAL, "made", now=9) as halted:
        assert halted.latch().why == "the server is gone"
    _forget(day, "made", None)
    keep_in(server, "made", day, anew=True)
    with Journal(day / JOURNAL, "made", now=9) as again:
        assert (again.orders(), again.latch().state) == ([], RiskState.ACTIVE)
