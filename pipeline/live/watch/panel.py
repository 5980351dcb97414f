"""Between a running desk's loop and everybody else: what people ask goes in, snapshots come out."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial

from pipeline.domain.errors import RiskError
from pipeline.live.control import Control
from pipeline.live.hedger import Decided
from pipeline.live.order_path import OrderPath
from pipeline.live.watch.board import Board, Pulse
from pipeline.live.watch.request import Request, obey
from pipeline.risk.state import Latch


class Panel(Control):
    """Stands beside the loop, which alone touches the order path; other threads ask and wait for the answer.

    A request is carried out between two events, or as soon as the loop is woken where the market is silent.

    Parameters
    ----------
    board : of the snapshots.
    now : ns since 1970 UTC, for the audit.
    """

    def __init__(self, board: Board, now: Callable[[], int] = time.time_ns) -> None:
        self.board, self._now = board, now
        self._asked: deque[tuple[Request, Future[Latch]]] = deque()
        self._path: OrderPath | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over, self._obeyed = False, 0

    @contextmanager
    def beside(self, path: OrderPath) -> Iterator[None]:
        """Take what is asked meanwhile, and refuse it afterwards."""
        self._path, self._loop = path, asyncio.get_running_loop()
        try:
            yield
        finally:
            self._end()

    def between(self, path: OrderPath) -> None:
        """Do what was asked for meanwhile."""
        if self._asked:
            self._obey()

    def after(self, decided: Decided, path: OrderPath) -> None:
        """Put a decision up."""
        account = path.account
        self.board.publish(decided, path.latch, account.fees, len(account.seen))

    def pulse(self) -> Pulse | None:
        """Return where the desk is, to any thread; None before it runs."""
        path = self._path
        if path is None:
            return None
        account = path.account
        return Pulse(path.latch, self.board.count, len(account.orders), len(account.seen), self._obeyed)

    def ask(self, request: Request) -> "Future[Latch]":
        """Ask from any thread; the answer is the risk state then, or what `request.obey` raises.

        Raises
        ------
        RiskError
            The loop has ended.
        """
        if self._over:
            raise ended(request)
        answer: Future[Latch] = Future()
        answer.set_running_or_notify_cancel()  # who waits no longer takes nothing back
        self._asked.append((request, answer))
        if self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(self._obey)
            except RuntimeError:  # it was closed just now
                raise ended(request) from None
        return answer

    def _end(self) -> None:
        self._over = True
        while self._asked:
            request, answer = self._asked.popleft()
            answer.set_exception(ended(request))

    def _obey(self) -> None:
        while self._asked and self._path is not None:
            request, answer = self._asked.popleft()
            try:
                done = partial(answer.set_result, obey(self._path, request, self._now()))
            except Exception as error:
                done = partial(answer.set_exception, error)
            self._obeyed += 1
            done()


def ended(request: Request) -> RiskError:
    """Return the error of one who asks too late."""
    return RiskError(f"the desk has ended: hedge {request.wish} writes it into the journal now")
