"""Deribit's websocket subscriptions as recorded: one JSON-RPC notification a line, `local_time {json}`.

The stamp is in milli-, micro- or nanoseconds. Channels `book.….100ms` (or another interval, or raw) become
`book_events`, `trades.…` `trades` (`trade_id` is the venue's `trade_seq`), `quote.…` `quotes`; answers to the
recorder's own requests are passed over. Sizes are the amounts that the venue tells: units of the coin for
contracts that settle in money, but dollars for those that settle in the coin. The book comes whole after each
subscription; each change names the one before, and where that has not come, nothing is trusted until the
next whole book, nor from where a live desk noted that its line was lost, `{"e":"connectionLost"}`.
"""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from pipeline.ingest.event_clock import EventClock
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.held_lines import HeldLines
from pipeline.ingest.known_times import FAR
from pipeline.ingest.market_tables import CLEAR, GAP, LAST, LEVEL, SNAPSHOT, START, Batch, batch
from pipeline.ingest.price_unit import OTHER_UNIT, PriceUnit
from pipeline.ingest.raw_stream import RawStream

VENUE: Final = "deribit"
_SYMBOL: Final = re.compile(rb'"channel":\s*"(?:book|trades|quote)\.([\w-]+)')
_FIRST: Final = 1 << 20
_SIDES: Final = {"bids": 1, "asks": -1}
_TABLES: Final = {"book": "book_events", "trades": "trades", "quote": "quotes"}
_QUOTE: Final = ("bid_price", "bid_size", "ask_price", "ask_size")
_TAKERS: Final = {"buy": 1, "sell": -1}
_LOST: Final = "lost"
_ANSWER: Final = "answer"
_UNKNOWN: Final = "message of no kind that is known"
_TIMES: Final = ("event_time", "known_time", "source_row")
_EVENT: Final = ("sequence", "kind", "flags", "side", "price", "size")
_TRADE: Final = ("price", "size", "side", "trade_id")
_EARLIEST: Final = 946_684_800 * 10**9
_LATEST: Final = 4_102_444_800 * 10**9
Stamp = tuple[int, int, int]
"""When it happened, when it was known, and the line."""
Row = tuple[Any, ...]


def recognises(name: str, head: bytes) -> bool:
    """Tell whether the first line is a stamp and a JSON-RPC message."""
    stamp, _, rest = head.partition(b"\n")[0].partition(b" ")
    return stamp.isdigit() and len(stamp) in (13, 16, 19) and rest[:1] == b"{" and b'"jsonrpc"' in rest


def symbol(file: RawStream, terms: Terms) -> str:
    """Return the instrument of the file: that of the terms, else of the first channel."""
    named = None if terms.instrument else _SYMBOL.search(file.head(_FIRST))
    return named[1].decode() if named else terms.instrument


def venue(file: RawStream, terms: Terms) -> str:
    """Return the venue's name."""
    return VENUE


def read(file: RawStream, terms: Terms) -> Iterator[Batch]:
    """Yield book events, quotes and trades; messages that cannot be right as quarantine.

    A whole book comes out as CLEAR and its levels with the flag SNAPSHOT. `known_time` is that of receipt, or
    `terms.known_lag_seconds` after the venue's where that is later.

    Raises
    ------
    DataError
        The file is missing or damaged.
    """
    stream = Stream(file.name, terms)
    for first, text in file.line_blocks():
        yield from stream.take(first, text)


class Message(NamedTuple):
    """One line: when it was received and when the venue says it happened, ns; of what kind, and what it says.

    `said` is a `Book`, a list of `Trade`, the four numbers of a quote, or nothing; `fault` why it is refused.
    """

    received: int = 0
    happened: int = 0
    kind: str = ""
    instrument: str = ""
    said: Any = None
    fault: str = ""


class Book(NamedTuple):
    """A whole book, or a change after the one before; levels are side, price and size, 0 for a deletion."""

    whole: bool
    at: int
    before: int
    levels: list[tuple[int, float, float]]


class Trade(NamedTuple):
    """One trade: number, ms, price, size and side of the taker."""

    number: int
    time: int
    price: float
    size: float
    side: int


