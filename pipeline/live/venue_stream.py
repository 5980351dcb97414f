"""All that goes on from one day of a venue's stream to the next."""

import logging
import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.time_order import TimedRows
from pipeline.live.desk_clock import DeskClock
from pipeline.live.feed_state import SLOW, FeedState
from pipeline.live.inbox import Inbox
from pipeline.live.recording import Recording
from pipeline.live.stream_rows import StreamRows
from pipeline.live.streamed_venue import StreamedVenue
from pipeline.live.venue_line import VenueLine

log = logging.getLogger(__name__)


class VenueStream:
    """The line to a venue, what it has put down, what is read of that, and where it is kept.

    Messages are kept in a file for each start and each day, in the raw format of `ingest.formats`: a day that
    was lived can be stored, learned from and lived again.

    Parameters
    ----------
    venue : whose stream it is.
    folder : of the recordings.
    clock : of the desk.
    silence : seconds without a message after which the line is made again.
    state : is kept up to date.
    dice : of the pauses between two lines.
    prefix : of the names of its tables.

    Attributes
    ----------
    tables : that it tells, their names after `prefix`.
    """

    def __init__(
        self,
        venue: StreamedVenue,
        folder: Path,
        clock: DeskClock,
        silence: float,
        state: FeedState,
        dice: random.Random | None = None,
        prefix: str = "",
    ) -> None:
        self.clock, self.state = clock, state
        self._symbol, self._named = venue.symbol, venue.named
        self._folder, self._prefix = folder, prefix
        self.tables = frozenset(f"{prefix}{table}" for table in venue.tables)
        self._inbox, self._rows = Inbox(clock), StreamRows(venue, state)
        dice = dice or random.Random()  # nosec B311 # pauses
        self.line = VenueLine(venue, self._inbox, silence, dice, state)

    def recorded(self, day: str) -> Iterator[int]:
        """Read what earlier starts have recorded of a day, block by block; yield until when each goes, ns."""
        for path in sorted(self._folder.glob(f"{self._symbol}-{day}-*.log")):
            self._rows.begin(path.name)
            for _, text in RawStream(str(path)).line_blocks():
                self._rows.take(text)
                yield _stamp(text)

    def recording(self, day: str) -> Recording:
        """Begin a file of a day."""
        began = datetime.fromtimestamp(self.clock.now() / 1e9, UTC)
        path = self._folder / f"{self._symbol}-{day}-{began:%Y%m%dT%H%M%S.%f}.log"
        self._rows.begin(path.name)
        return Recording(path)

    def take(self, recording: Recording) -> None:
        """Record and read what came, say how the stream is doing, and ask for the book if it is missing."""
        self.line.check()
        self._watch()
        text = self._inbox.take()
        recording.append(text)
        self._rows.take(text)
        self.line.want_book(self.state.stands and self._rows.wants_book)

    def until(self, now: int) -> Mapping[str, TimedRows]:
        """Return the rows that are known at a time, each once, by table."""
        return {f"{self._prefix}{table}": rows for table, rows in self._rows.until(now).items()}

    def _watch(self) -> None:
        state, behind = self.state, self._inbox.behind
        if behind > SLOW >= state.behind:
            log.warning("%s: the loop is %.1f s behind the feed", self._named, behind)
        state.behind, state.messages = behind, self._inbox.messages
        state.clock_off = self.clock.off()


def _stamp(text: bytes) -> int:
    """Return the time of receipt of the last line that has one; 0 without one."""
    for line in reversed(text.splitlines()):
        stamp = line.partition(b" ")[0]
        if len(stamp) == 19 and stamp.isdigit():
            return int(stamp)
    return 0
