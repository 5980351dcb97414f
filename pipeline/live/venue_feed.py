"""A venue's stream as the feed of a desk: recorded as it comes, read as a recorded file is read."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from pipeline.features.day_events import EventPart
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.time_order import TimedRows
from pipeline.live.feed import Moment
from pipeline.live.feed_state import SLOW
from pipeline.live.recording import Recording
from pipeline.live.venue_stream import VenueStream

TICK: Final = 0.02
"""Seconds between two moments at most, while the loop keeps up."""
LATE: Final = 1_000_000_000
"""Nanoseconds after which a decision comes too late to trade on."""
Take = Callable[[Mapping[str, TimedRows]], EventPart]
log = logging.getLogger(__name__)


class VenueFeed:
    """One day of one instrument of a venue; its line has to be held meanwhile.

    Messages are kept in a file for each start and each day, in the raw format of `ingest.formats`: a day that
    was lived can be stored, learned from and lived again. A start within a day first reads what earlier ones
    have recorded of it.

    Parameters
    ----------
    stream : goes on from day to day.
    day : its name.
    ends : its end, ns.
    take : makes events of rows.
    """

    def __init__(self, stream: VenueStream, day: str, ends: int, take: Take) -> None:
        self._stream, self._ends, self._take = stream, ends, take
        self._rows, self._clock, self._stem = stream.rows, stream.clock, f"{stream.symbol}-{day}"

    async def moments(self, due: Callable[[], float], since: int) -> AsyncGenerator[Moment, None]:
        """Yield what was recorded of the day, and then what comes, until its end."""
        for path in sorted(self._stream.folder.glob(f"{self._stem}-*.log")):
            self._rows.begin(path.name)
            for _, text in RawStream(str(path)).line_blocks():
                self._rows.take(text)
                yield self._moment(_stamp(text))
                await asyncio.sleep(0)
        began = datetime.fromtimestamp(self._clock.now() / 1e9, UTC)
        path = self._stream.folder / f"{self._stem}-{began:%Y%m%dT%H%M%S.%f}.log"
        self._rows.begin(path.name)
        now = self._clock.now()
        with Recording(path) as recording:
            while now < self._ends:
                await asyncio.sleep(min(TICK, max(due() - now, 0.0) / 1e9))
                self._stream.line.check()
                self._watch()
                text = self._stream.inbox.take()
                now = self._clock.now()
                recording.append(text)
                self._rows.take(text)
                self._stream.line.want_book(self._stream.state.stands and self._rows.wants_book)
                yield self._moment(now)

    def _moment(self, now: int) -> Moment:
        """Return what is known until a time; all of it has been read."""
        now = min(now, self._ends - 1)
        rows = self._rows.until(now)
        return Moment(now, self._take(rows) if rows else None, LATE)

    def _watch(self) -> None:
        """Say how the feed is doing."""
        state, behind = self._stream.state, self._stream.inbox.behind
        if behind > SLOW >= state.behind:
            log.warning("%s: the loop is %.1f s behind the feed", self._stem, behind)
        state.behind, state.messages = behind, self._stream.inbox.messages
        state.clock_off = self._clock.off()


def _stamp(text: bytes) -> int:
    """Return the time of receipt of the last line that has one; 0 without one."""
    for line in reversed(text.splitlines()):
        stamp = line.partition(b" ")[0]
        if len(stamp) == 19 and stamp.isdigit():
            return int(stamp)
    return 0