class Stream:
    """What has to be remembered from block to block of a file, or of a stream as it comes.

    Parameters
    ----------
    name : of the file, for messages.
    terms : its instrument, and how far clocks may go back.
    ahead : nanoseconds by which the venue's time may lie after that of receipt.
    """

    def __init__(self, name: str, terms: Terms, ahead: int = FAR) -> None:
        self.name, self.terms, self.ahead = name, terms, ahead
        tolerance = round(terms.clock_tolerance_seconds * 1e9)
        self.receipt, self.clock, self.units = EventClock(tolerance), EventClock(tolerance), PriceUnit()
        self.instrument, self.known = terms.instrument, 0
        self.last: int | None = None
        self.begun, self.trade = False, -1

    def take(self, first: int, text: bytes) -> Iterator[Batch]:
        """Yield the canonical rows of the next whole lines, the number of the first of which is told."""
        numbered = [(first + k, line) for k, line in enumerate(text.split(b"\n")) if line.strip()]
        messages, number = [_message(line) for _, line in numbered], np.array([each for each, _ in numbered])
        held = HeldLines(len(messages))
        for reason in dict.fromkeys(each.fault for each in messages if each.fault):
            held.refuse(np.array([each.fault == reason for each in messages]), reason)
        self._refuse_others(messages, held)
        known = self._known(messages, held)
        self._refuse_strange(messages, held)
        yield from self._rows(messages, number, known, held)
        yield from held.by_table(
            lambda line: _TABLES.get(messages[line].kind, "book_events"),
            self.name,
            number,
            lambda line: numbered[line][1][:200].decode(errors="replace"),
        )

    def _refuse_others(self, messages: Sequence[Message], held: HeldLines) -> None:
        named = (each.instrument for each in messages if each.instrument)
        self.instrument = self.instrument or next(named, "")
        other = [each.instrument not in ("", self.instrument) for each in messages]
        held.refuse(np.array(other, dtype=np.bool_), "of another instrument")

    def _known(self, messages: Sequence[Message], held: HeldLines) -> NDArray[np.int64]:
        """Return [lines] when each was known; hold those whose times cannot be."""
        received = np.array([each.received for each in messages], dtype=np.int64)
        happened = np.array([each.happened for each in messages], dtype=np.int64)
        told = happened > 0
        far = (np.abs(received - happened) > FAR) | (happened - received > self.ahead)
        held.refuse(told & far, "the venue's time is far from that of receipt")
        held.refuse(self.receipt.astray(received, held.sound), "clock went back")
        known = np.where(
            told & (received < happened), happened + int(self.terms.known_lag.astype(np.int64)), received
        )
        held.refuse(self.clock.astray(known, held.sound & told), "the venue's clock went back")
        known = np.maximum.accumulate(np.r_[self.known, np.where(held.sound, known, 0)])[1:]
        self.known = int(known[-1]) if len(known) else self.known
        return known

    def _refuse_strange(self, messages: Sequence[Message], held: HeldLines) -> None:
        """Hold lines with a price in another unit than those before."""
        priced = [
            (line, price, side)
            for line, each in enumerate(messages)
            if held.sound[line]
            for side, price in _prices(each)
        ]
        if priced:
            line, price, side = (np.array(column) for column in zip(*priced, strict=True))
            strange = np.bincount(line[self.units.strange(price, side)], minlength=len(messages)) > 0
            held.refuse(strange, OTHER_UNIT)

    def _rows(
        self,
        messages: Sequence[Message],
        number: NDArray[np.int64],
        known: NDArray[np.int64],
        held: HeldLines,
    ) -> Iterator[Batch]:
        """Yield the rows of the lines that are sound, less those that do not follow, which are held too."""
        rows: dict[str, list[Row]] = {table: [] for table in _TABLES.values()}
        for line in np.flatnonzero(held.sound).tolist():
            each, at = messages[line], int(known[line])
            reason = self._noted(each, (each.happened or at, at, int(number[line])), rows)
            if reason:
                held.refuse(np.arange(len(messages)) == line, reason)
        yield from _batch("book_events", _EVENT, rows["book_events"], order_id=0)
        yield from _batch("trades", _TRADE, rows["trades"], venue=VENUE, condition="")
        yield from _batch("quotes", _QUOTE, rows["quotes"], venue=VENUE)

    def _noted(self, message: Message, stamp: Stamp, rows: dict[str, list[Row]]) -> str:
        """Note the rows of a message; return why it does not follow, if it does not."""
        said = message.said
        if message.kind == _LOST:
            rows["book_events"].append(_lost(stamp))
            self.begun = True
        elif message.kind == "book":
            return self._book(said, stamp, rows["book_events"])
        elif message.kind == "quote":
            rows["quotes"].append((*stamp, *said))
        elif message.kind == "trades":
            if said[0].number <= self.trade:
                return "trade reported twice"
            self.trade = said[-1].number
            rows["trades"] += [
                (_nanoseconds(each.time), *stamp[1:], each.price, each.size, each.side, each.number)
                for each in said
            ]
        return ""

    def _book(self, book: Book, stamp: Stamp, events: list[Row]) -> str:
        """Note the events of a book or a change; return why it does not follow, if it does not."""
        if not book.whole and self.last is not None:
            if book.at <= self.last:
                return "update that came before"
            if book.before != self.last:
                events.append(_lost(stamp))
        if not (book.whole or self.begun):
            events.append((*stamp, max(book.before, 0), START, LAST, 0, np.nan, 0.0))
        flags = SNAPSHOT if book.whole else 0
        levels: list[tuple[int, int, float, float]] = [(LEVEL, *level) for level in book.levels]
        if book.whole:
            levels.insert(0, (CLEAR, 0, np.nan, np.nan))
        for place, (kind, *level) in enumerate(levels, 1):
            events.append((*stamp, book.at, kind, flags | (LAST if place == len(levels) else 0), *level))
        self.last, self.begun = book.at, True
        return ""


