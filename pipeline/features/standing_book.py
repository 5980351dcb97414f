"""The rows of a book that stood at some instants, kept while its day goes by."""

from typing import Final

import numpy as np

from pipeline.features.book_at import Instants, one_level
from pipeline.features.day_events import EventPart
from pipeline.features.event_feature import EventRows

NOTHING: Final = EventRows(np.zeros(1, dtype=np.int64), np.array([[1.0, 1.0, np.nan, 0.0, np.nan, 0.0]]))
"""A book that quotes neither side."""


class StandingBook:
    """Keeps of a book the first row and those that stood at some instants: `book_at` finds them there.

    Parameters
    ----------
    booked : whether there is a book; otherwise quotes are one of one level.
    times : the instants, in any order.
    """

    def __init__(self, booked: bool, times: Instants) -> None:
        self._booked, self._wanted, self._done = booked, np.unique(times), 0
        self._kept: list[EventRows] = []
        self._last: EventRows | None = None

    def take(self, part: EventPart) -> None:
        """Keep what stood at the instants of a part."""
        end = int(np.searchsorted(self._wanted, part.until, side="right"))
        wanted, self._done = self._wanted[self._done : end], end
        quotes = part.tables.get("quotes")
        rows = part.book if self._booked or quotes is None else one_level(quotes)
        places = _standing(rows, wanted)
        if self._last is not None and (places < 0).any():
            self._kept.append(self._last)
        if rows is not None:
            chosen = np.unique(
                places[places >= 0] if self._last is not None else np.append(places, 0).clip(0)
            )
            self._kept.append(rows[chosen])
            self._last = rows[np.array([len(rows) - 1])]

    def rows(self) -> EventRows:
        """Return what was kept, and the last row: it stands at all later instants."""
        if self._last is None:
            return NOTHING
        return EventRows.joined([*self._kept, self._last])


def _standing(rows: EventRows | None, times: Instants) -> Instants:
    """Return the places of the rows that stood at some instants; −1 where none of them did yet."""
    if rows is None:
        return np.full(len(times), -1)
    return np.searchsorted(rows.known_time, times, side="right") - 1
