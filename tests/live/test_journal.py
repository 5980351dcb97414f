"""The journal: what was written is there after a death, nothing is changed, and every fault is one line."""

import collections
import math
import multiprocessing
import os
import resource
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from pipeline.domain.errors import JournalError
from pipeline.domain.orders import Order, Report, Standing
from pipeline.live import journal_schema, write_ahead
from pipeline.live.grounds import grounds, in_words, line_of
from pipeline.live.journal import Entry, Journal
from pipeline.live.order_path import OrderPath
from pipeline.live.paper import PaperGateway
from pipeline.live.write_ahead import ahead_of
from pipeline.risk.state import Latch, RiskState, resumed, tightened
from tests.live.failing_pages import FailingPages

ORDER = Order("o-1", "BTC", 0.1 + 0.2, limit=None, decided=1_700_000_000_123_456_789, parent="p")
REPORT = Report("m-1", "o-1", Standing.WORKING, 0.1, 100.0 / 3.0, 1e-9, 1_700_000_000_123_456_790, "té\nxt")
ENTRY = Entry(5, "policy", "clamp", "position", {"asked": 0.3, "given": [0.1, None]}, "flagship 3")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def written(where, **further) -> Journal:
    journal = Journal(where, "desk", now=7, **further)
    journal.intend(ORDER)
    journal.report(REPORT)
    journal.audit(ENTRY)
    return journal


def held(journal: Journal):
    with journal:
        return journal.orders(), journal.reports(), journal.turns(), journal.entries()


def _written_and_killed(place: Path) -> None:
    written(place)
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_was_written_is_there_to_the_bit_after_a_kill(place):
    child = multiprocessing.get_context("fork").Process(target=_written_and_killed, args=(place,))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    orders, reports, turns, entries = held(Journal(place, "desk", now=9))
    assert (orders, reports, entries) == ([ORDER], [REPORT], [ENTRY])
    assert [(turn.state, turn.at) for turn in turns] == [(RiskState.ACTIVE, 7)]


def test_the_risk_state_survives_and_keeps_its_history(place):
    with Journal(place, "desk", now=1) as journal:
        halted = tightened(journal.latch(), RiskState.HALTED, "loss a day", "-2 %", 2)
        journal.turn(halted)
    with Journal(place, "desk", now=3) as journal:
        assert journal.latch() == halted
        journal.turn(resumed(halted, "ada", "prices mended", 4))
        assert [turn.state.value for turn in journal.turns()] == ["active", "halted", "active"]


@pytest.mark.parametrize("table", [each.name for each in journal_schema.METADATA.sorted_tables])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {0} SET seq = seq + 10",
        "DELETE FROM {0}",
        "INSERT OR REPLACE INTO {0} SELECT * FROM {0}",
        "REPLACE INTO {0} SELECT * FROM {0}",
    ],
)
def test_the_database_refuses_to_change_a_row(place, table, statement):
    written(place).close()
    other = sqlite3.connect(place)
    with pytest.raises(sqlite3.IntegrityError, match=f"{table} is append-only"):
        other.execute(statement.format(table))
    other.close()


@pytest.mark.parametrize("columns", ["order_id", "report_id"])
def test_an_order_or_report_of_a_known_id_cannot_take_the_place_of_the_first(place, columns):
    """REPLACE by another unique column than the key would remove the first without a trigger on DELETE."""
    written(place).close()
    table = "intents" if columns == "order_id" else "reports"
    other = sqlite3.connect(place)
    names = [row[1] for row in other.execute(f"PRAGMA table_info({table})") if row[1] != "seq"]
    quoted = ", ".join(f'"{name}"' for name in names)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        other.execute(f"REPLACE INTO {table} ({quoted}) SELECT {quoted} FROM {table}")
    other.close()


def test_an_id_is_written_once(place):
    with written(place) as journal:
        for again in (lambda: journal.intend(ORDER), lambda: journal.report(REPORT)):
            with pytest.raises(JournalError, match="append-only"):
                again()
        assert journal.orders() == [ORDER]


def test_an_intent_and_its_line_of_the_audit_are_there_together_or_not_at_all(place):
    with written(place) as journal:
        with pytest.raises(JournalError, match="append-only"):
            journal.intend(ORDER, ENTRY)
        assert (journal.orders(), journal.entries()) == ([ORDER], [ENTRY])
        further = Order("o-2", "BTC", 1.0)
        journal.intend(further, ENTRY)
        journal.audit(ENTRY)
        assert (journal.orders(), journal.entries()) == ([ORDER, further], [ENTRY] * 3)


