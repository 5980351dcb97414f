"""The book of a stored day at instants that go on, read no further than they have come."""

from collections.abc import Iterator

from pipeline.features.book_walk import standing
from pipeline.features.event_feature import EventRows
from pipeline.features.running_book import Standing
from pipeline.features.standing_book import NOTHING


class StoredBook:
    """Follows a book that is stored; nothing of it is seen before it was known.

    Parameters
    ----------
    rows : of the book in parts, columns as of `BookRows`, all of an instant together.
    stale_after : seconds after which a book that nobody has said anything of is not believed.

    Examples
    --------
    >>> import numpy as np
    >>> told = EventRows(np.array([5]), np.array([[1.0, 1.0, 99.0, 2.0, 101.0, 3.0]]))
    >>> book = StoredBook(iter([told]), stale_after=30.0)
    >>> book.at(4).sides.tolist(), book.at(5).sides.ravel().tolist()
    ([[nan], [0.0], [nan], [0.0]], [99.0, 2.0, 101.0, 3.0])
    """

    def __init__(self, rows: Iterator[EventRows], stale_after: float) -> None:
        self._coming, self._stale_after = rows, stale_after
        self._rows, self._next = NOTHING, next(rows, None)

    def at(self, at: int) -> Standing:
        """Return the book as it stood at an instant, ns, which is not before the one asked for last."""
        while self._next is not None and self._next.known_time[0] <= at:
            self._rows, self._next = self._next, next(self._coming, None)
        columns = self._rows.columns
        place, state = standing(self._rows.known_time, columns, len(self._rows), at, self._stale_after)
        return Standing(state, columns[max(place, 0), 2:].reshape(4, -1).copy())
