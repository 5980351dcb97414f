"""When the messages of a stream were known, by a venue's clock and a receiver's that may be behind it."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

FAR: Final = 60_000_000_000
"""Clocks that differ by more nanoseconds are not behind, they are wrong."""
AHEAD: Final = "happened over a minute after it was received: one of its times is wrong"
Times = NDArray[np.datetime64]


def ahead(event: Times, received: Times) -> NDArray[np.bool_]:
    """Return [rows] whether a message happened so long after its receipt that a time of it is wrong.

    Examples
    --------
    >>> at = np.array(["2024-08-08T00:00:01", "2024-08-08T00:02:00"], dtype="datetime64[ns]")
    >>> ahead(at, at[:1].repeat(2)).tolist()
    [False, True]
    """
    late: NDArray[np.bool_] = (event - received).astype(np.int64) > FAR
    return late


class KnownTimes:
    """Reads a stream's times batch by batch; what was known never goes back.

    A message is known when it is received, and when it happened where that is later: nothing is known before
    it happens, and a receiver's clock behind the venue's is no reason to lose a change of the book.

    Examples
    --------
    >>> seconds = np.array([0, 3, 4], dtype="datetime64[s]").astype("datetime64[ns]")
    >>> received = np.array([1, 2, 5], dtype="datetime64[s]").astype("datetime64[ns]")
    >>> KnownTimes()(seconds, received, np.ones(3, dtype=np.bool_)).astype(np.int64) // 10**9
    array([1, 3, 5])
    """

    def __init__(self) -> None:
        self._latest = np.datetime64(0, "ns")

    def __call__(self, event: Times, received: Times, sound: NDArray[np.bool_]) -> Times:
        """Return [rows] when each was known; a row that is not `sound` moves nothing."""
        later = np.where(sound, np.maximum(event, received), self._latest)
        known: Times = np.maximum.accumulate(np.r_[self._latest, later])
        self._latest = known[-1]
        return known[1:]