def decided(at: int, bid: float = 99.0) -> tuple[Order, Entry, bytes]:
    """An order, its line of the audit, and the grounds that tell both."""
    words = in_words("desk", "BTC", "delta", "band", "flagship 3")
    why = grounds(words, at, -0.1, 0.1 + 0.2, -0.7, -0.5, 0.1, bid, 101.0, 1.0 / 3.0)
    return Order(f"desk-{at}", "BTC", -0.5, None, at), Entry(*line_of(why)), why


def test_grounds_leave_the_rows_of_the_order_and_the_line_that_they_tell(place):
    told = [decided(1_700_000_000_123_456_789), decided(1_700_000_000_123_456_790, bid=float("nan"))]
    rows = []
    for name, packed in (("rows.db", False), ("grounds.db", True)):
        other = place.with_name(name)
        with written(other) as journal:
            for order, entry, why in told:
                journal.decide(order.order_id, why) if packed else journal.intend(order, entry)
            with pytest.raises(JournalError, match="append-only: it has desk-17"):
                journal.decide(order.order_id, why) if packed else journal.intend(order, entry)
            journal.audit(why if packed else entry)
            before = journal.orders(), journal.entries()
            journal.checkpoint()
            assert (journal.orders(), journal.entries()) == before
        with sqlite3.connect(other) as read:
            rows.append([read.execute(f"SELECT * FROM {table}").fetchall() for table in ("intents", "audit")])
        read.close()
    assert rows[0] == rows[1]
    assert before[0][1:] == [order for order, _, _ in told]
    assert before[1][2].inputs == {
        "band": [-0.1, 0.1 + 0.2], "asked": -0.7, "sent": -0.5, "position": 0.1,
        "bid": None, "ask": 101.0, "delta": 1.0 / 3.0,
    }  # fmt: skip


def test_a_folder_may_be_called_as_nothing_else_is(tmp_path):
    place = tmp_path / "q?mode=ro&x=%41 #" / "journal.db"
    place.parent.mkdir()
    assert held(written(place))[0] == [ORDER]
    assert place.is_file()


def test_one_process_writes_and_others_read(place):
    with written(place):
        with pytest.raises(
            JournalError, match=f"process {os.getpid()} writes it, and a journal has one writer"
        ):
            Journal(place, "desk", now=8)
        with Journal(place, "desk", now=8, writing=False) as reader:
            assert reader.orders() == [ORDER]
            with pytest.raises(JournalError, match="opened to be read"):
                reader.intend(ORDER)
    written(place.with_name("other.db")).close()
    Journal(place, "desk", now=9).close()


def test_a_journal_of_another_desk_or_version_is_refused(place, monkeypatch):
    written(place).close()
    with pytest.raises(JournalError, match="of desk desk, not of other: each desk has its own"):
        Journal(place, "other", now=8)
    monkeypatch.setattr(journal_schema, "VERSION", 3)
    with pytest.raises(JournalError, match="of version 2, this program writes version 3"):
        Journal(place, "desk", now=8)


def test_other_files_are_refused_and_left_as_they_are(place):
    place.write_bytes(b"not a database at all, but long enough to be looked at" * 30)
    before = place.read_bytes()
    with pytest.raises(JournalError, match="file is not a database"):
        Journal(place, "desk", now=8)
    assert place.read_bytes() == before
    other = place.with_name("other.db")
    made = sqlite3.connect(other)
    made.execute("CREATE TABLE fills (a)")
    made.close()
    with pytest.raises(JournalError, match="holds no journal"):
        Journal(other, "desk", now=8)


def test_there_is_nothing_to_read_before_something_was_written(place):
    with pytest.raises(JournalError, match="no such file"):
        Journal(place, "desk", now=8, writing=False)
    assert not place.exists()


