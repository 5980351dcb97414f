"""The funding of a perpetual while the decisions of a day go by: the column of `decision_day`."""

from typing import Final

import numpy as np

from pipeline.features.book_at import nanoseconds
from pipeline.features.decision_day import FUNDING
from pipeline.features.decision_row import DecisionRow
from pipeline.features.decision_times import SECOND, DecisionTimes
from pipeline.features.event_feature import EventRows
from pipeline.features.funding_paid import funding_paid
from pipeline.ingest.day_tables import TimedTables

PERPETUAL: Final = "perpetual"
"""Of `hedge.instrument`: what is held pays funding."""


class RunningFunding:
    """What is settled between the decisions of a stored day.

    Parameters
    ----------
    day : its name.
    tables : of it; its funding is complete, see `decision_day`.
    made : its decisions.

    Attributes
    ----------
    names : of the number that is added to a row.

    Raises
    ------
    DataError
        The funding is of several venues.
    """

    names: Final = (FUNDING,)

    def __init__(self, day: str, tables: TimedTables, made: DecisionTimes) -> None:
        rows, times = tables[FUNDING], made.times.tolist()
        paid = funding_paid(day, rows, made.times, made.opened, made.opened)
        self._paid = dict(zip(times, paid.tolist(), strict=True))
        settled = nanoseconds(rows["event_time"])
        places = np.searchsorted(made.times, settled)
        told = zip(settled.tolist(), rows["rate"].tolist(), places.tolist(), strict=True)
        self._settled: dict[int, tuple[tuple[int, float], ...]] = {}
        for when, rate, place in told:
            if when > made.opened and place < len(times):
                at = times[place]
                self._settled[at] = (*self._settled.get(at, ()), (when, rate))

    def step(self, row: DecisionRow) -> DecisionRow:
        """Return a decision with what was settled since the one before."""
        numbers = np.append(row.numbers, self._paid[row.at])
        return row._replace(numbers=numbers, funding=self._settled.get(row.at, ()))


class Settled:
    """Settlements while a desk lives, as they become known.

    Parameters
    ----------
    opened : of the first day, ns: what was settled until then is in no number.
    since : what was settled until then, ns, is left out; before `opened` it may have been missed.

    Examples
    --------
    >>> rates = np.array([[1e-4, 8.0, 4e-9], [3e-4, 8.0, 6e-9], [2e-4, 8.0, 8e-9]])
    >>> told = EventRows(np.array([5, 7, 9]), rates)
    >>> settled = Settled(opened=6, since=4)
    >>> settled.add(told)
    >>> row = settled.step(DecisionRow(9, "", np.empty(0)))
    >>> row.numbers.tolist(), row.funding
    ([0.0002], ((6, 0.0003), (8, 0.0002)))
    """

    def __init__(self, opened: int, since: int) -> None:
        self._opened, self._since = opened, min(since, opened)
        self._coming = list[tuple[int, int, float]]()

    def add(self, events: EventRows) -> None:
        """Take settlements, see `grid_beside.settlements`."""
        told = zip(events.known_time.tolist(), events.columns.tolist(), strict=True)
        found = [(known, round(SECOND * settled), rate) for known, (rate, _, settled) in told]
        self._coming = sorted([*self._coming, *(each for each in found if each[1] > self._since)])

    def step(self, row: DecisionRow) -> DecisionRow:
        """Return a decision with what became known to be settled since the one before."""
        due = tuple((when, rate) for known, when, rate in self._coming if known <= row.at)
        self._coming = self._coming[len(due) :]
        numbers = np.append(row.numbers, sum(rate for when, rate in due if when > self._opened))
        return row._replace(numbers=numbers, funding=due)
