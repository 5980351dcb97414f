"""Updates of a book that follow one another by their ids, and the snapshot that they have to be joined to.

Each update names the ids `first` to `last` of the changes in it, and some venues the last of the one before.
An update is missing where one does not follow on the other. A snapshot holds all changes up to its id; it
often comes later than some updates that it does not hold, so these are done over again on top of it.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.ingest.market_tables import CLEAR, GAP, LAST, LEVEL, SNAPSHOT, START

Ids = NDArray[np.int64]
Levels = NDArray[np.float64]
"""[levels, 2] prices and sizes."""
REMEMBERED: Final = 2000
"""Updates at least for which a snapshot may come late."""


@dataclass(frozen=True)
class Updates:
    """Updates one a row, as they came: their line and ids; `previous` is −1 where it is not told."""

    line: Ids
    first: Ids
    last: Ids
    previous: Ids

    def part(self, rows: NDArray[np.bool_]) -> "Updates":
        """Return some of the updates."""
        return Updates(self.line[rows], self.first[rows], self.last[rows], self.previous[rows])


@dataclass(frozen=True)
class Changes:
    """Level changes one a row: the line of their message, its last id, kind, flags, side, price and size."""

    line: Ids
    sequence: Ids
    kind: NDArray[np.int8]
    flags: NDArray[np.int8]
    side: NDArray[np.int8]
    price: NDArray[np.float64]
    size: NDArray[np.float64]

    @classmethod
    def joined(cls, parts: "list[Changes]") -> "Changes":
        """Return several one after the other."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__annotations__))

    def part(self, rows: NDArray[np.bool_]) -> "Changes":
        """Return some of the changes."""
        return Changes(*(getattr(self, name)[rows] for name in self.__annotations__))

    def __len__(self) -> int:
        return len(self.line)


def levels(line: Ids, sequence: Ids, side: NDArray[np.int8], pairs: Levels) -> Changes:
    """Return the changes of messages from their levels in file order, LAST on the last of each."""
    last = np.r_[line[1:] != line[:-1], True] if len(line) else np.zeros(0, np.bool_)
    flags = np.where(last, LAST, 0).astype(np.int8)
    kind = np.full(len(line), LEVEL, dtype=np.int8)
    return Changes(line, sequence, kind, flags, side, pairs[:, 0], pairs[:, 1])


class UpdateChain:
    """What came so far of a stream of updates.

    Examples
    --------
    >>> one = np.array([1])
    >>> def updates(first, last):
    ...     return Updates(np.arange(len(first)), np.array(first), np.array(last), np.full(len(first), -1))
    >>> chain = UpdateChain()
    >>> chain.gaps(updates([5, 8, 12], [7, 9, 13])).tolist(), chain.after
    ([False, False, True], 4)
    """

    def __init__(self) -> None:
        self.last: int | None = None
        self.after: int | None = None
        self.snapshot: int = -1
        self._joins = False
        self._recent: deque[tuple[Updates, NDArray[np.bool_], Changes]] = deque()
        self._remembered = 0

    def stale(self, last: Ids) -> NDArray[np.bool_]:
        """Return [updates] whether all that they say is in the last snapshot."""
        return np.asarray(last <= self.snapshot, dtype=np.bool_)

    def gaps(self, updates: Updates) -> NDArray[np.bool_]:
        """Return [updates] whether something before each is missing, and go on from the last of them.

        Before the first is what another stream may have told: `after` is then the id on which it follows.
        """
        if not len(updates.line):
            return np.zeros(0, dtype=np.bool_)
        if self.last is None:
            told = int(updates.previous[0])
            self.last = self.after = told if told >= 0 else int(updates.first[0]) - 1
        before = np.r_[self.last, updates.last[:-1]]
        follows = np.where(updates.previous >= 0, updates.previous == before, updates.first == before + 1)
        if self._joins:
            follows[0] = joined(updates, 0, self.last)
        self._joins, self.last = False, int(updates.last[-1])
        return np.asarray(~follows, dtype=np.bool_)

    def remember(self, updates: Updates, gaps: NDArray[np.bool_], changes: Changes) -> None:
        """Keep updates for a snapshot that may come later than they did."""
        self._recent.append((updates, gaps, changes))
        self._remembered += len(updates.line)

    def forget(self) -> None:
        """Drop the parts that are remembered before the last `REMEMBERED` updates."""
        while self._remembered - len(self._recent[0][0].line) >= REMEMBERED:
            self._remembered -= len(self._recent.popleft()[0].line)

    def restart(self, line: int, at: int, bids: Levels, asks: Levels) -> Changes | None:
        """Return a snapshot up to the id `at` with the updates after it on top, as one message.

        None where an update between the two is missing, so that the snapshot is of no use.
        """
        parts = [(updates.last > at, updates, gaps) for updates, gaps, _ in self._recent]
        recent = [(updates.part(rows), gaps[rows]) for rows, updates, gaps in parts if rows.any()]
        if recent:
            lost = np.concatenate([gaps for _, gaps in recent])
            if lost[1:].any() or not joined(recent[0][0], 0, at):
                return None
        elif self.last is not None and self.last > at:
            return None
        after = [changes.part(changes.sequence > at) for _, _, changes in self._recent]
        self._joins = not recent
        self.snapshot, self.last = at, int(recent[-1][0].last[-1]) if recent else at
        sides: list[NDArray[Any]] = [
            np.zeros(1),
            np.ones(len(bids)),
            -np.ones(len(asks)),
            *(each.side for each in after),
        ]
        nothing = np.full((1, 2), np.nan)
        pairs = np.concatenate([nothing, bids, asks, *(np.c_[each.price, each.size] for each in after)])
        where, sequence = np.full(len(pairs), line), np.full(len(pairs), self.last)
        found = levels(where, sequence, np.concatenate(sides).astype(np.int8), pairs)
        found.flags[:] += SNAPSHOT
        found.kind[0] = CLEAR
        return found


def lost(line: int) -> Changes:
    """Return the change of a line that says that others are lost: the book is not trusted from there."""
    one = np.array([line])
    flags = np.array([LAST | GAP], dtype=np.int8)
    kind, side = np.array([START], dtype=np.int8), np.zeros(1, dtype=np.int8)
    return Changes(one, np.zeros(1, np.int64), kind, flags, side, np.full(1, np.nan), np.zeros(1))


def flagged(changes: Changes, updates: Updates, gaps: NDArray[np.bool_], owed: bool) -> bool:
    """Set GAP on the first change at or after each update that has one; return whether one is still owed.

    An update may have no change of its own, and the gap then stands before the next that has; `owed` says
    that one is from before.
    """
    starts = updates.line[gaps]
    if owed:
        starts = np.r_[-1, starts]
    places = np.unique(np.searchsorted(changes.line, starts))
    changes.flags[places[places < len(changes)]] += GAP
    return bool((places == len(changes)).any())


def joined(updates: Updates, row: int, at: int) -> bool:
    """Tell whether an update is the first that a snapshot up to the id `at` does not hold."""
    first, previous = int(updates.first[row]), int(updates.previous[row])
    return first <= at + 1 or 0 <= previous <= at