def _lost(stamp: Stamp) -> Row:
    """Return the event that says that others before it are missing."""
    return (*stamp, 0, START, LAST | GAP, 0, np.nan, 0.0)


def _batch(table: str, names: Sequence[str], rows: Sequence[Row], **same: object) -> Iterator[Batch]:
    """Yield rows as a batch, unless there are none."""
    if rows:
        columns = dict(
            zip((*_TIMES, *names), (np.array(each) for each in zip(*rows, strict=True)), strict=True)
        )
        times = {name: columns[name].astype("datetime64[ns]") for name in _TIMES[:2]}
        yield batch(table, columns | times | same)


def _prices(message: Message) -> Iterator[tuple[int, float]]:
    """Yield the prices of a message with their sides: 0 of trades and best quotes."""
    if message.kind == "book":
        yield from ((side, price) for side, price, _ in message.said.levels)
    elif message.kind == "trades":
        yield from ((0, each.price) for each in message.said)
    elif message.kind == "quote":
        yield from ((0, message.said[place]) for place in (0, 2))


def _message(line: bytes) -> Message:
    """Return what a line says, or why it says nothing."""
    stamp, _, rest = line.strip().partition(b" ")
    if not stamp.isdigit():
        return Message(fault="does not begin with a time")
    received = _nanoseconds(int(stamp[:20]))
    if not received:
        return Message(fault="time out of range")
    try:
        told = orjson.loads(rest)
    except orjson.JSONDecodeError:
        return Message(received, fault="not whole JSON")
    if not isinstance(told, dict):
        return Message(received, fault=_UNKNOWN)
    if told.get("e") == "connectionLost":
        return Message(received, kind=_LOST)
    if "jsonrpc" in told and "id" in told:
        return Message(received, kind=_ANSWER)
    params = told.get("params")
    channel, data = (params.get("channel"), params.get("data")) if isinstance(params, dict) else (None, None)
    kind = channel.partition(".")[0] if isinstance(channel, str) else ""
    if kind not in _READ:
        return Message(received, fault=_UNKNOWN)
    try:
        happened, instrument, said = _READ[kind](data)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return Message(received, kind=kind, fault="message without all its fields")
    return Message(received, _nanoseconds(happened), kind, instrument, said)


def _book_of(data: Any) -> tuple[int, str, Book]:
    levels = [
        (side, _number(price), 0.0 if action == "delete" else _number(size))
        for key, side in _SIDES.items()
        for action, price, size in data[key]
    ]
    whole = {"snapshot": True, "change": False}[data["type"]]
    before = -1 if whole else _whole(data["prev_change_id"])
    return (
        _whole(data["timestamp"]),
        _text(data["instrument_name"]),
        Book(whole, _whole(data["change_id"]), before, levels),
    )


def _trades_of(data: Any) -> tuple[int, str, list[Trade]]:
    trades = [
        Trade(
            _whole(each["trade_seq"]),
            _whole(each["timestamp"]),
            _number(each["price"]),
            _number(each["amount"]),
            _TAKERS[each["direction"]],
        )
        for each in data
    ]
    trades.sort()
    return max(each.time for each in trades), _text(data[0]["instrument_name"]), trades


def _quote_of(data: Any) -> tuple[int, str, tuple[float, ...]]:
    sides = []
    for side in ("bid", "ask"):
        price, size = (data[f"best_{side}_{what}"] or 0.0 for what in ("price", "amount"))
        sides += [_number(price) or math.nan, _number(size)]
    return _whole(data["timestamp"]), _text(data["instrument_name"]), tuple(sides)


_READ: Final = {"book": _book_of, "trades": _trades_of, "quote": _quote_of}


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(value)
    return float(value)


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 62:
        raise ValueError(value)
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _nanoseconds(stamp: int) -> int:
    """Return a time since 1970 in nanoseconds from milli-, micro- or nanoseconds; 0 for another number."""
    for unit in (10**6, 10**3, 1):
        if _EARLIEST <= stamp * unit < _LATEST:
            return stamp * unit
    return 0
