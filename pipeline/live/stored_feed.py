"""The events of a stored day as a feed: as fast as they are taken, or so many times as fast as they were."""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import Final

from pipeline.features.day_events import EventPart
from pipeline.live.feed import END, Moment

TICK: Final = 0.02
"""Seconds between two moments of a feed that keeps to a clock."""


class StoredFeed:
    """The events of a stored day until its close.

    It keeps to a clock from the open on, or from where the desk goes on: what was before is given at once.

    Parameters
    ----------
    parts : the events.
    opened, closed : the open and the close, ns.
    speed : how many times as fast as they were; infinite is as fast as they are taken.
    clock, sleep : in seconds.

    Examples
    --------
    >>> async def moments(feed):
    ...     return [(each.now, each.part) async for each in feed.moments(lambda: 0.0, since=0)]
    >>> asyncio.run(moments(StoredFeed([EventPart(5, {})], opened=1, closed=9)))[:2]
    [(5, EventPart(until=5, tables={}, book=None, other_book=None)), (9, None)]
    """

    def __init__(
        self,
        parts: Iterable[EventPart],
        opened: int,
        closed: int,
        speed: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._parts, self._opened, self._closed, self._speed = parts, opened, closed, speed
        self._clock, self._sleep = clock, sleep

    async def moments(self, due: Callable[[], float], since: int) -> AsyncGenerator[Moment, None]:
        """Yield the events in their order; after the close, when they are over, time has no end."""
        self._start, now = max(self._opened, since), 0
        self._began: float | None = None
        for part in self._parts:
            rest: EventPart | None = part
            while rest is not None:
                now = await self._later(rest.until)
                early, rest = rest.split(now)
                yield Moment(now, early)
        while now < self._closed:
            now = await self._later(self._closed)
            yield Moment(now, None)
        yield Moment(END, None)

    async def _later(self, until: int) -> int:
        """Return how far time has come on the way to `until`."""
        if self._speed == math.inf or until <= self._start:
            await self._sleep(0)
            return until
        if self._began is None:
            self._began = self._clock()
        await self._sleep(TICK)
        return min(until, self._start + int(1e9 * self._speed * (self._clock() - self._began)))
