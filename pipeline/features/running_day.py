"""A day on the decision grid while it goes by: the rows of `decision_day`, one decision after another."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from pipeline.domain.intraday_desk import GridSettings, IntradayHedge
from pipeline.features.book_at import BookAt, Instants, book_at, one_level
from pipeline.features.book_days import BOOK_STATE
from pipeline.features.day_events import EventPart
from pipeline.features.decision_day import MEANS, interval_means, sampled
from pipeline.features.decision_row import DecisionRow
from pipeline.features.decision_times import SECOND
from pipeline.features.event_feature import EventFeature, EventRows
from pipeline.features.event_stream import EventStream
from pipeline.features.standing_book import NOTHING

NONE: Final = np.empty(0, dtype=np.int64)


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
        self._streams = [EventStream(each) for each in features]
        self._rows = NOTHING
        self._last, self._mid = opened, np.nan
        outputs = (output.name for each in features for output in each.outputs)
        self.names = ("minutes", "mid", BOOK_STATE, *MEANS, *outputs)

    def take(self, part: EventPart) -> None:
        """Take the next events, all of an instant together."""
        for stream in self._streams:
            own = {source.table: part.rows(source) for source in stream.feature.sources}
            if any(len(rows) for rows in own.values()):
                stream.over(own, NONE)
        quotes = part.tables.get("quotes")
        rows = part.book if self._booked or quotes is None else one_level(quotes)
        if rows is not None:
            self._rows = rows if self._rows is NOTHING else EventRows.joined([self._rows, rows])

    def look(self, times: Instants) -> BookAt:
        """Return the book as it stood at instants since the last decision."""
        return book_at(self._rows, times, self._grid.stale_after_seconds)

    def age(self, at: int) -> float:
        """Return the seconds since the book was last told of; infinite where it never was."""
        return np.inf if self._rows is NOTHING else (at - int(self._rows.known_time[-1])) / SECOND

    def decide(self, at: int) -> DecisionRow:
        """Return the row of a decision, after all events until then; see `decision_day`."""
        instants, first = sampled(np.array([at]), np.array([at - self._last]), self._grid)
        now = self.look(np.array([at]))
        self._mid = self._mid if np.isnan(now.mid[0]) else float(now.mid[0])
        means = interval_means(self.look(instants), first, self._hedge)
        minutes = (at - self._opened) / (60.0 * SECOND)
        market = [minutes, self._mid, float(now.state[0]), *(float(each[0]) for each in means.values())]
        values = np.concatenate([market, *(stream.value(at) for stream in self._streams)])
        self._last = at
        self._rows = self._rows if self._rows is NOTHING else self._rows[-1:]
        return DecisionRow(at, self.day, values)
