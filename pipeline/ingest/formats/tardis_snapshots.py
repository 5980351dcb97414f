"""Snapshots among Tardis' level changes: which message a lost row was of, and what misses it."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.ingest.delimited import Lines
from pipeline.ingest.line_screen import LineScreen
from pipeline.ingest.lost_changes import LostChanges, Marks

NO_STAMP: Final = np.int64(-1)
"""Stands for the time of receipt of a row that has none."""
Stamps = NDArray[np.int64]


class SnapshotLosses:
    """Reads level changes block by block and says which rows miss something before them.

    A message has one time of receipt. A lost row is of the message before it or after it whose time it has;
    one whose time is neither, and a line that cannot be read, may be of either, so that neither is whole. A
    snapshot makes up for all that was lost before it.
    """

    def __init__(self) -> None:
        self._lost = LostChanges()
        self._message = NO_STAMP

    @property
    def owed(self) -> bool:
        """Whether a change after the last row is lost."""
        return self._lost.owed

    def __call__(
        self, lines: Lines, sound: Marks, foreign: Marks, snapshot: Marks, received: Stamps
    ) -> tuple[Marks, Marks]:
        """Return [sound rows] whether a change before it is lost, and whether the next of its snapshot is.

        Parameters
        ----------
        lines : the block.
        sound, foreign : [rows] whether a row is taken; whether it is of another instrument or exchange.
        snapshot, received : [rows] whether it is part of a snapshot; its time of receipt as in the file.
        """
        odd = np.searchsorted(lines.number, [number for number, _, _ in lines.odd])
        own = np.insert(~foreign, odd, True)
        event = np.insert(sound, odd, False)[own]
        snapshot = np.insert(snapshot, odd, [_perhaps_of_snapshot(text) for _, _, text in lines.odd])[own]
        stamp = np.insert(received, odd, NO_STAMP)[own]
        before, after = _around(event, stamp, self._message)
        message = np.where(event | (stamp == before), stamp, after)
        unsure = ~event & ((stamp != message) | (stamp == NO_STAMP))
        previous = np.r_[self._message, message[:-1]]
        begins = snapshot & (message != previous) & (previous != NO_STAMP)
        gap = self._lost(~event, event, snapshot, begins, np.zeros_like(event))
        of_next = np.r_[(message[1:] == message[:-1]) | unsure[1:], False]
        torn = snapshot & np.r_[(~event & snapshot)[1:], False] & of_next
        self._message = message[-1] if len(message) else self._message
        return gap[event], torn[event]


def ends(stamps: Stamps, following: Lines | None) -> Marks:
    """Return [rows] whether the next row, also of the following block, has another time of receipt."""
    after = 0 if following is None else _first_receipt(following, int(stamps[-1]))
    found: Marks = np.append(stamps[1:], after) != stamps
    return found


def _around(event: Marks, stamp: Stamps, first: np.int64) -> tuple[Stamps, Stamps]:
    """Return [rows] the time of the last event before, and of the next; `NO_STAMP` beyond the block's end."""
    row = np.arange(len(event))
    last = np.maximum.accumulate(np.where(event, row, -1))
    following = np.minimum.accumulate(np.where(event, row, len(row))[::-1])[::-1]
    return np.r_[first, stamp][last + 1], np.r_[stamp, NO_STAMP][following]


def _first_receipt(lines: Lines, before: int) -> int:
    """Return the time of receipt of the first row, 0 where it cannot be read.

    That of the row `before` stands for a line that is no row and may be one of a snapshot.
    """
    odd = [text for number, _, text in lines.odd if (lines.number[:1] > number).all()]
    if any(map(_perhaps_of_snapshot, odd)):
        return before
    first = {"local_timestamp": lines.columns["local_timestamp"][:1]}
    return int(LineScreen(Lines(first, lines.number[:1])).whole("local_timestamp").sum())


def _perhaps_of_snapshot(line: str) -> bool:
    """Return whether a line that is no row may be one of a snapshot: it says no other, and is no header."""
    return not {"false", "is_snapshot"} & set(line.split(","))
