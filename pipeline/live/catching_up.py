"""Models that join a live desk see the decisions that it has made before they make one."""

import errno
import os
import tempfile
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from pipeline.backtest.running_signals import RunningSignals
from pipeline.features.decision_row import DecisionRow
from pipeline.live.hedger import Decided
from pipeline.live.learned import Learned

LOOKED: Final = 0.05
"""Seconds between two looks whether a decision has been made."""
BLOCK: Final = 512
"""Rows that are read at once."""


class CatchingUp:
    """The rows of the decisions so far, for signals of other models.

    They lie in a file without a name, some kilobyte each, that goes with the process: what is in memory does
    not grow with the life of the desk. The next start has them of the grid and the day that it lives again.

    Parameters
    ----------
    before : the decision grid until the first decision.
    place : folder of the file, made if it is not there.
    """

    def __init__(self, before: pd.DataFrame, place: Path) -> None:
        place.mkdir(parents=True, exist_ok=True)
        self._before, self._place = before, place
        self._file, name = tempfile.mkstemp(dir=place)
        os.unlink(name)
        weakref.finalize(self, os.close, self._file)
        self._kept = 0
        self._names: tuple[str, ...] = ()

    def keep(self, decided: Decided) -> DecisionRow:
        """Keep the row of a decision; return it.

        Raises
        ------
        OSError
            It cannot be written.
        """
        self._names = decided.names
        told = np.array([(decided.at, decided.told.day, decided.numbers)], self._record).tobytes()
        try:
            taken = os.pwrite(self._file, told, self._kept * len(told))
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._place)) from None
        if taken != len(told):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._place))
        self._kept += 1
        return DecisionRow(decided.at, decided.told.day, decided.numbers)

    def signals(self, learned: Learned, ended: threading.Event) -> tuple[RunningSignals, int]:
        """Return signals that have seen the decisions so far, and how many; called in a thread.

        Raises
        ------
        InterruptedError
            The desk has ended before its first decision, which says what a row holds.
        """
        while not self._kept:
            if ended.wait(LOOKED):
                raise InterruptedError("the desk has ended")
        made = RunningSignals(learned.signals, self._before, self._names)
        seen = self._kept
        for row in self._rows(0, seen):
            made.step(row)
        return made, seen

    def missed(self, seen: int) -> Iterator[DecisionRow]:
        """Yield the rows after the first `seen`."""
        return self._rows(seen, self._kept)

    @property
    def _record(self) -> np.dtype[np.void]:
        return np.dtype([("at", "<i8"), ("day", "<U10"), ("numbers", "<f8", (len(self._names),))])

    def _rows(self, first: int, last: int) -> Iterator[DecisionRow]:
        record = self._record
        for start in range(first, last, BLOCK):
            count = min(BLOCK, last - start)
            told = os.pread(self._file, count * record.itemsize, start * record.itemsize)
            for at, day, numbers in np.frombuffer(told, record):
                yield DecisionRow(int(at), str(day), numbers.copy())
