"""LOBSTER's pair of csv files: messages, and the book of N levels after each of them.

The rows of the two files belong together one by one. The message file is the one to name; the other lies
beside it under the same name with `orderbook` for `message`.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.ingest.delimited import Lines, delimited
from pipeline.ingest.event_clock import EventClock
from pipeline.ingest.formats.book_follows import BookFollows
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.line_screen import LineScreen
from pipeline.ingest.market_tables import LEVELS, Batch, batch, padded
from pipeline.ingest.price_unit import OTHER_UNIT, PriceUnit
from pipeline.ingest.raw_stream import RawStream

MESSAGE: Final = ("time", "type", "order", "size", "price", "direction")
_WHOLE: Final = ("type", "size", "price", "direction")
_KINDS: Final = {"time": pa.float64()} | dict.fromkeys(_WHOLE, pa.int64())
ZONE: Final = "America/New_York"
IN_MONEY: Final = 10_000
NO_LEVEL: Final = 9_999_999_999
_PLACE: Final = ("ask_price", "ask_size", "bid_price", "bid_size")
_DAY: Final = 86_400.0
_VISIBLE, _HIDDEN, _CROSS, _HALT = 4, 5, 6, 7
_PARTNER: Final = "no whole row of the orderbook file beside it"
_BLANK: Final = "blank, but the orderbook file has this row"


def recognises(name: str, head: bytes) -> bool:
    """Tell whether a file is named as LOBSTER names its files."""
    return re.search(r"_(message|orderbook)_\d+\.csv", name) is not None


def symbol(file: RawStream, terms: Terms) -> str:
    """Return the ticker that the file's name begins with."""
    named = re.match(r"([^_]+)_\d{4}-\d{2}-\d{2}_", file.name)
    return named[1] if named else ""


def beside(file: RawStream, terms: Terms) -> tuple[RawStream, ...]:
    """Return the orderbook file of a message file."""
    return (_partner(file),) if _named(file) else ()


def read(file: RawStream, terms: Terms) -> Iterator[Batch]:
    """Yield `book` after every message, and `trades` from executions; known `known_lag_seconds` later.

    The taker of a trade is the other side of the order that was executed; of a cross the side is not known.
    A book is not trusted while trading is halted or where it is crossed.

    Raises
    ------
    DataError
        The file is not the message file, has no partner, or its day is told neither by name nor by terms; a
        file is missing or damaged; the two do not end with the same line, or ten messages in a row, or most
        of a hundred, had another book than the one beside them, as where one file lost a line.
    """
    named = _named(file)
    if not named:
        raise DataError(
            f"{file.name}: is not LOBSTER's message file: name that one, it is read with its pair"
        )
    clock, midnight = EventClock(round(terms.clock_tolerance_seconds * 1e9)), _midnight(file.name, terms)
    books = _Books(_partner(file), int(named[1]), terms)
    units, halted, follows, last = PriceUnit(), False, BookFollows(), 0
    for lines in delimited(file, names=MESSAGE, kinds=_KINDS):
        levels, whole, blank = books.rows(lines)
        odd = sorted([*lines.odd, *((line, _BLANK, book) for line, book in blank)])
        screen = LineScreen(replace(lines, odd=odd))
        seconds = screen.numbers("time")
        told = (seconds >= 0.0) & (seconds < _DAY)
        screen.refuse(~told, "not a time of the day")
        at = midnight + np.rint(np.where(told, seconds, 0.0) * 1e9).astype(np.int64)
        kind, direction = screen.whole("type"), screen.whole("direction")
        price, size = screen.whole("price"), screen.whole("size")
        screen.refuse((kind < 1) | (kind > _HALT), "type is none of 1 to 7")
        screen.refuse(np.abs(direction) != 1, "direction is neither 1 nor -1")
        screen.refuse(clock.astray(at, screen.sound), "clock goes back")
        last = _last(lines, last)
        message = (kind, books.money(price), size, direction)
        if wrong := follows.astray(lines.number, message, levels, whole & screen.sound):
            raise DataError(
                f"{file.name}: by line {wrong} most books of {books.file.name} are not those after their "
                "messages, as where one of the two lost a line: fetch both again"
            )
        screen.refuse(~whole, _PARTNER)
        executed = screen.sound & np.isin(kind, [_VISIBLE, _HIDDEN, _CROSS])
        screen.refuse(units.strange(np.where(executed, price, np.nan)), OTHER_UNIT)
        stopped = _halted(kind, price, halted)
        halted = bool(stopped[-1]) if len(stopped) else halted
        event = at.astype("datetime64[ns]")
        known = event + terms.known_lag
        times = {"event_time": event, "known_time": known, "source_row": lines.number}
        trade = screen.sound & executed
        if trade.any():
            columns = {
                "price": message[1],
                "size": size.astype(np.float64),
                "side": np.where(kind == _CROSS, 0, -direction),
                "condition": np.select([kind == _HIDDEN, kind == _CROSS], ["hidden", "cross"], "").astype(
                    object
                ),
            }
            own = {name: values[trade] for name, values in (times | columns).items()}
            yield batch("trades", own | {"trade_id": 0, "venue": ""})
        crossed = levels["bid_price"][:, 0] >= levels["ask_price"][:, 0]
        rest = {"sequence": 0, "trusted": ~stopped & ~crossed, "levels": min(books.levels, LEVELS)}
        columns = {name: padded(values) for name, values in levels.items()}
        del times["source_row"]
        yield from screen.batches("book", file.name, times | columns | rest)
    books.end(file.name, last)


