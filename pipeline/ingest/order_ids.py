"""What the ids of orders tell about a log of orders: messages twice or too late, orders never seen."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
REMEMBERED: Final = 8192
"""Ids of orders that are remembered as created, and as deleted: late messages come within moments."""


class SeenIds:
    """The ids that came last.

    Examples
    --------
    >>> seen = SeenIds()
    >>> seen.again(np.array([5, 6, 5]), np.array([True, True, True])).tolist()
    [False, False, True]
    >>> seen.again(np.array([6, 7]), np.array([True, True])).tolist()
    [True, False]
    """

    def __init__(self) -> None:
        self._last: Ids = np.zeros(0, np.int64)

    def again(self, ids: Ids, entered: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return [rows] whether an earlier row that `entered` has the same id; remember those that enter."""
        order = np.argsort(ids, kind="stable")
        sorted_ids, inside = ids[order], entered[order].astype(np.int64)
        before = np.cumsum(inside) - inside
        group = np.r_[True, sorted_ids[1:] != sorted_ids[:-1]] if len(ids) else np.zeros(0, np.bool_)
        start = np.maximum.accumulate(np.where(group, np.arange(len(ids)), 0))
        found = np.zeros(len(ids), dtype=np.bool_)
        found[order] = before > before[start]
        found |= np.isin(ids, self._last)
        self._last = np.concatenate([self._last, ids[entered]])[-REMEMBERED:]
        return found


class IdGaps:
    """Ids that a venue gives one after the other: which never came.

    A message may overtake another, so an id is missed only when it has not come within `patience`.

    Examples
    --------
    >>> gaps = IdGaps(patience=10)
    >>> gaps.missed(np.array([1, 2, 4, 3, 6, 7]), np.array([0, 1, 2, 3, 4, 20])).tolist()
    [False, False, False, False, False, True]
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self._highest: int | None = None
        self._awaited: dict[int, int] = {}

    @property
    def awaiting(self) -> bool:
        """Whether an id was passed over and may still come."""
        return bool(self._awaited)

    def missed(self, ids: Ids, times: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return [rows] at which it becomes certain that an id before it is lost."""
        found = np.zeros(len(ids), dtype=np.bool_)
        if not len(ids):
            return found
        if self._highest is None:
            self._highest = int(ids[0]) - 1
        before = np.maximum.accumulate(np.r_[self._highest, ids])
        self._highest = int(before[-1])
        due = np.zeros(len(ids), dtype=np.bool_)
        due[np.flatnonzero(ids != before[:-1] + 1)] = True
        next_rows = self._rows(due)
        row = next_rows(0) if not self._awaited else 0
        while row < len(ids):
            late = [wanted for wanted, since in self._awaited.items() if times[row] - since > self.patience]
            found[row] = bool(late)
            for wanted in late:
                del self._awaited[wanted]
            self._awaited.pop(int(ids[row]), None)
            first, last = int(before[row]) + 1, int(ids[row])
            if last - first > REMEMBERED:
                found[row] = True
            else:
                self._awaited |= dict.fromkeys(range(first, last), int(times[row]))
            row = row + 1 if self._awaited else next_rows(row + 1)
        return found

    @staticmethod
    def _rows(due: NDArray[np.bool_]) -> Callable[[int], int]:
        places = np.flatnonzero(due)

        def following(row: int) -> int:
            place = int(np.searchsorted(places, row))
            return int(places[place]) if place < len(places) else len(due)

        return following
