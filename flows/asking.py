"""A live desk's questions to people: a thread of its own carries them to Prefect and brings answers back."""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient

from flows import questions
from pipeline.domain.errors import HedgeError
from pipeline.live.approvals import Answered, Question
from pipeline.live.control import Control
from pipeline.live.order_path import OrderPath

log = logging.getLogger(__name__)

EVERY: Final = 0.5
"""Seconds between two looks at what is open."""
PATIENCE: Final = 10.0
"""Seconds that the thread gets to take back what is closed when the desk ends."""


NOT_PUT: Final = "on its way to Prefect"
PUT: Final = "in Prefect"
ANSWERED: Final = "answered: it counts at the next decision"


@dataclass
class _Put:
    """A question, the last moment of its answer, its flow run, its page, and why it is closed."""

    question: Question
    until: datetime
    run: UUID | None = None
    page: str = ""
    closed: str = ""
    answered: bool = False


class PrefectApprovals(Control):
    """Asks people through the deployment `approval` of a desk; see `live.approvals.Approvals`.

    The desk never waits for it: what the thread cannot do now it tries again, and `fault` says why.

    Parameters
    ----------
    desk : its name.
    api : of the Prefect server.
    every : seconds between two looks.
    speed : how many times as fast as ours the desk's clock goes, in a replay.
    """

    def __init__(self, desk: str, api: str, every: float = EVERY, speed: float = 1.0) -> None:
        self._desk, self._api, self._every, self._speed = desk, api, every, speed
        self.fault = ""
        self._open: dict[str, _Put] = {}
        self._come: deque[Answered] = deque()
        self._over = threading.Event()

    def ask(self, question: Question) -> None:
        """Put a question before people, as soon as Prefect can be reached."""
        seconds = (question.deadline - question.at) / 1e9 / self._speed
        until = datetime.fromtimestamp(time.time() + seconds, UTC)
        self._open[question.request] = _Put(question, until)

    def answers(self) -> Sequence[Answered]:
        """Return the answers that have come since the last call."""
        return [self._come.popleft() for _ in range(len(self._come))]

    def close(self, request: str, why: str) -> None:
        """Take a question back, if nobody has answered it."""
        if request in self._open:
            self._open[request].closed = why

    def told(self) -> Mapping[str, str]:
        """Return how the open question stands, to any thread."""
        found = next((put for put in list(self._open.values()) if not put.closed), None)
        stands = ""
        if found is not None:
            stands = ANSWERED if found.answered else NOT_PUT if found.run is None else PUT
        return {"stands": stands, "page": "" if found is None else found.page, "fault": self.fault}

    @contextmanager
    def beside(self, path: OrderPath) -> Iterator[None]:
        """Carry questions and answers meanwhile; what is open at the end stays open for the next start."""
        thread = threading.Thread(target=self._go, name="approvals", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join(PATIENCE)

    def _go(self) -> None:
        while not self._over.wait(self._every):
            self.look()
        self.look()
        until = time.monotonic() + PATIENCE
        while any(put.closed for put in self._open.values()) and time.monotonic() < until:
            time.sleep(self._every)
            self.look()

    def look(self) -> None:
        """Carry what there is to carry, once; what fails is tried again at the next call."""
        if not self._open:
            return
        try:
            with questions.reached(self._api) as client:
                for request, put in list(self._open.items()):
                    self._carry(client, request, put)
            self.fault = ""
        except HedgeError as error:
            self.fault = str(error)
        except Exception as error:
            log.exception("people cannot be asked")
            self.fault = f"{type(error).__name__}: {error}"

    def _carry(self, client: SyncPrefectClient, request: str, put: _Put) -> None:
        if put.run is None and not put.closed:
            put.run = questions.put(client, self._desk, put.question, put.until)
            put.page = questions.page_of(put.run)
        if put.run is not None and not put.answered:
            came = questions.given(client, put.run, request)
            if came is not None:
                put.answered = True
                self._come.append(came)
        if not put.closed:
            return
        if put.run is None or put.answered or questions.taken_back(client, put.run, put.closed):
            del self._open[request]
