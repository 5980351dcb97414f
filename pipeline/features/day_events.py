"""The market events of one day, a part at a time: its book, the best quotes of it, and sided trades."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.features.book_at import SIDES, best_of, one_level
from pipeline.features.event_feature import EventRows, Source, Tables
from pipeline.features.event_stream import columns_of
from pipeline.features.followed_book import BOOK_OPEN, Follower
from pipeline.features.sided_trades import SidedTrades
from pipeline.ingest.day_tables import OTHER, Columns, TimedTables
from pipeline.ingest.time_order import KNOWN, TimedRows
from pipeline.orderbook.checkpoint_table import checkpoint_table

TAPE: Final = {"quotes": list(SIDES), "trades": ["price", "size", "side"]}
"""Columns of tables that features read beside the book. Funding reaches over days: see `decision_grid`."""
QUOTES, TRADES = Source("quotes", SIDES), Source("trades", ("price", "size", "side"))
BOOK: Final = "book"
OTHER_BOOK: Final = f"{OTHER}book"
Rows = TypeVar("Rows", TimedRows, EventRows)
PAIR: Final = {"spot": "perpetual", "perpetual": "spot"}


@dataclass(frozen=True)
class EventPart:
    """Events of a day that follow one another: all that were known after those of the part before.

    Attributes
    ----------
    until : the last instant of which there are any, nanoseconds UTC.
    tables : by name; one that has no events among them is left out.
    book : the best levels after every change, columns as of `BookRows`; None where nothing changed.
    other_book : those of the other market.
    """

    until: int
    tables: Mapping[str, TimedRows]
    book: EventRows | None = None
    other_book: EventRows | None = None

    @property
    def first(self) -> int:
        """The first instant of which there are any events."""
        known = [rows.known_time for rows in self.tables.values()]
        known += [book.known_time for book in (self.book, self.other_book) if book is not None]
        return min((int(times[0]) for times in known), default=self.until)

    def split(self, at: float) -> tuple["EventPart | None", "EventPart | None"]:
        """Return the events that were known at an instant, and those after; None for none."""
        if self.until <= at:
            return self, None
        sides: list[EventPart | None] = []
        for early in (True, False):
            tables = {name: part for name, rows in self.tables.items() if len(part := _side(rows, at, early))}
            book, other = (_side_of(rows, at, early) for rows in (self.book, self.other_book))
            until = int(at) if early else self.until
            found = EventPart(until, tables, book, other)
            sides.append(found if tables or book is not None or other is not None else None)
        return sides[0], sides[1]

    def rows(self, source: Source) -> EventRows:
        """Return what a feature reads of a table."""
        if source.table in self.tables:
            told = self.tables[source.table]
            return EventRows(told.known_time, columns_of(source, told.rows))
        book = {BOOK: self.book, OTHER_BOOK: self.other_book}.get(source.table)
        if book is not None:
            return book
        return EventRows(np.empty(0, dtype=np.int64), np.empty((0, len(source.columns))))


class DayEvents:
    """The events of a day, gone through as often as they are asked for; in memory is one part of them.

    Where a market has no quotes they are the best levels of its book, and where the other one of spot and
    perpetual has no book either, a trade of it stands for both. Each trade has the side that the quotes or
    the ticks tell.

    Parameters
    ----------
    tables : canonical tables of the day; the names of the other market's begin with `other_`.
    instrument : which of the two the desk's own market is.
    """

    def __init__(self, tables: TimedTables, instrument: str = "spot") -> None:
        self._tables = tables
        self._own, self._other = (f"{name}_quotes" for name in (instrument, PAIR[instrument]))
        self._told, others = _told(tables, ""), _told(tables, OTHER)
        if "quotes" in self._told and others & {"quotes", "trades"}:
            self._told |= {self._own, self._other}
        if "quotes" in others:
            self._told.add(OTHER_BOOK)
        self._others, self._shown = others & {"quotes"} or others & {"trades"}, others & {BOOK} or {"quotes"}

    def __contains__(self, table: object) -> bool:
        return table in self._told

    def parts(self, sources: Collection[Source]) -> Iterator[EventPart]:
        """Yield the events that sources name; nothing else is read, and no other book is followed."""
        following = self.follow(sources)
        for part in self._tables.parts(following.reads):
            yield following.take(part)

    def follow(self, sources: Collection[Source]) -> "Following":
        """Return what makes events of rows of the day's tables, before the first of them."""
        named = {source.table for source in sources} & self._told
        sided = "quotes" in self._told and any("side" in each.columns for each in sources)
        paired = {self._own, self._other} & named
        own = _Market(self._tables, "", named | ({"quotes"} if sided or paired else set()))
        shown = self._shown if OTHER_BOOK in named else set()
        other = _Market(self._tables, OTHER, (self._others if paired else set()) | shown)
        return Following(own, other, sided, (self._own, self._other) if paired else None, shown)

    def of(self, sources: Collection[Source]) -> "TablesInParts":
        """Return what sources name of the tables, to be gone through as often as one likes."""
        return TablesInParts(self, sources)


