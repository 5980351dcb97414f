"""When a desk decides on a day that goes by, how many decisions are left, and how long its orders travel."""

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from pipeline.domain.intraday_desk import GridSettings, IntradayHedge
from pipeline.features.day_events import EventPart
from pipeline.features.decision_day import drawn_latency, latencies
from pipeline.features.decision_times import SECOND, CountedTimes, DecisionTimes, decisions_left
from pipeline.live.venue import NEVER


class DayClock(Protocol):
    """The decisions of one day.

    Attributes
    ----------
    hastens : whether what is on its way at a decision is hastened to it, whose time was not known before.
    """

    hastens: bool

    @property
    def due(self) -> float:
        """When the next decision is made that is known, ns; infinite for none."""
        ...

    def take(self, part: EventPart) -> None:
        """Take the next events of the day."""
        ...

    def decided(self) -> int:
        """Go on to the decision after the one that is due; return how many are left until the close."""
        ...

    def latency(self, decided: int) -> int:
        """Return the nanoseconds that an order travels which was decided at a time, ns: always the same.

        What was decided on another day travels as long as at the first decision of this one, or the last.
        """
        ...


class TimedClock:
    """A grid of seconds: all is known when the day begins."""

    hastens = False

    def __init__(self, made: DecisionTimes, hedge: IntradayHedge, seed: Sequence[int]) -> None:
        self._made, self._hedge, self._seed = made, hedge, seed
        self._coming = deque(made.times.tolist())
        self._latency = np.rint(drawn_latency(hedge, made.until / SECOND, seed) * SECOND).astype(np.int64)

    @property
    def due(self) -> float:
        """When the next decision is made."""
        return self._coming[0] if self._coming else NEVER

    def take(self, part: EventPart) -> None:
        """Do nothing: no event makes a decision."""

    def decided(self) -> int:
        """Go on; return how many are left."""
        self._coming.popleft()
        return len(self._coming)

    def latency(self, decided: int) -> int:
        """Return how long an order travels, until the next decision at most.

        A slice that is sent between two decisions travels for itself: by a draw of its own.
        """
        times, opened, closed = self._made.times, self._made.opened, self._made.closed
        place = int(np.searchsorted(times, decided))
        at_one = place < len(times) and times[place] == decided
        if at_one or not opened < decided < closed:
            return int(self._latency[min(place, len(times) - 1)])
        (drawn,) = latencies(self._hedge, np.random.default_rng([*self._seed, decided]), 1)
        following = int(times[place]) if place < len(times) else closed
        return int(min(round(drawn * SECOND), following - decided))


class CountedClock:
    """A grid of events: a decision is known when its event is, in a stored day as on a stream.

    How many are left is told by the mean `step` of earlier days, seconds; and as nobody knows when the next
    decision comes, an order that is on its way then is hastened to it: so late the backtest lets it arrive.
    """

    hastens = True

    def __init__(
        self, made: DecisionTimes, grid: GridSettings, hedge: IntradayHedge, seed: Sequence[int], step: float
    ) -> None:
        assert grid.every_events is not None
        self._counted = CountedTimes(grid.every_events, made.opened, made.closed)
        self._table, self._closed, self._step = grid.counted, made.closed, step
        self._hedge, self._dice = hedge, np.random.default_rng(seed)
        self._times, self._latency, self._place = list[int](), list[int](), 0

    @property
    def due(self) -> float:
        """When the next decision is made, of those that are known."""
        return self._times[self._place] if self._place < len(self._times) else NEVER

    def take(self, part: EventPart) -> None:
        """Count events."""
        if (rows := part.tables.get(self._table)) is not None:
            self._times += self._counted.take(rows.known_time).tolist()

    def decided(self) -> int:
        """Go on; return how many are left by the mean step."""
        self._place += 1
        return decisions_left(self._times[self._place - 1], self._closed, self._step)

    def latency(self, decided: int) -> int:
        """Return how long an order travels, until the close at most."""
        place = min(bisect_left(self._times, decided), max(len(self._times) - 1, 0))
        while len(self._latency) <= place:
            (drawn,) = latencies(self._hedge, self._dice, 1)
            self._latency.append(round(drawn * SECOND))
        return min(self._latency[place], max(self._closed - decided, 0))
