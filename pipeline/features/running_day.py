"""A day on the decision grid while it goes by: the rows of `decision_day`, one decision after another."""

from collections.abc import Sequence

import numpy as np

from pipeline.domain.intraday_desk import GridSettings, IntradayHedge
from pipeline.features.book_at import one_level
from pipeline.features.book_days import BOOK_STATE
from pipeline.features.day_events import EventPart
from pipeline.features.decision_day import MEANS
from pipeline.features.decision_row import DecisionRow
from pipeline.features.decision_times import SECOND
from pipeline.features.event_feature import EventFeature
from pipeline.features.running_book import RunningBook, Standing
from pipeline.features.running_events import RunningEvents


class RunningDay:
    """A day in the middle of its events; in memory are those since the last decision.

    Parameters
    ----------
    day : by the clock of the grid's zone.
    opened : the open, nanoseconds UTC.
    grid, hedge : as of `decision_day`.
    features : of events, with their parameters.
    booked : whether there is a book; otherwise quotes are one of one level.

    Attributes
    ----------
    names : of the numbers of a decision's row.
    """

    def __init__(
        self,
        day: str,
        opened: int,
        grid: GridSettings,
        hedge: IntradayHedge,
        features: Sequence[EventFeature],
        booked: bool,
    ) -> None:
        self.day, self._opened, self._grid, self._hedge, self._booked = day, opened, grid, hedge, booked
        self._events, self._book = RunningEvents(features), RunningBook()
        self._last, self._mid = opened, np.nan
        outputs = (output.name for each in features for output in each.outputs)
        market = ("minutes", "mid", BOOK_STATE, *MEANS)
        self.names, self._market = (*market, *outputs), len(market)

    def take(self, part: EventPart) -> None:
        """Take the next events, all of an instant together."""
        self._events.take(part)
        quotes = part.tables.get("quotes")
        rows = part.book if self._booked or quotes is None else one_level(quotes)
        if rows is not None:
            self._book.take(rows)

    def book(self, at: int) -> Standing:
        """Return the book as it stood at an instant since the last decision."""
        return self._book.standing(at, self._grid.stale_after_seconds)

    def decide(self, at: int) -> DecisionRow:
        """Return the row of a decision, after all events until then; see `decision_day`."""
        numbers = np.empty(len(self.names))
        numbers[0] = (at - self._opened) / (60.0 * SECOND)
        self._book.interval(at, at - self._last, self._grid, self._hedge, numbers[1 : self._market])
        numbers[1] = self._mid = self._mid if np.isnan(numbers[1]) else float(numbers[1])
        self._events.read(at, numbers[self._market :])
        self._last = at
        return DecisionRow(at, self.day, numbers)
