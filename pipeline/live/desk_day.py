"""One day of a desk while it goes by: its events, with decisions and arrivals of orders between them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from time import perf_counter_ns
from typing import Self

import numpy as np
import pandas as pd

from pipeline.domain.errors import DataError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.orders import Order
from pipeline.features.book_at import REASONS
from pipeline.features.day_events import OTHER_BOOK, QUOTES, TRADES, DayEvents, EventPart, Following
from pipeline.features.decision_day import FUNDING, known_features
from pipeline.features.decision_row import DecisionRow
from pipeline.features.decision_times import DecisionTimes, decision_times
from pipeline.features.event_feature import EventFeature, Source
from pipeline.features.event_stream import EventStream
from pipeline.features.read_part import ReadPart
from pipeline.features.running_beside import Records
from pipeline.features.running_book import Quote, Standing
from pipeline.features.running_day import OTHER_ROWS, RunningDay
from pipeline.features.running_funding import PERPETUAL, RunningFunding
from pipeline.features.running_history import RunningHistory
from pipeline.ingest.day_tables import TimedTables
from pipeline.live.day_clock import CountedClock, DayClock, TimedClock
from pipeline.live.feed import Moment
from pipeline.live.hedger import Decided, Hedger
from pipeline.live.played import Played
from pipeline.live.venue import NEVER, Book


class DeskDay:
    """The market of one day: when decisions are made, what is known then, and when orders arrive.

    Parameters
    ----------
    desk : settings.
    day : its name.
    tables : of it, with the book that opens it.
    fitted : parameters of the features that are learned.
    before : rows of the decision grid before the first decision, `LOOK_BACK` of them or all that there are.
    beside : features of records, until the decision before the first; None for none.
    routed : whether orders are routed to a second venue too, whose book is followed beside the desk's own.
    begins : decisions before it, ns, are not made: they are in `before`.

    Raises
    ------
    DataError
        The day has nothing to trade against, or no book of a second venue.
    """

    def __init__(
        self,
        desk: IntradayDesk,
        day: str,
        tables: TimedTables,
        fitted: Mapping[str, Sequence[float]],
        before: pd.DataFrame,
        beside: Records | None = None,
        routed: bool = False,
        begins: int = 0,
    ) -> None:
        self._desk, self.day, self._fitted, self._before = desk, day, fitted, before
        self.begins = begins
        self._events, self._routed = DayEvents(tables, desk.hedge.instrument), routed
        if routed and OTHER_BOOK not in self._events:
            raise DataError(
                "the day has no book or quotes of a second venue: name its files in data.other_files, "
                "or on a stream its depth or quotes in --other-feed"
            )
        self._features: list[EventFeature] = known_features(self._events, desk.hedge, fitted)
        self.made: DecisionTimes = decision_times(self.day, desk.grid, self._events)
        seed = [desk.seed, date.fromisoformat(self.day).toordinal()]
        self._clock: DayClock = (
            TimedClock(self.made, desk.hedge, seed)
            if desk.grid.every_events is None
            else CountedClock(self.made, desk.grid, desk.hedge, seed, _step(before))
        )
        self.now = self.made.opened
        self._running = RunningDay(
            self.day, self.made.opened, desk.grid, desk.hedge, self._features, "book" in self._events, routed
        )
        self._history, self._beside = RunningHistory(self._running.names, before), beside
        stored = desk.hedge.instrument == PERPETUAL and FUNDING in tables
        self._funding = RunningFunding(day, tables, self.made) if stored else None

    def ready(self) -> Self:
        """Have the compiled code of the features ready, which a first event would have to wait for."""
        for feature in self._features:
            EventStream(feature).value(0)
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Of the numbers of a decision's row."""
        further = [each.names for each in (self._funding, self._beside) if each is not None]
        return sum(further, self._history.names)

    def latency(self, order: Order) -> int:
        """Return the nanoseconds from a decision to the arrival of its order.

        What is asked for on another day takes as long as at the first decision of this one, or the last.
        """
        return self._clock.latency(order.decided)

    def next(self, day: str, tables: TimedTables) -> "DeskDay":
        """Return the day after this one, which goes on with its history."""
        found = DeskDay(self._desk, day, tables, self._fitted, self._before, self._beside, self._routed)
        found._history = self._history
        return found

    @property
    def sources(self) -> list[Source]:
        """What has to be read of the day's events."""
        own = [QUOTES, TRADES, *(each for feature in self._features for each in feature.sources)]
        return [*own, OTHER_ROWS] if self._routed else own

    def parts(self) -> Iterator[EventPart]:
        """Yield the stored events of the day."""
        return self._events.parts(self.sources)

    def following(self) -> Following:
        """Return what makes events of the day's rows as they come."""
        return self._events.follow(self.sources)

    def books(self) -> list[Book]:
        """Return the book as it stands now, and where orders are routed that of the second venue."""
        return [_book(each) for each in self._running.books(self.now)]

    def due(self, hedger: Hedger, played: Played) -> float:
        """Return when the next decision is made, slice sent or order arrives, ns; infinite for none."""
        sliced = max(hedger.parents.due, self.now)
        return min(played.due, sliced, self._clock.due)

    def go(self, moment: Moment, hedger: Hedger, played: Played) -> Iterator[Decided]:
        """Live until a moment; yield each decision as it is made, orders arrive in between.

        What arrives at the instant of a decision arrives before it, and meets the events of that instant.
        """
        if moment.part is not None:
            self._clock.take(moment.part)
        rest = None if moment.part is None else ReadPart.of(moment.part, self._running.sources)
        while (at := self.due(hedger, played)) <= moment.now:
            early, rest = rest.split(at) if rest is not None else (None, None)
            if early is not None:
                self._running.take(early)
            yield from self._act(int(at), moment, hedger, played)
        if rest is not None:
            self._running.take(rest)

    def _act(self, at: int, moment: Moment, hedger: Hedger, played: Played) -> Iterator[Decided]:
        """Let arrive what arrives next, decide, or work an order."""
        self.now = at
        if self._clock.hastens and self._clock.due <= at and played.due < NEVER:
            played.hasten(at)
        if played.due <= at:
            played.advance(at + 1, self._books())
            return
        if self._clock.due <= at:
            began = perf_counter_ns()
            left = self._clock.decided()
            if at < self.begins:
                self._running.decide(at)
                return
            row, quote = self._row(at), self._in_time(at, moment, self._running.best)
            if self._beside is not None:
                quote = quote._replace(age=max(quote.age, self._beside.age(at)))
            yield hedger.decide(row, quote, left, began)
        else:
            played.advance(at + 1, self._books())
            quote = self._in_time(at, moment, self._running.quote(at))
            hedger.parents.go(at, quote.bid, quote.ask)

    def _row(self, at: int) -> DecisionRow:
        """Return the row of a decision, with what is known beside the market's events."""
        row = self._history.step(self._running.decide(at))
        if self._funding is not None:
            row = self._funding.step(row)
        return row if self._beside is None else self._beside.step(row, self._running.mid)

    def _in_time(self, at: int, moment: Moment, quote: Quote) -> Quote:
        """Return the best prices at a time; NaN where it is too late to trade at them."""
        return quote if moment.now - at <= moment.patience else quote._replace(bid=np.nan, ask=np.nan)

    def _books(self) -> dict[str, Book]:
        return {self._desk.data.instrument: self.books()[0]}


def _step(before: pd.DataFrame) -> float:
    """Return the mean seconds between decisions of the days before."""
    return float(before["step_seconds"].iloc[-1])


def _book(now: Standing) -> Book:
    bid_price, bid_size, ask_price, ask_size = now.sides.tolist()
    return Book(bid_price, bid_size, ask_price, ask_size, REASONS.get(now.state, ""))
