"""Whether the feed lives and the loop keeps up: ages of quotes, time to decide, missing decisions."""

from collections import deque
from collections.abc import Sequence
from typing import Final

from pipeline.monitor.alarm import Alarm, Observed, Severity

LOOKED_AT: Final = 20
"""Decisions."""
SOME: Final = 5
"""Of them that must be beyond a limit."""
LATE: Final = 2.5
"""Steps of the grid after which a decision has not come."""


class Health:
    """Rules with fixed limits, for what a machine or a line does is not learned from a backtest.

    Parameters
    ----------
    step_seconds : between two decisions of a day; infinite where no clock says when they are.
    age : seconds from which a quote is old, `grid.stale_after_seconds`.
    took : seconds from which a decision is slow.
    """

    name = "health"

    def __init__(self, step_seconds: float, age: float, took: float = 1.0) -> None:
        self._step, self._limits = step_seconds, {"age": age, "took": took}
        self._beyond = {name: deque([False] * LOOKED_AT, maxlen=LOOKED_AT) for name in self._limits}
        self._told: set[str] = set()
        self._day, self._at = "", 0
        self._state: dict[str, float] = {}

    def watch(self, seen: Observed) -> Sequence[Alarm]:
        """Take in age and time of a decision; alarm a feature again only when all was well in between."""
        self._state = {"age": seen.age, "took": seen.took}
        found = [alarm for name in self._limits if (alarm := self._beyond_limit(name, seen))]
        waited = (seen.at - self._at) / 1e9
        if seen.day == self._day and waited > LATE * self._step:
            said = f"no decision came for {waited:.0f} s where one is due every {self._step:g} s"
            found.append(Alarm(self.name, "gap", Severity.WARNING, said, seen.at, {"seconds": waited}))
        self._day, self._at = seen.day, seen.at
        return found

    def state(self) -> dict[str, float]:
        """Return age and time of the last decision, seconds."""
        return self._state

    def _beyond_limit(self, name: str, seen: Observed) -> Alarm | None:
        value, limit, recent = self._state[name], self._limits[name], self._beyond[name]
        recent.append(not value <= limit)
        number = sum(recent)
        if not number:
            self._told.discard(name)
        if number < SOME or name in self._told:
            return None
        self._told.add(name)
        what = {"age": "quotes were older than", "took": "decisions took more than"}[name]
        said = f"in {number} of the last {LOOKED_AT} decisions {what} {limit:g} s"
        return Alarm(self.name, name, Severity.WARNING, said, seen.at, {"last": value, "limit": limit})
