"""Venues' streams as the feed of a desk: recorded as they come, read as recorded files are read."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Final

from pipeline.features.day_events import EventPart
from pipeline.ingest.time_order import TimedRows
from pipeline.live.feed import END, Moment
from pipeline.live.venue_stream import VenueStream

TICK: Final = 0.02
"""Seconds between two moments at most, while the loop keeps up."""
LATE: Final = 1_000_000_000
"""Nanoseconds after which a decision comes too late to trade on."""
Take = Callable[[Mapping[str, TimedRows]], EventPart]


class VenueFeed:
    """One day of one instrument at a venue, or at two; their lines have to be held meanwhile.

    All messages have their time of receipt by one clock: those of two venues come in its order, of one
    instant together. A start within a day first reads what earlier ones recorded of it, in that order too.

    Parameters
    ----------
    streams : go on from day to day.
    day : its name.
    ends : its end, ns.
    take : makes events of rows.
    """

    def __init__(self, streams: Sequence[VenueStream], day: str, ends: int, take: Take) -> None:
        self._streams, self._day, self._ends, self._take = streams, day, ends, take
        self._clock = streams[0].clock

    async def moments(self, due: Callable[[], float], since: int) -> AsyncGenerator[Moment, None]:
        """Yield what was recorded of the day, and then what comes, until its end."""
        for until in self._recorded():
            yield self._moment(until)
            await asyncio.sleep(0)
        now = self._clock.now()
        with ExitStack() as files:
            recordings = [files.enter_context(each.recording(self._day)) for each in self._streams]
            while now < self._ends:
                await asyncio.sleep(min(TICK, max(due() - now, 0.0) / 1e9))
                for stream, recording in zip(self._streams, recordings, strict=True):
                    stream.take(recording)
                now = self._clock.now()
                yield self._moment(now)

    def _recorded(self) -> Iterator[int]:
        """Read the recordings of all streams in turn, one block ahead; yield until when all is read, ns."""
        blocks = [each.recorded(self._day) for each in self._streams]
        reached = [next(each, END) for each in blocks]
        while (until := min(reached)) < END:
            yield until
            place = reached.index(until)
            reached[place] = next(blocks[place], END)

    def _moment(self, now: int) -> Moment:
        """Return what is known until a time; all of it has been read."""
        now = min(now, self._ends - 1)
        rows = {name: each for stream in self._streams for name, each in stream.until(now).items()}
        return Moment(now, self._take(rows) if rows else None, LATE)
