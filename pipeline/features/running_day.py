"""A day on the decision grid while it goes by: the rows of `decision_day`, one decision after another."""

from collections.abc import Sequence
from math import isnan
from typing import Final

import numpy as np

from pipeline.domain.intraday_desk import GridSettings, IntradayHedge
from pipeline.features.book_days import BOOK_STATE
from pipeline.features.day_events import BOOK, OTHER_BOOK, QUOTES
from pipeline.features.decision_day import MEANS
from pipeline.features.decision_row import DecisionRow
from pipeline.features.decision_times import SECOND
from pipeline.features.event_feature import EventFeature, EventRows, Source
from pipeline.features.read_part import ReadPart
from pipeline.features.running_book import Quote, RunningBook, Standing
from pipeline.features.running_events import RunningEvents

BOOK_ROWS: Final = Source(BOOK, ())
"""All columns of the book."""
OTHER_ROWS: Final = Source(OTHER_BOOK, ())
"""Those of the other market's."""


class RunningDay:
    """A day in the middle of its events; in memory are those since the last decision.

    Parameters
    ----------
    day : by the clock of the grid's zone.
    opened : the open, nanoseconds UTC.
    grid, hedge : as of `decision_day`.
    features : of events, with their parameters.
    booked : whether there is a book; otherwise quotes are one of one level.
    beside : whether the other market's book is followed too.

    Attributes
    ----------
    names : of the numbers of a decision's row.
    mid : the last sound one of the day.
    best : the best prices at the last decision.
    sources : what has to be read of the events.
    """

    def __init__(
        self,
        day: str,
        opened: int,
        grid: GridSettings,
        hedge: IntradayHedge,
        features: Sequence[EventFeature],
        booked: bool,
        beside: bool = False,
    ) -> None:
        self.day, self._opened, self._grid, self._hedge, self._booked = day, opened, grid, hedge, booked
        self._shown = BOOK_ROWS if booked else QUOTES
        self._other = RunningBook() if beside else None
        books = (self._shown, OTHER_ROWS) if beside else (self._shown,)
        self.sources = list(dict.fromkeys((*books, *(each for one in features for each in one.sources))))
        self._events, self._book = RunningEvents(features), RunningBook()
        self._last, self.mid, self.best = opened, np.nan, Quote(np.nan, np.nan, np.inf)
        outputs = (output.name for each in features for output in each.outputs)
        market = ("minutes", "mid", BOOK_STATE, *MEANS)
        self.names, self._market = (*market, *outputs), len(market)

    def take(self, part: ReadPart) -> None:
        """Take the next events, all of an instant together; of a part that `sources` read."""
        self._events.take(part)
        rows = part.rows.get(self._shown)
        if rows is not None:
            self._book.take(rows if self._booked else one_level(rows))
        if self._other is not None and (rows := part.rows.get(OTHER_ROWS)) is not None:
            self._other.take(rows)

    def books(self, at: int) -> list[Standing]:
        """Return the book, and the other one that is followed, as they stood since the last decision."""
        books = (self._book, self._other)
        return [each.standing(at, self._grid.stale_after_seconds) for each in books if each is not None]

    def quote(self, at: int) -> Quote:
        """Return the best prices at an instant since the last decision."""
        return self._book.quote(at, self._grid.stale_after_seconds)

    def decide(self, at: int) -> DecisionRow:
        """Return the row of a decision, after all events until then; see `decision_day`."""
        numbers = np.empty(len(self.names))
        numbers[0] = (at - self._opened) / (60.0 * SECOND)
        told = numbers[1 : self._market]
        self.best = self._book.interval(at, at - self._last, self._grid, self._hedge, told)
        mid = numbers.item(1)
        numbers[1] = self.mid = self.mid if isnan(mid) else mid
        self._events.read(at, numbers[self._market :])
        self._last = at
        if self._other is not None:
            self._other.begin_anew()
        return DecisionRow(at, self.day, numbers)


def one_level(quotes: EventRows) -> EventRows:
    """Return quotes as rows of a book of one level, see `BookRows`."""
    columns = np.ones((len(quotes), 2 + quotes.columns.shape[1]))
    columns[:, 2:] = quotes.columns
    return EventRows(quotes.known_time, columns)
