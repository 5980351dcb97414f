"""Models that join a live desk see the decisions that it has made before they make one."""

import threading
from collections.abc import Sequence
from typing import Final

import pandas as pd

from pipeline.backtest.running_signals import RunningSignals
from pipeline.features.decision_row import DecisionRow
from pipeline.live.hedger import Decided
from pipeline.live.learned import Learned

LOOKED: Final = 0.05
"""Seconds between two looks whether a decision has been made."""


class CatchingUp:
    """The rows of the decisions so far, for signals of other models.

    Parameters
    ----------
    before : the decision grid until the first decision.
    """

    def __init__(self, before: pd.DataFrame) -> None:
        self._before = before
        self._rows: list[DecisionRow] = []
        self._names: tuple[str, ...] = ()

    def keep(self, decided: Decided) -> DecisionRow:
        """Keep the row of a decision; return it."""
        row = DecisionRow(decided.at, decided.told.day, decided.numbers)
        self._names = decided.names
        self._rows.append(row)
        return row

    def signals(self, learned: Learned, ended: threading.Event) -> tuple[RunningSignals, int]:
        """Return signals that have seen the decisions so far, and how many; called in a thread.

        Raises
        ------
        InterruptedError
            The desk has ended before its first decision, which says what a row holds.
        """
        while not self._rows:
            if ended.wait(LOOKED):
                raise InterruptedError("the desk has ended")
        made = RunningSignals(learned.signals, self._before, self._names)
        seen = len(self._rows)
        for row in self._rows[:seen]:
            made.step(row)
        return made, seen

    def missed(self, seen: int) -> Sequence[DecisionRow]:
        """Return the rows after the first `seen`."""
        return self._rows[seen:]
