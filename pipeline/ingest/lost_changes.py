"""Which events of a book of orders miss a change before them, for its record is held."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.kept import kept

Marks = NDArray[np.bool_]
_OWED, _INSIDE = range(2)
_BEFORE, _WITHIN = 1, 2
_NOTHING: Final = 0


class LostChanges:
    """Reads a log of orders part by part and says which events carry `GAP`.

    The event after a loss does, unless it voids the book: a clear, or the first of a snapshot where the loss
    was no part of that. Where a snapshot lost a part all the rest of it does, so that it is no whole book; a
    clear makes up for that too, so that the next snapshot may be whole.

    Examples
    --------
    >>> def marks(said):
    ...     return [np.array([each == mark for each in said]) for mark in "xesc"]
    >>> def gaps(said):
    ...     lost, event, snapshot, clear = marks(said)
    ...     return LostChanges()(lost, event | snapshot | clear, snapshot, clear, lost & False).tolist()
    >>> gaps("exee"), gaps("excee")
    ([False, False, True, False], [False, False, False, False, False])
    >>> gaps("exsse"), gaps("sxsse")
    ([False, False, False, False, False], [False, False, True, True, True])
    >>> gaps("sxscs")
    [False, False, True, False, False]
    """

    def __init__(self) -> None:
        self._state = np.zeros(2, dtype=np.int64)

    @property
    def owed(self) -> bool:
        """Whether the next event would miss something: at the end of a file `broken_end` says so."""
        return bool(self._state[_OWED] != _NOTHING)

    def __call__(self, lost: Marks, event: Marks, snapshot: Marks, clear: Marks, doubted: Marks) -> Marks:
        """Return [records] whether an event misses something before it.

        Parameters
        ----------
        lost : [records] held, and would have changed the book.
        event : [records] changes the book.
        snapshot, clear : [records] is part of a snapshot; voids the book, held or not.
        doubted : [records] the source itself says that the book may be bad.
        """
        found: Marks = _gaps(self._state, lost, event, snapshot, clear, doubted)
        return found


@kept(nogil=True)
def _gaps(
    state: NDArray[np.int64], lost: Marks, event: Marks, snapshot: Marks, clear: Marks, doubted: Marks
) -> Marks:
    found = np.zeros(len(event), np.bool_)
    for row in range(len(event)):
        if clear[row]:
            state[_OWED] = _NOTHING
        if lost[row]:
            state[_OWED] = max(state[_OWED], _WITHIN if snapshot[row] else _BEFORE)
        elif event[row]:
            begins = snapshot[row] and not state[_INSIDE]
            if begins and state[_OWED] == _BEFORE:
                state[_OWED] = _NOTHING
            found[row] = state[_OWED] != _NOTHING or doubted[row]
            state[_OWED] = _WITHIN if found[row] and snapshot[row] else _NOTHING
            state[_INSIDE] = 1 if snapshot[row] else 0
    return found
