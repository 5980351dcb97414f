"""The market events of one day as features and orders read them: the book as arrays, quotes, sided trades."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.features.book_at import BookAt, Instants, book_at, nanoseconds, quotes_at, rows_of
from pipeline.features.event_feature import EventRows, Source
from pipeline.features.followed_book import DayBook, FollowedBook, ToldBook, best_quotes, best_rows, standing
from pipeline.ingest.market_days import OTHER
from pipeline.ingest.market_tables import ADD, CHANGE, DELETE
from pipeline.ingest.trade_side import trade_sides
from pipeline.orderbook.events import BookEvents
from pipeline.orderbook.snapshots import in_time, merged, reported

TAPE: Final = ("quotes", "trades")
"""Tables of a day that its features read beside its book. Funding reaches over days: see `decision_grid`."""
BOOK_OPEN: Final = "book_open"
"""The book with which a day begins: the closing book of the one before, see `book_close`."""
Events = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class DayEvents:
    """Canonical tables of a day, each in the order of `known_time`, and its book.

    Attributes
    ----------
    tables : by name, without those of the book.
    book : the best levels after every change; None where only quotes are known.
    """

    tables: Events
    book: DayBook | None = None

    def __contains__(self, table: object) -> bool:
        return table in self.tables or (table == "book" and self.book is not None)

    def __iter__(self) -> Iterator[str]:
        yield from self.tables
        if self.book is not None:
            yield "book"

    def rows(self, source: Source) -> EventRows:
        """Return what a feature reads of a table, or learns from it: of the book the best level only."""
        if source.table == "book" and self.book is not None:
            return best_rows(self.book)
        table = self.tables[source.table]
        return EventRows(nanoseconds(table["known_time"]), table[list(source.columns)].to_numpy(float))

    def look(self, times: Instants, stale_after: float) -> Callable[[Instants], BookAt]:
        """Return what tells what stood at any of some instants: the book where there is one, else quotes."""
        if self.book is not None:
            return partial(book_at, standing(self.book, times), stale_after=stale_after)
        return partial(quotes_at, self.tables["quotes"], stale_after=stale_after)


def day_events(tables: Events) -> DayEvents:
    """Return the events of a day: its book, the best quotes of it, and a side on every trade that they tell.

    A venue that tells book events is followed by `orderbook.order_book`, twenty levels deep, from `book_open`
    on where that is known: it is then the first row of the book, known when its last event was. Books that
    the venue sends beside its orders start that book and correct it; beside level changes they are taken as
    they are.

    Parameters
    ----------
    tables : in the order of `known_time`. Rows of the book that are of several files have the number of
        theirs, `file`.
    """
    found = {table: tables[table] for table in tables if table in TAPE}
    book = _book(tables)
    if "quotes" not in found and book is not None:
        found["quotes"] = best_quotes(book)
    return sided(DayEvents(found, book))


def with_other(events: DayEvents, tables: Events, instrument: str) -> DayEvents:
    """Return the events with the best quotes of perpetual and spot, where the tables have those of both.

    Parameters
    ----------
    events : of the desk's own market.
    tables : of the day; the names of the other market's begin with `other_`. Where it has no quotes, a trade
        stands for both.
    instrument : which of the two the desk's own market is.
    """
    other = day_events(
        {name.removeprefix(OTHER): tables[name] for name in tables if name.startswith(OTHER)}
    ).tables
    if "quotes" in other:
        quotes = other["quotes"]
    elif "trades" in other:
        price = other["trades"]["price"]
        quotes = other["trades"][["known_time"]].assign(bid_price=price, ask_price=price)
    else:
        return events
    its = "spot" if instrument == "perpetual" else "perpetual"
    beside = {f"{instrument}_quotes": events.tables["quotes"], f"{its}_quotes": quotes}
    return replace(events, tables={**events.tables, **beside})


def _book(tables: Events) -> DayBook | None:
    events = followed_events(tables)
    if events is None:
        return ToldBook(tables["book"]) if "book" in tables else None
    return FollowedBook(events, tables.get(BOOK_OPEN))


def followed_events(tables: Events) -> BookEvents | None:
    """Return the events by which the book of a day is followed, the venue's own books among them.

    Of one instant those of the first file come first. None where there are no events, or where the venue's
    books are taken as they are.
    """
    if "book_events" not in tables:
        return None
    events, books = tables["book_events"], tables.get("book")
    if books is not None and not events["kind"].isin((ADD, CHANGE, DELETE)).any():
        return None
    own, told = _by_file(events), {} if books is None else _by_file(books)
    files = [_with_books(own.get(file), told.get(file)) for file in sorted({*own, *told})]
    return in_time(files)


def _by_file(rows: pd.DataFrame) -> dict[int, pd.DataFrame]:
    """Return the rows of each file; those of a table without the column `file` are of one."""
    if "file" not in rows:
        return {0: rows}
    return {int(file): rows[rows["file"] == file] for file in rows["file"].unique()}


def _with_books(events: pd.DataFrame | None, books: pd.DataFrame | None) -> BookEvents:
    """Return the events of a file with the venue's books among them; nothing else holds what was merged."""
    parts = [] if events is None else [_as_events(events)]
    if books is not None:
        parts.append(reported(rows_of(books).batch().rows))
    return merged(parts) if len(parts) > 1 else parts[0]


def _as_events(events: pd.DataFrame) -> BookEvents:
    stamps = {name: nanoseconds(events[name]) for name in ("event_time", "known_time")}
    rest = [each.name for each in fields(BookEvents) if each.name not in stamps]
    columns: dict[str, Any] = {name: events[name].to_numpy() for name in rest}
    return BookEvents(**{**columns, **stamps})


def sided(events: DayEvents) -> DayEvents:
    """Return the events with a side on every trade that the quotes or the ticks tell."""
    if "trades" not in events.tables or "quotes" not in events.tables:
        return events
    trades, quotes = events.tables["trades"], events.tables["quotes"]
    sides = trade_sides(
        nanoseconds(trades["known_time"]),
        trades["price"].to_numpy(float),
        trades["side"].to_numpy(np.int8),
        nanoseconds(quotes["known_time"]),
        quotes["bid_price"].to_numpy(float),
        quotes["ask_price"].to_numpy(float),
    )
    return replace(events, tables={**events.tables, "trades": trades.assign(side=sides)})