class _Books:
    """The rows of the orderbook file, taken by the number of their line."""

    def __init__(self, file: RawStream, levels: int, terms: Terms) -> None:
        self.file, self.levels = file, levels
        self.scale = terms.price_scale
        self.names = [f"{place}_{level}" for level in range(levels) for place in _PLACE]
        self.blocks = delimited(file, names=self.names, kinds=dict.fromkeys(self.names, pa.float64()))
        self.last = 0
        self.number: NDArray[np.int64] = np.zeros(0, np.int64)
        self.values: NDArray[np.float64] = np.zeros((0, 4 * levels))
        self.unread: dict[int, str] = {}

    def money(self, written: NDArray[Any]) -> NDArray[np.float64]:
        """Return prices in money, by division, so that 5853300 is the number nearest to 585.33."""
        prices = written.astype(np.float64)
        return prices / IN_MONEY if self.scale is None else prices * self.scale

    def rows(
        self, messages: Lines
    ) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.bool_], list[tuple[int, str]]]:
        """Return the levels [lines, N] of some lines, [lines] whether there are such, and what stands alone.

        That is line and text of rows of the orderbook file beside blank lines of the other.
        """
        number, last = messages.number, _last(messages, 0)
        parts = [(self.number, self.values)]
        while parts[-1][0][-1:].max(initial=0) < last and (lines := next(self.blocks, None)) is not None:
            screen, self.last = LineScreen(lines), _last(lines, self.last)
            values = np.stack([screen.numbers(name) for name in self.names], axis=1)
            parts.append((lines.number[screen.sound], values[screen.sound]))
            self.unread |= dict.fromkeys(lines.number[~screen.sound].tolist(), "")
            self.unread |= {line: text for line, _, text in lines.odd}
        self.number = np.concatenate([part[0] for part in parts])
        self.values = np.concatenate([part[1] for part in parts])
        place = np.searchsorted(self.number, number)
        there = place < len(self.number)
        there[there] = self.number[place[there]] == number[there]
        found = np.full((len(number), 4 * self.levels), np.nan)
        found[there] = self.values[place[there]]
        blank = self._without_message({*number.tolist(), *(line for line, *_ in messages.odd)}, last)
        kept = self.number > last
        self.number, self.values = self.number[kept], self.values[kept]
        columns = {name: found[:, place::4].copy() for place, name in enumerate(_PLACE)}
        for side in ("bid", "ask"):
            empty = np.abs(columns[f"{side}_price"]) == NO_LEVEL
            columns[f"{side}_price"] = np.where(empty, np.nan, self.money(columns[f"{side}_price"]))
            columns[f"{side}_size"][empty] = np.nan
        return columns, there, blank

    def _without_message(self, messages: set[int], last: int) -> list[tuple[int, str]]:
        """Return line and text of the rows up to the line `last` that stand beside none of some messages."""
        alone = (self.number <= last) & ~np.isin(self.number, list(messages))
        found = {line: text for line, text in self.unread.items() if line <= last}
        self.unread = {line: text for line, text in self.unread.items() if line > last}
        for line, row in zip(self.number[alone].tolist(), self.values[alone], strict=True):
            found[line] = ",".join(f"{value:.15g}" for value in row)
        return [(line, text) for line, text in found.items() if line not in messages]

    def end(self, name: str, last: int) -> None:
        """Check that the orderbook file ends with the line with which the message file `name` does."""
        for lines in self.blocks:
            self.last = _last(lines, self.last)
        if self.last != last:
            raise DataError(
                f"{self.file.name}: ends with line {self.last}, but {name} with line {last}, so it cannot "
                "be known which book is whose: fetch both again"
            )


def _last(lines: Lines, before: int) -> int:
    """Return the last line of a block, one that is held too; that `before` it where it has none."""
    return max(before, int(lines.number[-1:].max(initial=0)), *(line for line, *_ in lines.odd[-1:]))


def _named(file: RawStream) -> re.Match[str] | None:
    """Return the match of a message file's name, with its number of levels."""
    return re.search(r"_message_(\d+)\.csv", file.name)


def _partner(file: RawStream) -> RawStream:
    folder, slash, name = file.url.rpartition("/")
    names = [each.replace("_message_", "_orderbook_") for each in (name, file.member)]
    book = RawStream(folder + slash + names[0], names[1])
    try:
        book.head(1)
    except DataError as error:
        raise DataError(f"{file.name}: needs its orderbook file beside it: {error}") from None
    return book


def _midnight(name: str, terms: Terms) -> int:
    """Return the nanoseconds from 1970 to the day's midnight by the clock that its afternoon goes by."""
    told = re.search(r"_(\d{4}-\d{2}-\d{2})_", name)
    try:
        day = terms.day or (date.fromisoformat(told[1]) if told else None)
    except ValueError:
        day = None
    if day is None:
        raise DataError(f"{name}: its name tells no day (AAPL_2012-06-21_…): set day in its terms")
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(terms.time_zone or ZONE))
    return (int(noon.timestamp()) - 43_200) * 1_000_000_000


def _halted(kind: NDArray[np.int64], price: NDArray[np.int64], before: bool) -> NDArray[np.bool_]:
    """Return [rows] whether trading is halted after each: a price of −1 halts it, 1 resumes it."""
    told = (kind == _HALT) & (np.abs(price) == 1)
    last = np.maximum.accumulate(np.where(told, np.arange(len(kind)), -1))
    return np.where(last >= 0, price[last] == -1, before).astype(np.bool_)
