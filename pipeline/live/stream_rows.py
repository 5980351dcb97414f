"""Lines of a stream, recorded or as they come, to rows in the order in which they are known."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from pipeline.ingest.market_tables import GAP, QUARANTINE, SNAPSHOT, Batch, screened
from pipeline.ingest.time_order import TimedRows
from pipeline.live.book_trust import BookTrust
from pipeline.live.streamed_venue import StreamedVenue
from pipeline.live.waiting_rows import WaitingRows

BOOK_EVENTS: Final = "book_events"


class StreamRows:
    """Reads files of a venue's stream one after the other, each as the batch reader reads it.

    Parameters
    ----------
    venue : whose stream it is.

    Attributes
    ----------
    symbol : of the venue's instrument.
    held : lines and rows that were refused, by reason.
    lag : seconds from the newest change of the book until it was known.
    """

    def __init__(self, venue: StreamedVenue) -> None:
        self._venue, self.symbol = venue, venue.symbol
        self._waiting = WaitingRows(venue.tables)
        self._files = self._lines = 0
        self.held: Counter[str] = Counter()
        self.lag = 0.0

    def begin(self, name: str) -> None:
        """Begin a file."""
        self._reader, self._name, self._trust = self._venue.reader(name), name, BookTrust()
        self._files, self._lines = self._files + 1, 1

    @property
    def whole(self) -> bool:
        """Whether the file tells a whole book by now."""
        return self._trust.whole

    @property
    def wants_book(self) -> bool:
        """Whether there is a book to be told, and it is not whole."""
        return BOOK_EVENTS in self._venue.tables and not self.whole

    def take(self, text: bytes) -> None:
        """Read whole lines of the file."""
        for read in self._reader.take(self._lines, text) if text else ():
            for batch in screened(read, self._name):
                self._keep(batch)
        self._lines += text.count(b"\n")

    def until(self, now: int) -> Mapping[str, TimedRows]:
        """Return the rows that are known at a time, each once."""
        return self._waiting.until(now)

    def _keep(self, batch: Batch) -> None:
        if batch.table == QUARANTINE:
            self.held.update(batch.rows.column("reason").to_pylist())
            return
        self._trust.take(batch)
        self._waiting.add(batch, self._files)
        if batch.table == BOOK_EVENTS and not batch.rows.column("flags")[-1].as_py() & (SNAPSHOT | GAP):
            event, known = (batch.rows.column(name)[-1].value for name in ("event_time", "known_time"))
            self.lag = (known - event) / 1e9
