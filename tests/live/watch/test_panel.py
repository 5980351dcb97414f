"""Other threads ask, the loop obeys: between events, and woken where nothing happens."""

import asyncio
import threading

import pytest

from pipeline.domain.errors import RiskError
from pipeline.live.watch.board import Board
from pipeline.live.watch.panel import Panel
from pipeline.live.watch.request import Request, Wish
from pipeline.risk.state import RiskState

HALT = Request(Wish.HALT, "ada", "too hot")


def test_a_request_of_another_thread_is_obeyed_in_the_loops_own(path):
    panel, where, cancel = Panel(Board(), now=lambda: 9), [], path.gateway.cancel
    path.gateway.cancel = lambda *told: where.append(threading.current_thread()) or cancel(*told)
    answers = []

    async def loop():
        with panel.beside(path):
            threading.Thread(target=lambda: answers.append(panel.ask(HALT))).start()
            for _ in range(500):
                await asyncio.sleep(0.002)  # nothing happens: `between` is not called
                if answers and answers[0].done():
                    return

    asyncio.run(loop())
    assert answers[0].result(timeout=0).who == "ada"
    assert where == [threading.main_thread()]
    assert path.journal.entries()[-1].at == 9


def test_what_was_asked_before_an_event_is_done_after_it_though_the_loop_never_rests(path):
    panel = Panel(Board())

    async def loop():
        with panel.beside(path):
            answer = panel.ask(HALT)
            assert not answer.done()
            panel.between(path)
            assert answer.result(timeout=0).state is RiskState.HALTED
            resumed, again = (panel.ask(Request(Wish.RESUME, "bob", "fine")) for _ in range(2))
            panel.between(path)
            assert resumed.result(timeout=0).who == "bob"
            with pytest.raises(RiskError, match="nothing to resume"):
                again.result(timeout=0)

    asyncio.run(loop())


def test_who_waits_no_longer_is_obeyed_all_the_same(path):
    panel = Panel(Board())

    async def loop():
        with panel.beside(path):
            waiting = asyncio.wait_for(asyncio.wrap_future(panel.ask(HALT)), timeout=0.0)
            with pytest.raises(TimeoutError):
                await waiting
            panel.between(path)

    asyncio.run(loop())
    assert path.latch.who == "ada"
    assert panel.pulse().latch is path.latch


def test_what_is_asked_before_the_loop_begins_waits_for_it(path):
    panel = Panel(Board())
    answer = panel.ask(HALT)

    async def loop():
        with panel.beside(path):
            panel.between(path)

    asyncio.run(loop())
    assert answer.result(timeout=0).state is RiskState.HALTED


def test_a_loop_that_has_ended_says_so(path):
    panel = Panel(Board())
    asked = []

    async def loop():
        with panel.beside(path):
            asked.append(panel.ask(HALT))

    asyncio.run(loop())
    with pytest.raises(RiskError, match="has ended"):
        asked[0].result(timeout=0)
    with pytest.raises(RiskError, match="has ended"):
        panel.ask(HALT)
    assert path.latch.state is RiskState.ACTIVE


def test_the_board_keeps_the_newest_and_counts_all():
    board = Board(kept=3)
    for number in range(5):
        board.publish(number, None, 0.0, 0)
    assert [(each.number, each.decided) for each in board.since(0)] == [(3, 2), (4, 3), (5, 4)]
    assert [each.number for each in board.since(4)] == [5]
    assert board.since(5) == []
