"""The clock of a stream of events: which rows to hold so that it does not go back."""

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.kept import kept

Instants = NDArray[np.int64]


class EventClock:
    """Reads times batch by batch and says which rows have a time that cannot be believed.

    Held are the fewest rows of a batch without which no time lies before one above it, less those that are
    within the tolerance. So one slip into the future costs one row, not all that follow it.

    Examples
    --------
    >>> EventClock(0).astray(np.array([1, 2, 9, 3, 4])).tolist()
    [False, False, True, False, False]
    """

    def __init__(self, tolerance: int) -> None:
        """Allow times to go back by `tolerance`, in the unit of the times."""
        self.tolerance = tolerance
        self._latest = int(np.iinfo(np.int64).min) // 2

    def astray(self, times: Instants, sound: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
        """Return [rows] whether a row is to be held; rows that are not `sound` are not looked at."""
        rows = np.arange(len(times)) if sound is None else np.flatnonzero(sound)
        read = times[rows]
        found = np.zeros(len(times), dtype=np.bool_)
        if not len(read):
            return found
        latest = np.maximum(np.maximum.accumulate(read), self._latest)
        if (read < latest - self.tolerance).any():
            early = read < self._latest - self.tolerance
            inside = np.flatnonzero(~early)
            chain = np.full(len(read), np.iinfo(np.int64).max)
            chain[inside] = np.where(longest_chain(read[inside]), read[inside], chain[inside])
            to_come = np.minimum.accumulate(chain[::-1])[::-1]
            slipped = read - self.tolerance > to_come
            highest = np.maximum.accumulate(np.where(slipped, self._latest, read))
            found[rows] = slipped | (read < np.maximum(highest, self._latest) - self.tolerance)
        kept = read[~found[rows]]
        if len(kept):
            self._latest = max(self._latest, int(kept.max()))
        return found


@kept(nogil=True)
def longest_chain(times: Instants) -> NDArray[np.bool_]:
    """Return the rows of a longest subsequence that never decreases (Schensted, 1961; O(n log n)).

    Examples
    --------
    >>> longest_chain(np.array([5, 1, 2, 2, 0])).tolist()
    [False, True, True, True, False]
    """
    count = len(times)
    ends = np.empty(count, dtype=np.int64)
    before = np.full(count, -1, dtype=np.int64)
    length = 0
    for row in range(count):
        low, high = 0, length
        while low < high:
            middle = (low + high) // 2
            if times[ends[middle]] <= times[row]:
                low = middle + 1
            else:
                high = middle
        if low > 0:
            before[row] = ends[low - 1]
        ends[low] = row
        if low == length:
            length += 1
    chosen = np.zeros(count, dtype=np.bool_)
    row = ends[length - 1] if length else -1
    while row >= 0:
        chosen[row] = True
        row = before[row]
    return chosen