@contextmanager
def room(further: int, file: Path) -> Iterator[None]:
    """Let no file grow beyond the size of one and so many bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + further, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_one_line_and_what_was_written_before_is_whole(place):
    journal = written(place)
    entries = iter(Entry(n, "x" * 50, "", "", {}) for n in range(100_000))
    with room(5000, place):
        with pytest.raises(JournalError, match="cannot be written: No space"):
            collections.deque(map(journal.audit, entries), maxlen=0)
        journal.turn(halted := Latch(RiskState.HALTED, "journal", "no room", 9))
    refused = next(entries).at - 1
    assert refused >= 1
    assert len(ahead_of(place)) == 1, "nothing is left of the file that has no room"
    journal.audit(ENTRY)
    *_, turns, entries = held(journal)
    assert [entry.at for entry in entries] == [ENTRY.at, *range(refused), ENTRY.at]
    assert turns[-1] == halted, "a halt has room where nothing else has"


def test_an_order_that_the_disk_did_not_take_is_not_sent_and_the_desk_has_halted(
    place, tmp_path, monkeypatch
):
    monkeypatch.setattr(write_ahead, "mmap", FailingPages)
    journal = Journal(place, "desk", now=7, full=True)
    with closing(PaperGateway(tmp_path / "venue", latency=lambda _: 1)) as gateway:
        path = OrderPath(journal, gateway, now=lambda: 8)
        monkeypatch.setattr(FailingPages, "broken", True)
        with pytest.raises(JournalError, match="cannot be written: Input/output error"):
            path.send(ORDER)
        monkeypatch.setattr(FailingPages, "broken", False)
        assert path.latch.state is RiskState.HALTED
        assert gateway.due == math.inf
        journal.audit(ENTRY)
    orders, _, _, entries = held(journal)
    assert (orders, entries) == ([], [ENTRY])


def test_what_a_full_disk_keeps_from_the_database_stays_ahead_of_it(place):
    journal = written(place)
    journal.checkpoint()
    journal.audit(Entry(6, "", "", "x" * 100_000, {}))
    with room(0, place):
        for fold in (journal.checkpoint, journal.close):
            with pytest.raises(JournalError, match="its log cannot be folded in: "):
                fold()
    with Journal(place, "desk", now=8, writing=False) as reader:
        assert [entry.at for entry in reader.entries()] == [5, 6]
    assert [entry.at for entry in held(Journal(place, "desk", now=8))[3]] == [5, 6]
    assert ahead_of(place) == []


def test_a_read_only_journal_is_one_line(place):
    written(place).close()
    with pytest.raises(JournalError, match="readonly"):
        Journal(f"sqlite:///file:{place}?mode=ro&uri=true", "desk", now=8)


def test_a_damaged_page_is_found_on_opening(place):
    with written(place) as journal:
        for n in range(200):
            journal.audit(Entry(n, "x" * 50, "", "", {}))
    content = bytearray(place.read_bytes())
    content[-4096:] = bytes(range(256)) * 16
    place.write_bytes(content)
    with pytest.raises(JournalError, match=r"journal\.db: (damaged|cannot be)"):
        Journal(place, "desk", now=8)


def copied(place: Path, change: Callable[[bytes], bytes]) -> Path:
    """Return a copy of a journal that is written, what is ahead of it changed."""
    folder = place.parent / "copy"
    folder.mkdir()
    for file in place.parent.glob(f"{place.name}*[!k]"):
        content = file.read_bytes()
        (folder / file.name).write_bytes(change(content) if file in ahead_of(place) else content)
    return folder / place.name


def test_a_record_of_the_log_that_was_never_finished_never_happened(place):
    with written(place) as journal:
        journal.intend(Order("o-2", "BTC", 1.0))
        cut = copied(place, lambda content: content.rstrip(b"\0")[:-1])
    assert held(Journal(cut, "desk", now=8))[0] == [ORDER]


@pytest.mark.parametrize("where", [-3, 100])
def test_a_damaged_record_of_the_log_is_found_on_opening(place, where):
    def changed(content: bytes) -> bytes:
        content = bytearray(content.rstrip(b"\0"))
        content[where] ^= 1
        return bytes(content)

    with written(place):
        damaged = copied(place, changed)
    for writing in (True, False):
        with pytest.raises(JournalError, match=r"journal\.db-ahead\.1: record \d is damaged: move it away"):
            Journal(damaged, "desk", now=8, writing=writing).entries()


def test_a_death_between_folding_and_removing_doubles_nothing(place):
    with written(place) as journal:
        (ahead,) = ahead_of(place)
        content = ahead.read_bytes()
        journal.checkpoint()
        journal.audit(ENTRY)
        ahead.write_bytes(content)  # as if it had not been removed yet
        with Journal(place, "desk", now=8, writing=False) as reader:
            assert (reader.orders(), reader.entries()) == ([ORDER], [ENTRY] * 2)
    assert held(Journal(place, "desk", now=8))[3] == [ENTRY] * 2


def test_a_log_that_does_not_go_on_from_its_database_is_refused_and_left(place):
    with written(place) as journal:
        journal.checkpoint()
        journal.audit(ENTRY)
        further = copied(place, lambda content: content)
    for file in further.parent.iterdir():
        if file not in ahead_of(further):
            file.unlink()
    for _ in range(2):
        with pytest.raises(JournalError, match=r"folded in: the log begins with audit 2 .* holds 0"):
            Journal(further, "desk", now=8)


def test_readers_miss_and_double_nothing_while_rows_are_written_and_folded_in(place):
    def fold() -> None:
        while not over.is_set():
            journal.checkpoint()

    over, folding = threading.Event(), threading.Thread(target=lambda: fold())
    with Journal(place, "desk", now=0) as journal:
        folding.start()
        try:
            with Journal(place, "desk", now=0, writing=False) as reader:
                for n in range(1, 400):
                    journal.audit(Entry(n, "", "", "", {}))
                    if n % 4 == 0:
                        assert [entry.at for entry in reader.entries(n // 2)] == [*range(n // 2 + 1, n + 1)]
        finally:
            over.set()
            folding.join()


def test_the_log_is_folded_in_only_when_asked(place):
    journal = written(place)
    before = place.stat().st_size
    for n in range(1500):
        journal.audit(Entry(n, "x" * 50, "", "", {}))
    assert place.stat().st_size == before
    assert journal.checkpoint() == 0
    assert place.stat().st_size > before
    journal.close()


def test_inputs_that_are_no_json_are_refused_and_numbers_that_are_none_are_none(place):
    with written(place) as journal:
        with pytest.raises(JournalError, match="cannot be written: Type is not JSON serializable"):
            journal.audit(Entry(1, "policy", "clamp", "", {"a": object()}))
        journal.audit(Entry(1, "policy", "clamp", "", {"a": [float("nan"), 1e300 * 1e10, 0.1 + 0.2]}))
        assert [entry.inputs for entry in journal.entries(1)] == [{"a": [None, None, 0.1 + 0.2]}]


def test_a_password_is_not_told():
    with pytest.raises(JournalError) as told:
        Journal("postgresql+psycopg://me:hunter2@nowhere.invalid/desk", "desk", now=8)
    assert "hunter2" not in str(told.value)


def _broken(*_: object) -> None:
    raise OSError(5, "Input/output error")


def test_a_halt_that_a_broken_disk_refuses_holds_at_the_next_start(place, monkeypatch):
    journal = written(place)
    gateway = PaperGateway(place.with_name("venue"), latency=lambda _: 1)
    path = OrderPath(journal, gateway, lambda: 9)
    with closing(gateway), monkeypatch.context() as disk:
        disk.setattr(write_ahead.WriteAheadLog, "append", _broken)
        with pytest.raises(JournalError, match="cannot be written: Input/output error"):
            path.send(Order("o-9", "BTC", 1.0))
    with Journal(place, "desk", now=9, writing=False) as reader:
        assert reader.latch().state is RiskState.HALTED  # what a person is told meanwhile
    journal.close()
    with Journal(place, "desk", now=10) as again:
        assert again.latch() == path.latch
        again.turn(resumed(again.latch(), "ada", "the disk is mended", 11))
    with Journal(place, "desk", now=12) as resumed_once:
        assert resumed_once.latch().state is RiskState.ACTIVE


def test_a_resumption_that_cannot_be_written_down_is_none(place, monkeypatch):
    with written(place) as journal:
        journal.turn(Latch(RiskState.HALTED, "ada", "why", 8))
        monkeypatch.setattr(write_ahead.WriteAheadLog, "append", _broken)
        with pytest.raises(JournalError):
            journal.turn(Latch(RiskState.ACTIVE, "ada", "mended", 9))
        monkeypatch.undo()
        assert journal.latch().state is RiskState.HALTED


def test_a_file_of_a_halt_that_cannot_be_read_is_a_halt(place):
    written(place).close()
    place.with_name(f"{place.name}-halted").write_text("nonsense")
    with Journal(place, "desk", now=9) as journal:
        assert journal.latch().state is RiskState.HALTED
        assert "cannot be read" in journal.latch().why
