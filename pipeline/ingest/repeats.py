"""Numbers that come twice in a stream, found in bounded memory."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

REMEMBERED: Final = 100_000


class Repeats:
    """Remembers the last numbers that it was shown, a hundred thousand at least.

    Examples
    --------
    >>> repeats = Repeats()
    >>> repeats.seen(np.array([7, 8, 7])).tolist(), repeats.seen(np.array([8, 9])).tolist()
    ([False, False, True], [True, False])
    """

    def __init__(self) -> None:
        self._before = np.empty(0, dtype=np.int64)

    def seen(self, numbers: NDArray[np.int64], asked: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
        """Return [rows] whether a number has been; rows that are not `asked` neither count nor repeat."""
        rows = np.arange(len(numbers)) if asked is None else np.flatnonzero(asked)
        read = numbers[rows]
        again = np.ones(len(read), dtype=np.bool_)
        again[np.unique(read, return_index=True)[1]] = False
        found = np.zeros(len(numbers), dtype=np.bool_)
        if len(self._before):
            known = np.sort(self._before)
            place = np.minimum(np.searchsorted(known, read), len(known) - 1)
            again |= known[place] == read
        found[rows] = again
        self._before = np.concatenate((self._before, read[~again]))[-REMEMBERED:]
        return found