@dataclass(frozen=True)
class TablesInParts:
    """What sources name of the events of a day."""

    events: DayEvents
    sources: Collection[Source]

    def __iter__(self) -> Iterator[Tables]:
        for part in self.events.parts(self.sources):
            yield {source.table: part.rows(source) for source in self.sources}


class Following:
    """Rows of a day's tables to its events, in the middle of the day.

    Attributes
    ----------
    reads : the tables and columns that have to be read.
    """

    def __init__(
        self,
        own: "_Market",
        other: "_Market",
        sided: bool,
        pair: tuple[str, str] | None,
        shown: Collection[str],
    ) -> None:
        self._own, self._other, self._pair, self._shown = own, other, pair, shown
        self._sides = SidedTrades() if sided else None
        self.reads: Columns = {**own.reads, **other.reads}

    def take(self, part: Mapping[str, TimedRows]) -> EventPart:
        """Return the events of the next rows, all of an instant together."""
        found, book = self._own.take(part)
        if self._sides and (trades := self._sides.take(found.get("trades"), found.get("quotes"))):
            found["trades"] = trades
        told, other_book = self._other.take(part)
        if self._pair:
            both = (found.get("quotes"), _as_quotes(told))
            found |= {name: rows for name, rows in zip(self._pair, both, strict=True) if rows}
        if BOOK not in self._shown:
            quotes = told.get("quotes") if self._shown else None
            other_book = None if quotes is None else one_level(quotes)
        return EventPart(max(int(rows.known_time[-1]) for rows in part.values()), found, book, other_book)

    def books(self) -> dict[str, pd.DataFrame]:
        """Return the books that are followed as they are now, see `orderbook.checkpoint_table`.

        They are named as those with which a day begins.
        """
        return {**self._own.checkpoint(), **self._other.checkpoint()}


class _Market:
    """One of the two markets of a day, in the middle of it; only what is named is read."""

    def __init__(self, tables: TimedTables, prefix: str, named: Collection[str]) -> None:
        self._prefix = prefix
        own = {table: columns for table, columns in TAPE.items() if f"{prefix}{table}" in tables}
        self._best = "quotes" in named and "quotes" not in own
        self.reads: dict[str, Sequence[str] | None] = {
            f"{prefix}{table}": columns for table, columns in own.items() if table in named
        }
        self._follower: Follower | None = None
        if self._best or "book" in named:
            self._follower = Follower(tables, tables.get(f"{prefix}{BOOK_OPEN}"), prefix)
            self.reads |= self._follower.reads

    def checkpoint(self) -> dict[str, pd.DataFrame]:
        """Return the book by its name, where its events are followed."""
        if self._follower is None or not self._follower.followed:
            return {}
        return {f"{self._prefix}{BOOK_OPEN}": checkpoint_table(self._follower.book)}

    def take(self, part: Mapping[str, TimedRows]) -> tuple[dict[str, TimedRows], EventRows | None]:
        """Return what a part tells of the market: tables and book."""
        read = {table: f"{self._prefix}{table}" for table in TAPE}
        found = {table: part[name] for table, name in read.items() if name in self.reads and name in part}
        book = None if self._follower is None else self._follower.changes(part)
        if book is None:
            return found, None
        if self._best:
            found["quotes"] = best_of(book)
        return found, EventRows(book.known_time, book.columns)


def _side(rows: Rows, at: float, early: bool) -> Rows:
    place = int(np.searchsorted(rows.known_time, at, side="right"))
    return rows[:place] if early else rows[place:]


def _side_of(book: EventRows | None, at: float, early: bool) -> EventRows | None:
    return None if book is None or not len(part := _side(book, at, early)) else part


def _as_quotes(found: Mapping[str, TimedRows]) -> TimedRows | None:
    """Return the quotes of a market, or its trades as both bid and ask."""
    trades = found.get("trades")
    if trades is None:
        return found.get("quotes")
    known, price = (trades.rows.column(name) for name in (KNOWN, "price"))
    prices = {KNOWN: known, "bid_price": price, "ask_price": price}
    return TimedRows(trades.known_time, pa.RecordBatch.from_pydict(prices))


def _told(tables: TimedTables, prefix: str) -> set[str]:
    """Return which tables a market has, read or made of others."""
    own = {table for table in TAPE if f"{prefix}{table}" in tables}
    booked = any(f"{prefix}{table}" in tables for table in ("book", "book_events"))
    return own | ({"book", "quotes"} if booked else set())
