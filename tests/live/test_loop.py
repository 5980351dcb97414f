"""The live loop: what stands beside it, how it stops, and that whatever goes wrong in it halts the desk."""

import asyncio
import gc
import os
import signal
import threading
import time
import tomllib
from contextlib import closing
from types import SimpleNamespace

import pytest

from pipeline.domain.errors import GatewayError, JournalError
from pipeline.domain.orders import Order, Report, Standing
from pipeline.domain.overlay_settings import OverlaySettings
from pipeline.features.day_events import EventPart
from pipeline.live import loop
from pipeline.live.checkpoints import Checkpoints
from pipeline.live.control import Control
from pipeline.live.journal import Journal
from pipeline.live.limits_file import LimitsFile
from pipeline.live.loop import hedge, settled_memory
from pipeline.live.order_path import OrderPath
from pipeline.live.paper import PaperGateway
from pipeline.live.recovery import recover
from pipeline.live.stored_feed import TICK, StoredFeed
from pipeline.live.venue import NEVER
from pipeline.risk.state import RiskState

SECOND = 1_000_000_000


class EverySecond:
    """A day that decides something each second; a decision is its time."""

    def __init__(self, failing_at=NEVER, until=5):
        self.next, self.failing_at, self.until = SECOND, failing_at, until * SECOND

    def due(self, hedger, gateway):
        return self.next

    def go(self, moment, hedger, gateway):
        while self.next <= min(moment.now, self.until):
            if self.next >= self.failing_at:
                raise ZeroDivisionError("no such number")
            self.next += SECOND
            yield self.next - SECOND


class Seen(Control):
    def __init__(self, act=lambda count, path: None):
        self.decided, self.between_count, self.act = [], 0, act

    def after(self, decided, path):
        self.decided.append(decided)

    def between(self, path):
        self.between_count += 1
        self.act(len(self.decided), path)


class Clock:
    """Seconds that go on while somebody sleeps."""

    now = 0.0

    def __call__(self):
        return self.now

    async def sleep(self, seconds):
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def path(tmp_path):
    with (
        Journal(tmp_path / "journal.db", "desk", now=0) as journal,
        closing(PaperGateway(tmp_path / "venue", latency=lambda _: 1)) as gateway,
    ):
        yield OrderPath(journal, gateway, now=lambda: 0)


def live(path, day, *controls, parts=(), speed=float("inf"), beside=None, opened=0, since=0, clock=None):
    async def running():
        await recover(path, now=0)
        paced = clock or Clock()
        told = opened, 6 * SECOND, speed, paced, paced.sleep
        feed = StoredFeed([EventPart(each, {}) for each in parts], *told)
        hedger = SimpleNamespace(since=since)
        task = asyncio.create_task(beside()) if beside else None
        found = await hedge([(day, feed)], hedger, path, path.gateway, controls)
        if task:
            await task
        return found

    return asyncio.run(running())


@pytest.mark.parametrize("parts", [(), (1, 2 * SECOND, 7 * SECOND)])
def test_every_decision_is_seen_and_what_runs_beside_the_loop_goes_on(path, parts):
    seen, ticks = Seen(), []

    async def beside():
        for _ in range(5):
            ticks.append(len(seen.decided))
            await asyncio.sleep(0)

    assert live(path, EverySecond(), seen, parts=parts, beside=beside)
    assert seen.decided == [k * SECOND for k in range(1, 6)]
    assert seen.between_count > len(seen.decided)
    assert len(set(ticks)) > 2
    assert path.latch.state is RiskState.ACTIVE


def paced(path, **told):
    """Return the decisions of a day and the seconds at which they were made."""
    clock, when = Clock(), []

    class Timed(Control):
        def after(self, decided, path):
            when.append(clock())

    seen = Seen()
    live(path, EverySecond(), Timed(), seen, clock=clock, **told)
    assert seen.decided == [k * SECOND for k in range(1, 6)]
    return when


def test_a_feed_that_keeps_to_a_clock_decides_at_it(path):
    late = [seconds - k / 20.0 for k, seconds in enumerate(paced(path, speed=20.0), start=1)]
    assert all(-1e-9 < each < TICK + 1e-9 for each in late)


