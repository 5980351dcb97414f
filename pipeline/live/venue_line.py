"""The line to a streaming venue: made again whenever it is lost, its book asked for when it is needed."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from pipeline.domain.errors import FeedError
from pipeline.live.backoff import pauses
from pipeline.live.feed_state import FeedState
from pipeline.live.inbox import Inbox
from pipeline.live.streamed_venue import StreamedVenue

LARGEST: Final = 16 << 20
"""Bytes of a message above which it is not taken."""
STEADY: Final = 60.0
"""Seconds after which a line was a good one: the pauses begin anew."""
PATIENCE: Final = 10.0
"""Seconds for an answer."""
FAREWELL: Final = 1.0
"""Seconds that a venue has to say goodbye."""
log = logging.getLogger(__name__)


class VenueLine:
    """Puts what a venue says into an inbox for as long as it is held.

    Parameters
    ----------
    venue : to connect to.
    inbox : of the messages.
    silence : seconds without any after which the line is cut and made again.
    dice : of the pauses.
    state : is kept up to date.
    """

    def __init__(
        self, venue: StreamedVenue, inbox: Inbox, silence: float, dice: random.Random, state: FeedState
    ) -> None:
        self._venue, self._inbox, self._silence, self._dice = venue, inbox, silence, dice
        self._wanted, self._state = asyncio.Event(), state
        self._socket: ClientConnection | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def want_book(self, wanted: bool) -> None:
        """Say whether the book has to be told anew."""
        (self._wanted.set if wanted else self._wanted.clear)()

    def check(self) -> None:
        """Raise what ended the line for good, which only a fault of the program does."""
        for task in self._tasks:
            if task.done():
                task.result()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Keep the line up."""
        work = (self._kept(), self._asked() if self._venue.snapshot else self._begun_anew())
        self._tasks = [asyncio.create_task(each) for each in work]
        try:
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _kept(self) -> None:
        waits = pauses(self._dice)
        while True:
            began = time.monotonic()
            try:
                await self._listen()
            except (OSError, WebSocketException, FeedError) as error:
                why = str(error) or f"nothing came for {self._silence:g} s"
            if self._state.stands:
                self._inbox.lost()
            self._socket, self._state.stands, self._state.lost = None, False, why
            waits = pauses(self._dice) if time.monotonic() - began > STEADY else waits
            pause = next(waits)
            log.warning("%s: line lost: %s: again in %.1f s", self._venue.named, why, pause)
            await asyncio.sleep(pause)

    async def _listen(self) -> None:
        """Take messages until the line ends, which raises."""
        async with connect(self._venue.url, max_size=LARGEST, close_timeout=FAREWELL) as self._socket:
            for each in self._venue.sends:
                await self._socket.send(each)
            self._state.stands, self._state.made = True, self._state.made + 1
            while True:
                async with asyncio.timeout(self._silence):
                    message = await self._socket.recv()
                self._inbox.put(message)

    async def _asked(self) -> None:
        """Ask for the book whenever it is wanted, with pauses that grow until it no longer is."""
        waits = pauses(self._dice)
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            while True:
                if not self._wanted.is_set():
                    waits = pauses(self._dice)
                await self._wanted.wait()
                pause = next(waits)
                try:
                    answer = (await client.get(self._venue.snapshot)).raise_for_status()
                    self._inbox.put(answer.content)
                    self._state.asked += 1
                except httpx.HTTPStatusError as error:
                    told = error.response.headers.get("retry-after", "")
                    pause = max(pause, float(told) if told.isdecimal() else 0.0)
                    self._not_told(f"{error.response.status_code} {error.response.reason_phrase}")
                except (httpx.HTTPError, FeedError) as error:
                    self._not_told(str(error) or type(error).__name__)
                await asyncio.sleep(pause)

    async def _begun_anew(self) -> None:
        """Cut the line where the book stays wanted: a new one begins with it."""
        waits = pauses(self._dice, first=1.0)
        while True:
            if not self._wanted.is_set():
                waits = pauses(self._dice, first=1.0)
            await self._wanted.wait()
            await asyncio.sleep(next(waits))
            if self._wanted.is_set() and self._socket is not None:
                await self._socket.close()

    def _not_told(self, why: str) -> None:
        self._state.refused = why
        log.warning("%s: the book is not told: %s", self._venue.named, why)
