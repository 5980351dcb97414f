"""Whether what the models read is still distributed as it was when they learned, at its time of day."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import pandas as pd

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.monitor.alarm import Alarm, Observed, Severity
from pipeline.monitor.distances import FREEST, Null, holm, largest_distance, median_shift, stability_index
from pipeline.monitor.ranks import UNKNOWN, Cells, SeasonalRanks, counted

LEAST_DAYS: Final = 3
STRETCHES: Final = 8
"""Of a reference that has fewer days."""
TIME_OF_DAY: Final = 30.0
"""Minutes; a reference of fewer days than three knows no time of day."""
WINDOW: Final = 120
"""Decisions that are compared with the reference, at most a quarter of a stretch."""
LEAST_WINDOW: Final = 10
IN_A_ROW: Final = 2
"""Windows that must say so before a feature is alarmed."""
LARGE: Final = 0.25
"""Stability index beyond the usual one from which a drift is critical (Siddiqi 2006, chapter 5)."""
CLOCK: Final = frozenset({"minutes", "log_minutes", "half_hour", "step_seconds"})
"""Features that say what time it is."""


@dataclass(frozen=True)
class DataReference:
    """How features were distributed, and how far a window of theirs is from that when nothing has changed.

    Attributes
    ----------
    names : F features.
    ranks : their quantiles by time of day.
    counts : [F, cells] how often each cell occurred.
    nulls : of stability index, squared largest distance and squared median shift.
    window : decisions in a window.
    """

    names: tuple[str, ...]
    ranks: SeasonalRanks
    counts: Cells
    nulls: tuple[Null, ...]
    window: int

    @classmethod
    def learn(cls, features: pd.DataFrame, names: Sequence[str], window: int = WINDOW) -> Self:
        """Learn from the rows of the decision grid that the models learned from.

        What chance does is learned by leaving out one day after the other: its windows against the other
        days. So all that makes a day unlike others is in it, persistence within the day too.

        Raises
        ------
        DataError
            There are too few rows.
        """
        watched = tuple(name for name in names if name not in CLOCK)
        stretch, clocked = _stretches(features["day"])
        width = TIME_OF_DAY if clocked else np.inf
        values, minutes = features[list(watched)].to_numpy(float), features["minutes"].to_numpy(float)
        window = min(window, int(np.bincount(stretch).min()) // 4)
        if window < LEAST_WINDOW:
            raise DataError(f"drift cannot be told from {len(values)} decisions: learn from more")
        drawn = []
        for left_out in range(stretch[-1] + 1):
            own = stretch == left_out
            ranks = SeasonalRanks.learn(values[~own], minutes[~own], width)
            before = counted(ranks.cells(values[~own], minutes[~own]))
            cells, shifts = ranks.cells(values[own], minutes[own]), ranks.shifts(values[own], minutes[own])
            ends = range(window, len(cells) + 1, window // 2)
            drawn.append(
                [_statistics(before, cells[end - window : end], shifts[end - window : end]) for end in ends]
            )
        common = min(len(each) for each in drawn)
        table = np.array([each[:common] for each in drawn])
        ranks = SeasonalRanks.learn(values, minutes, width)
        nulls = tuple(Null.learn(table[:, :, each], freest) for each, freest in enumerate(FREEST))
        return cls(watched, ranks, counted(ranks.cells(values, minutes)), nulls, window)


def _stretches(day: "pd.Series[str]") -> tuple[Cells, bool]:
    """Return the number of each row's stretch, and whether stretches are days."""
    days = day.ne(day.shift()).cumsum().to_numpy() - 1
    if days[-1] + 1 >= LEAST_DAYS:
        return days, True
    return np.arange(len(days)) * STRETCHES // len(days), False


def _statistics(before: Cells, cells: Cells, shifts: FloatArray) -> FloatArray:
    """Return the three statistics of `nulls`, [3, F], of a window's cells and shifts [W, F]."""
    now = counted(cells)
    return np.array(
        [stability_index(before, now), largest_distance(before, now) ** 2, median_shift(shifts) ** 2]
    )


class DataDrift:
    """Compares the last window with the reference, twice a window.

    The tests of all features are one family (Holm), and those of a day share its false alarms. A feature is
    alarmed when two windows in a row say so, and again when it has been quiet in between.

    Parameters
    ----------
    reference : of the champion.
    a_day : decisions in a day.
    false_alarms_a_day : how often it may be wrong, at most, when nothing has changed.
    """

    name = "data"

    def __init__(self, reference: DataReference, a_day: int, false_alarms_a_day: float = 0.1) -> None:
        self._reference, self._every = reference, reference.window // 2
        self._level = false_alarms_a_day / max(a_day // self._every, 1)
        shape = (reference.window, len(reference.names))
        self._cells, self._shifts = np.full(shape, UNKNOWN), np.full(shape, np.nan)
        self._runs = np.zeros(shape[1], dtype=np.int64)
        self._seen = 0
        self._state: dict[str, float] = {}

    def watch(self, seen: Observed) -> Sequence[Alarm]:
        """Take in the features of a decision; see `Monitor`."""
        values = np.array([[seen.features.get(name, np.nan) for name in self._reference.names]])
        ranks, minutes = self._reference.ranks, np.array([seen.minutes])
        place = self._seen % len(self._cells)
        self._cells[place] = ranks.cells(values, minutes)[0]
        self._shifts[place] = ranks.shifts(values, minutes)[0]
        self._seen += 1
        if self._seen < len(self._cells) or self._seen % self._every:
            return ()
        return self._tested(seen.at)

    def state(self) -> dict[str, float]:
        """Return the stability index of the last window by feature."""
        return self._state

    def _tested(self, at: int) -> list[Alarm]:
        reference = self._reference
        found = _statistics(reference.counts, self._cells, self._shifts)
        p = np.array([null.p_value(each) for null, each in zip(reference.nulls, found, strict=True)])
        corrected = holm(p.ravel()).reshape(p.shape).min(axis=0)
        self._runs = np.where(corrected < self._level, self._runs + 1, 0)
        self._state = dict(zip(reference.names, found[0].tolist(), strict=True))
        drifted = np.flatnonzero(self._runs == IN_A_ROW).tolist()
        return [self._alarm(at, each, found[:, each], float(corrected[each])) for each in drifted]

    def _alarm(self, at: int, feature: int, found: FloatArray, p: float) -> Alarm:
        name, usual = self._reference.names[feature], float(self._reference.nulls[0].mean[feature])
        index = float(found[0])
        distance, shift = (float(np.sqrt(each)) for each in found[1:])
        said = (
            f"{name} is not distributed as it was at this time of day: stability index {index:.2f} where "
            f"{usual:.2f} is usual, largest distance {distance:.2f}, median moved by {shift:.3g}"
        )
        numbers = {"psi": index, "psi_usual": usual, "ks": distance, "shift": shift, "p": p}
        severity = Severity.CRITICAL if index - usual > LARGE else Severity.WARNING
        return Alarm(self.name, name, severity, said, at, numbers)