@pytest.mark.parametrize("known", [{"opened": 4 * SECOND}, {"since": 4 * SECOND}])
def test_nobody_waits_for_what_was_before_the_open_or_before_the_desk_went_on(path, known):
    taken = paced(path, parts=range(SECOND, 7 * SECOND, SECOND // 2), speed=2.0, **known)
    assert taken == pytest.approx([0.0, 0.0, 0.0, 0.0, 0.5])


def test_what_goes_wrong_in_the_loop_halts_and_stays_halted(path):
    with pytest.raises(ZeroDivisionError):
        live(path, EverySecond(failing_at=3 * SECOND), seen := Seen())
    assert seen.decided == [SECOND, 2 * SECOND]
    assert path.latch.state is RiskState.HALTED
    assert path.latch.why == "ZeroDivisionError: no such number"
    assert path.journal.latch() == path.latch


def test_what_goes_wrong_in_halting_does_not_hide_why(path, monkeypatch):
    def down():
        raise GatewayError("the line is down")

    monkeypatch.setattr(path, "cancel_all", down)
    with pytest.raises(ZeroDivisionError) as failed:
        live(path, EverySecond(failing_at=SECOND))
    assert failed.value.__notes__ == ["while halting: GatewayError: the line is down"]
    assert path.journal.latch().why == "ZeroDivisionError: no such number"


def test_a_line_that_broke_halts(path):
    def cut(count, path):
        if count == 2:
            path.gateway.broken = "the other side is silent"

    with pytest.raises(GatewayError, match="silent"):
        live(path, EverySecond(), Seen(cut))
    assert "silent" in path.journal.latch().why


def test_a_person_who_halts_is_obeyed_between_two_decisions(path):
    def ask(count, path):
        if count == 2:
            path.turn(RiskState.HALTED, "ann", "lunch")

    assert live(path, EverySecond(), seen := Seen(ask))
    assert len(seen.decided) == 5
    assert path.latch.who == "ann"


def test_what_the_market_has_still_to_say_at_the_end_is_waited_for_and_no_longer(path, monkeypatch):
    def send(count, path):
        if count == 5 and not path.account.orders:
            path.send(Order("late", "BTC", 1.0, decided=1))
            path.send(Order("rests", "BTC", 1.0, limit=90.0, decided=1))

    async def beside():
        await asyncio.sleep(0.2)
        path.hear(Report("r", "late", Standing.FILLED, 1.0, 100.0))

    monkeypatch.setattr(loop, "LAST_WORDS", 3600.0)
    assert live(path, EverySecond(), Seen(send), beside=beside)
    assert (path.account.position("BTC"), list(path.account.working)) == (1.0, ["rests"])


def test_a_line_that_breaks_while_the_last_words_are_waited_for_halts(path):
    def send(count, path):
        if count == 5 and not path.account.orders:
            path.send(Order("late", "BTC", 1.0, decided=1))

    async def beside():
        await asyncio.sleep(0.1)
        path.gateway.broken = "the other side is silent"

    with pytest.raises(GatewayError, match="silent"):
        live(path, EverySecond(), Seen(send), beside=beside)
    assert path.latch.state is RiskState.HALTED


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_that_is_asked_to_stop_does_so_in_order(path, number):
    before = signal.getsignal(number)
    seen = Seen(lambda count, path: os.kill(os.getpid(), number) if count == 2 else None)
    assert not live(path, EverySecond(until=1000), seen)
    assert 2 < len(seen.decided) < 20
    assert path.latch.state is RiskState.ACTIVE
    assert signal.getsignal(number) is before


def test_the_log_of_the_journal_is_folded_in_meanwhile(path):
    folded = threading.Event()
    path.journal.checkpoint = folded.set
    with Checkpoints(path.journal, every=0.001).beside(path):
        assert folded.wait(5.0)


@pytest.mark.parametrize("kind", [JournalError, ValueError])
def test_a_log_that_cannot_be_folded_in_halts(path, kind):
    def full():
        raise kind("journal.db: its log cannot be folded in: disk full")

    path.journal.checkpoint = full
    folding = Checkpoints(path.journal, every=0.001)
    with pytest.raises(kind):
        live(path, EverySecond(), Seen(lambda *_: folding._thread.join()), folding)
    assert "disk full" in path.latch.why


def looked(control, path, enough):
    for _ in range(5000):
        control.between(path)
        if enough():
            return
        time.sleep(0.001)
    raise AssertionError("nothing was found")


@pytest.mark.parametrize("harm", [lambda file: file.write_text("nonsense [["), lambda file: file.unlink()])
def test_a_limits_file_that_is_edited_to_nonsense_or_removed_halts_and_another_limit_is_said(
    path, tmp_path, harm
):
    file, said = tmp_path / "desk.toml", []
    file.write_text("position = 2.0\n")

    def read():
        return OverlaySettings.model_validate(tomllib.loads(file.read_text()))

    limits = LimitsFile(file, read, read(), said.append, every=0.001)
    with limits.beside(path):
        file.write_text("position = 3.0\n")
        looked(limits, path, lambda: said)
        assert path.latch.state is RiskState.ACTIVE
        harm(file)
        looked(limits, path, lambda: path.latch.state is not RiskState.ACTIVE)
    assert path.journal.entries()[-1].inputs["position"]["limit"] == 3.0
    assert path.journal.latch().why.startswith("the limits cannot be read: ")


def test_what_is_there_when_the_loop_begins_is_not_looked_at_again_until_it_ends():
    with settled_memory():
        assert gc.get_freeze_count() > 1000
    assert gc.get_freeze_count() == 0
