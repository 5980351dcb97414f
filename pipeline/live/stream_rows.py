"""Lines of a stream, recorded or as they come, to rows in the order in which they are known."""

from collections.abc import Mapping
from typing import Final

from pipeline.ingest.market_tables import GAP, QUARANTINE, SNAPSHOT, Batch, screened
from pipeline.ingest.time_order import TimedRows
from pipeline.live.book_trust import BookTrust
from pipeline.live.feed_state import FeedState
from pipeline.live.streamed_venue import StreamedVenue
from pipeline.live.waiting_rows import WaitingRows

BOOK_EVENTS: Final = "book_events"


class StreamRows:
    """Reads files of a venue's stream one after the other, each as the batch reader reads it.

    Parameters
    ----------
    venue : whose stream it is.
    state : is kept up to date.
    """

    def __init__(self, venue: StreamedVenue, state: FeedState) -> None:
        self._venue, self._state = venue, state
        self._waiting, self._book = WaitingRows(venue.tables), BOOK_EVENTS in venue.tables
        self._files = self._lines = 0

    def begin(self, name: str) -> None:
        """Begin a file."""
        self._reader, self._name, self._trust = self._venue.reader(name), name, BookTrust()
        self._files, self._lines = self._files + 1, 1

    @property
    def wants_book(self) -> bool:
        """Whether there is a book to be told, and it is not whole."""
        return self._book and not self._trust.whole

    def take(self, text: bytes) -> None:
        """Read whole lines of the file."""
        for read in self._reader.take(self._lines, text) if text else ():
            for batch in screened(read, self._name):
                self._keep(batch)
        self._lines += text.count(b"\n")
        self._state.whole = self._trust.whole if self._book else None

    def until(self, now: int) -> Mapping[str, TimedRows]:
        """Return the rows that are known at a time, each once."""
        return self._waiting.until(now)

    def _keep(self, batch: Batch) -> None:
        if batch.table == QUARANTINE:
            self._state.held.update(batch.rows.column("reason").to_pylist())
            return
        self._trust.take(batch)
        self._waiting.add(batch, self._files)
        if batch.table == BOOK_EVENTS and not batch.rows.column("flags")[-1].as_py() & (SNAPSHOT | GAP):
            event, known = (batch.rows.column(name)[-1].value for name in ("event_time", "known_time"))
            self._state.lag = (known - event) / 1e9
