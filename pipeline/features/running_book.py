"""The book, or the best quotes, since the last decision: at an instant, and means over the interval."""

from typing import Final, NamedTuple

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.domain.intraday_desk import GridSettings, IntradayHedge
from pipeline.features.book_walk import interval_numbers, quoted, standing
from pipeline.features.decision_times import SECOND
from pipeline.features.event_feature import EventRows
from pipeline.features.standing_book import NOTHING

BPS: Final = 1e4
ROOM: Final = 256
"""Rows for which there is room at first."""


class Standing(NamedTuple):
    """A book as it stood at an instant.

    Attributes
    ----------
    state : see `book_at`.
    sides : [4, L] bid prices, bid sizes, ask prices and ask sizes, the best first; NaN where a side ends.
    """

    state: int
    sides: FloatArray


class Quote(NamedTuple):
    """The best prices, NaN where nothing can be traded, and the seconds since the newest row was told.

    The age is infinite where there never was a row.
    """

    bid: float
    ask: float
    age: float


class RunningBook:
    """Rows of a book, columns as of `BookRows`; in memory are those since the last interval."""

    def __init__(self) -> None:
        self._known, self._columns, self._rows = NOTHING.known_time, NOTHING.columns, 1
        self._begun = False
        self.standing(0, 0.0)
        self.quote(0, 0.0)  # compiled here, not at the first decision
        self.interval(0, 1, GridSettings(), IntradayHedge(), np.empty(7))

    def take(self, rows: EventRows) -> None:
        """Take the next rows, all of an instant together."""
        count, before = len(rows), self._rows if self._begun else 0
        if not self._begun or before + count > len(self._known):
            room = max(ROOM, 2 * (before + count))
            known, columns = np.empty(room, dtype=np.int64), np.empty((room, rows.columns.shape[1]))
            if before:
                known[:before], columns[:before] = self._known[:before], self._columns[:before]
            self._known, self._columns, self._begun = known, columns, True
        self._known[before : before + count] = rows.known_time
        self._columns[before : before + count] = rows.columns
        self._rows = before + count

    def standing(self, at: int, stale_after: float) -> Standing:
        """Return the book as it stood at an instant since the last interval."""
        place, state = standing(self._known, self._columns, self._rows, at, stale_after)
        return Standing(state, self._columns[max(place, 0), 2:].reshape(4, -1).copy())

    def quote(self, at: int, stale_after: float) -> Quote:
        """Return the best prices at an instant since the last interval."""
        return self._told(*quoted(self._known, self._columns, self._rows, at, stale_after))

    def interval(
        self, at: int, since: int, grid: GridSettings, hedge: IntradayHedge, numbers: FloatArray
    ) -> Quote:
        """Write mid, state and the means of the interval of `since` ns that ends `at`; the next begins.

        Returned are the best prices at its end.
        """
        best = interval_numbers(
            self._known,
            self._columns,
            self._rows,
            at,
            since,
            int(grid.sample_seconds * SECOND),
            grid.stale_after_seconds,
            hedge.order_size,
            hedge.depth_bps / BPS,
            numbers,
        )
        self.begin_anew()
        return self._told(*best)

    def begin_anew(self) -> None:
        """Keep the last row alone: no instant before it is asked for again."""
        last = self._rows - 1
        self._known[0], self._columns[0], self._rows = self._known[last], self._columns[last], 1

    def _told(self, bid: float, ask: float, age: float) -> Quote:
        return Quote(bid, ask, age if self._begun else np.inf)
