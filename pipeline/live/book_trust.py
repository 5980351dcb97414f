"""Whether the rows of a stream tell a whole book."""

import numpy as np

from pipeline.ingest.market_tables import CLEAR, GAP, Batch


class BookTrust:
    """Follows the events of a book: it is whole from a snapshot until a gap.

    Attributes
    ----------
    whole : whether it is.
    """

    def __init__(self) -> None:
        self.whole = False

    def take(self, batch: Batch) -> None:
        """Take the next rows of any table."""
        if batch.table != "book_events" or not len(batch.rows):
            return
        begun = np.flatnonzero(batch.rows.column("kind").to_numpy() == CLEAR)
        lost = np.flatnonzero(batch.rows.column("flags").to_numpy() & GAP)
        if len(begun) or len(lost):
            self.whole = bool(np.max(begun, initial=-1) > np.max(lost, initial=-1))
