"""When a desk decides on a day: every so many seconds, or with every so many events of the market."""

import math
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from pipeline.domain.errors import DataError
from pipeline.domain.intraday_desk import GridSettings
from pipeline.features.book_at import Instants
from pipeline.features.day_events import DayEvents
from pipeline.features.event_feature import Source

SECOND: Final = 1_000_000_000


@dataclass(frozen=True)
class DecisionTimes:
    """The decisions of a day, nanoseconds UTC.

    Attributes
    ----------
    times : [T] rising, after the open and before the close.
    opened, closed : the open and the close.
    """

    times: Instants
    opened: int
    closed: int

    @property
    def last(self) -> int:
        """The last decision, or the open where there is none."""
        return int(self.times[-1]) if len(self.times) else self.opened

    @property
    def since(self) -> Instants:
        """[T] nanoseconds from the decision before, or the open, to each."""
        return np.diff(self.times, prepend=self.opened)

    @property
    def until(self) -> Instants:
        """[T] nanoseconds from each to the next one, or the close."""
        return np.diff(self.times, append=self.closed)


def decision_times(day: str, grid: GridSettings, events: DayEvents) -> DecisionTimes:
    """Return when the desk decides on a day.

    With `every_seconds` that is open + n · every, whatever the market does. With `every_events` it is the
    `known_time` of the n-th, 2n-th, … row of the table `counted` after the open; where several are known at
    one instant the decision sees them all, and there is one.

    Parameters
    ----------
    day : by the clock of the grid's zone.
    grid : settings.
    events : of the day.

    Raises
    ------
    DataError
        There is no table of the events to count.

    Examples
    --------
    >>> found = decision_times("2020-01-01", GridSettings(every_seconds=3600), DayEvents({}))
    >>> len(found.times), int(found.times[0] - found.opened) // SECOND
    (23, 3600)
    """
    first, last = hours(day, grid)
    if grid.every_events is not None:
        if grid.counted not in events:
            raise DataError(
                f"{day}: no {grid.counted} that grid.every_events could count: add them to data.files, or "
                "set grid.every_seconds instead"
            )
        return DecisionTimes(_counted(events, grid.counted, grid.every_events, first, last), first, last)
    step = grid.step * SECOND
    return DecisionTimes(np.arange(first + step, last, step, dtype=np.int64), first, last)


def hours(day: str, grid: GridSettings) -> tuple[int, int]:
    """Return the open and the close of a day, nanoseconds UTC.

    Examples
    --------
    >>> [each // SECOND for each in hours("1970-01-01", GridSettings(every_seconds=3600))]
    [0, 86400]
    """
    zone, today = ZoneInfo(grid.zone), date.fromisoformat(day)
    opened = datetime.combine(today, grid.open, tzinfo=zone)
    if grid.close is None:
        closed = datetime.combine(today + timedelta(days=1), grid.open.min, tzinfo=zone)
    else:
        closed = datetime.combine(today, grid.close, tzinfo=zone)
    return int(opened.timestamp()) * SECOND, int(closed.timestamp()) * SECOND


class CountedTimes:
    """The decisions of a grid of events while its day goes by, as `decision_times` has them.

    Parameters
    ----------
    every : events of a decision.
    opened, closed : events between these are counted, ns.

    Examples
    --------
    >>> counted = CountedTimes(2, opened=0, closed=100)
    >>> [counted.take(np.array(known)).tolist() for known in ([5, 7, 7], [7, 9, 9], [9, 11])]
    [[7], [9], [11]]
    """

    def __init__(self, every: int, opened: int, closed: int) -> None:
        self._every, self._opened, self._closed = every, opened, closed
        self._count, self._last = 0, opened

    def take(self, known: Instants) -> Instants:
        """Return the decisions that the next events make, when these were known, rising."""
        inside = known[(known > self._opened) & (known < self._closed)]
        found = np.unique(inside[(self._every - 1 - self._count) % self._every :: self._every])
        found = found[found > self._last]
        self._count += len(inside)
        self._last = int(found[-1]) if len(found) else self._last
        return found


def decisions_left(at: int, closed: int, step: float) -> int:
    """Return how many decisions, `step` seconds apart, are left after one until the close.

    On a grid of events nobody knows; `step` is then the mean one of earlier days.

    Examples
    --------
    >>> decisions_left(58 * SECOND, 60 * SECOND, 1.0), decisions_left(60 * SECOND, 60 * SECOND, 1.0)
    (1, 0)
    """
    return max(math.ceil((closed - at) / (step * SECOND)) - 1, 0)


def _counted(events: DayEvents, table: str, every: int, opened: int, closed: int) -> Instants:
    """Return when every so many-th row of a table between two instants was known."""
    counted, found = CountedTimes(every, opened, closed), [np.empty(0, dtype=np.int64)]
    told = (part.tables.get(table) for part in events.parts([Source(table, ())]))
    found += [counted.take(rows.known_time) for rows in told if rows is not None]
    return np.concatenate(found)
