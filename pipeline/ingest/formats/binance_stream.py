"""Binance's websocket streams as recorded, spot and USD-margined futures: one message a line.

A line is `local_time {json}`, the stamp in milli-, micro- or nanoseconds. Depth updates become `book_events`,
bookTicker `quotes`, trade or aggTrade `trades`, markPrice `alternative`, books of 5, 10 or 20 levels `book`.
A book begins with a snapshot, the answer of the venue's REST call that the recorder wrote among the messages
or that the terms name as a file. Nothing that is made of the updates can be trusted until one has come, nor
from where a live desk noted that its line was lost, `{"e":"connectionLost"}`, until the next.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.ingest.book_levels import book_columns, whole_books, whole_pairs
from pipeline.ingest.event_clock import EventClock
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.held_lines import HeldLines
from pipeline.ingest.json_tokens import FALSE, REASONS, TEXT, TRUE, Pairs, Tokens, code, tokens
from pipeline.ingest.known_times import FAR
from pipeline.ingest.market_tables import AGGREGATE, CLEAR, Batch, batch, start
from pipeline.ingest.order_ids import SeenIds
from pipeline.ingest.price_unit import OTHER_UNIT, PriceUnit
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.update_chain import Changes, UpdateChain, Updates, flagged, joined, levels, lost

_BLOCK: Final = 4 << 20
_SYMBOL: Final = re.compile(rb'"s":\s*"(\w+)"')
_FIRST: Final = 1 << 20
"""Bytes in which the first message with a symbol stands: a snapshot, which has none, may come before it."""
_EARLIEST: Final = 946_684_800
_LATEST: Final = 4_102_444_800
_KINDS: Final = {"depthUpdate": 1, "trade": 3, "aggTrade": 4, "markPriceUpdate": 5, "connectionLost": 8}
_DEPTH, _TICKER, _TRADE, _AGGREGATE, _MARK, _REST, _PARTIAL, _LOST = range(1, 9)
_TABLES: Final = {
    _TICKER: "quotes",
    _TRADE: "trades",
    _AGGREGATE: "trades",
    _MARK: "alternative",
    _PARTIAL: "book",
}
SPOT, FUTURES = "binance", "binance-futures"
"""Names of the two venues, as Tardis calls them."""
_SHALLOW: Final = ("depth5", "depth10", "depth20")
_QUOTE: Final = {"bid_price": "b", "bid_size": "B", "ask_price": "a", "ask_size": "A"}
_SERIES: Final = {"p": "mark_price", "i": "index_price", "r": "funding_rate_so_far"}


def recognises(name: str, head: bytes) -> bool:
    """Tell whether the first line is a stamp and a message of a stream that is read."""
    stamp, _, rest = head.partition(b"\n")[0].partition(b" ")
    known = (
        b'"depthUpdate"',
        b'"lastUpdateId"',
        b"bookTicker",
        b'"trade"',
        b'"aggTrade"',
        b'"markPriceUpdate"',
    )
    return (
        stamp.isdigit()
        and len(stamp) in (13, 16, 19)
        and rest[:1] == b"{"
        and any(word in rest for word in known)
    )


def symbol(file: RawStream, terms: Terms) -> str:
    """Return the instrument of the file: that of the terms, else of the first message that names it."""
    named = None if terms.instrument else _SYMBOL.search(file.head(_FIRST))
    return named[1].decode() if named else terms.instrument


def venue(file: RawStream, terms: Terms) -> str:
    """Return `SPOT` or `FUTURES` by the first message that tells them apart: their instruments share names.

    Those of futures have `pu` in a depth update, the venue's time in a ticker, `X` in a trade, which on spot
    has `M`, as one that joins trades has there and not on futures; only they have a mark price, only spot has
    books of a few levels.
    """
    found, kind = _first(file)
    there = {key: found.at(key) >= 0 for key in ("pu", "E", "X", "M")}
    trade = np.isin(kind, [_TRADE, _AGGREGATE])
    futures = (kind == _MARK) | (trade & there["X"]) | (np.isin(kind, [_TICKER, _REST]) & there["E"])
    futures |= ((kind == _DEPTH) & there["pu"]) | ((kind == _AGGREGATE) & ~there["M"])
    spot = (kind == _PARTIAL) | (trade & there["M"]) | (np.isin(kind, [_DEPTH, _TICKER, _REST]) & ~futures)
    told = futures[futures | spot]
    return "" if not len(told) else FUTURES if told[0] else SPOT


def assumed(file: RawStream, terms: Terms) -> str:
    """Return that the recorder's clock is believed, where no message of a file tells the venue's time."""
    found, kind = _first(file)
    if not (kind == _TICKER).any() or (found.at("E") >= 0).any():
        return ""
    return (
        "its tickers carry no time of the venue and no message beside them does, so they are known by the "
        "recorder's clock: where that is behind the venue's, before they were sent: record trades or depth "
        "with them in one file"
    )


def _first(file: RawStream) -> tuple[Tokens, NDArray[np.int8]]:
    """Return the messages with which a file begins, and of which kind each is."""
    block = file.head(_FIRST)
    found = tokens(block[: block.rfind(b"\n") + 1])
    return found, _kinds(found)


def beside(file: RawStream, terms: Terms) -> tuple[RawStream, ...]:
    """Return the snapshot of the terms, where they name one."""
    return (RawStream(terms.snapshot),) if terms.snapshot else ()


def read(file: RawStream, terms: Terms) -> Iterator[Batch]:
    """Yield book events, quotes and trades; messages that cannot be right as quarantine.

    Before the first update stands START with the id on which it follows; every one before which ids are
    missing has the flag `GAP`. A snapshot comes out as
    CLEAR and its levels with the flag SNAPSHOT, and with them those earlier updates that it does not hold.
    `known_time` is that of receipt; where the recorder's clock is behind the venue's, so that a message would
    be received before it was sent, it is the venue's, `terms.known_lag_seconds` later. It never goes back;
    what a file tells before its first message with the venue's time is as late as that one.

    Raises
    ------
    DataError
        The file is missing or damaged; or the snapshot of the terms is no snapshot.
    """
    stream = Stream(file.name, terms, venue(file, terms) or SPOT)
    for first, text in file.line_blocks(_BLOCK):
        yield from stream.take(first, text)


class Stream:
    """What has to be remembered from block to block of a file, or of a stream as it comes.

    Parameters
    ----------
    name : of the file, for messages.
    terms : its instrument, and how far clocks may go back.
    venue : `SPOT` or `FUTURES`.
    ahead : nanoseconds by which the venue's time may lie after that of receipt.
    """

    def __init__(self, name: str, terms: Terms, venue: str, ahead: int = FAR) -> None:
        self.name, self.terms, self.venue, self.ahead = name, terms, venue, ahead
        tolerance = round(terms.clock_tolerance_seconds * 1e9)
        self.receipt, self.clock = EventClock(tolerance), EventClock(tolerance)
        self.update_ids, self.ticker_ids = EventClock(0), EventClock(0)
        self.trades, self.chain = SeenIds(), UpdateChain()
        self.units = PriceUnit()
        self.symbol = int(code(terms.instrument)) if terms.instrument else 0
        self.trade_kind = 0
        self.known = np.int64(0)
        self.latest_update = np.int64(-1)
        self.owed = self.begun = self.timed = False
        self.start = _snapshot_file(terms.snapshot) if terms.snapshot else None

    def take(self, first: int, text: bytes) -> Iterator[Batch]:
        """Yield the canonical rows of the next whole lines, the number of the first of which is told."""
        found = tokens(text)
        lines = HeldLines(len(found))
        kind = _kinds(found)
        for fault, reason in REASONS.items():
            lines.refuse(found.fault == fault, reason)
        lines.refuse(kind == 0, "message of no kind that is known")
        self._refuse_others(lines, found, kind)
        event, known = self._times(lines, found, kind)
        bids, asks = found.pairs("bids"), found.pairs("asks")
        changes = self._changes(lines, found, kind, found.pairs("b"), found.pairs("a"), bids, asks)
        number = first + found.number
        rows = {"event_time": event, "known_time": known, "source_row": number}
        if len(changes):
            if not self.begun and changes.kind[0] != CLEAR:
                line = changes.line[0]
                yield start(event[line], known[line], number[line], self.chain.after or 0)
            self.begun = True
            own = {
                name: getattr(changes, name)
                for name in ("sequence", "kind", "flags", "side", "price", "size")
            }
            when = {name: values[changes.line] for name, values in rows.items()}
            yield batch("book_events", when | own | {"order_id": 0})
        yield from self._quotes(lines, found, kind == _TICKER, rows)
        yield from self._trades(lines, found, kind, rows)
        yield from _marks(lines, found, kind == _MARK, rows)
        partial = (kind == _PARTIAL) & lines.sound
        if partial.any():
            sequence = found.wholes("lastUpdateId")[partial]
            columns = book_columns(np.flatnonzero(partial), bids, asks)
            yield batch("book", _of(rows, partial) | columns | {"sequence": sequence})
        yield from lines.by_table(
            lambda line: _TABLES.get(int(kind[line]), "book_events"), self.name, number, found.shown
        )

    def _refuse_others(self, lines: HeldLines, found: Tokens, kind: NDArray[np.int8]) -> None:
        symbols = found.wholes("s", TEXT, 0)
        named = symbols[(symbols != 0) & (kind > 0)]
        if not self.symbol and len(named):
            self.symbol = int(named[0])
        lines.refuse((symbols != 0) & (symbols != self.symbol), "of another instrument")

    def _times(
        self, lines: HeldLines, found: Tokens, kind: NDArray[np.int8]
    ) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
        """Return [lines] when each happened and when it was known; hold those that cannot be."""
        local = _nanoseconds(found.stamp)
        happened = np.where(found.wholes("T") >= 0, found.wholes("T"), found.wholes("E"))
        happened = np.where(kind == _MARK, found.wholes("E"), happened)
        sent = np.maximum(happened, found.wholes("E"))
        told = happened >= 0
        happened, sent = _nanoseconds(happened), _nanoseconds(sent)
        lines.refuse((found.fault == 0) & (local == 0), "time out of range")
        far = (happened == 0) | (np.abs(local - happened) > FAR) | (np.abs(local - sent) > FAR)
        far |= np.maximum(happened, sent) - local > self.ahead
        lines.refuse(told & far, "the venue's time is far from that of receipt")
        lines.refuse(
            ~told & np.isin(kind, [_DEPTH, _TRADE, _AGGREGATE, _MARK]), "message without all its fields"
        )
        lines.refuse(self.receipt.astray(local, lines.sound & (kind > 0)), "clock went back")
        lag = self.terms.known_lag.astype(np.int64)
        known = np.where(told & (local < sent), sent + lag, local)
        first = np.flatnonzero(lines.sound & told)[:1]
        if not self.timed and len(first):
            known[: first[0]] += known[first[0]] - local[first[0]]
            self.timed = True
        lines.refuse(self.clock.astray(known, lines.sound & told), "the venue's clock went back")
        known = np.maximum.accumulate(np.r_[self.known, np.where(lines.sound, known, 0)])[1:]
        self.known = known[-1] if len(known) else self.known
        event = np.where(told, happened, known)
        return event.astype("datetime64[ns]"), known.astype("datetime64[ns]")

    def _changes(
        self,
        lines: HeldLines,
        found: Tokens,
        kind: NDArray[np.int8],
        bids: Pairs,
        asks: Pairs,
        rest_bids: Pairs,
        rest_asks: Pairs,
    ) -> Changes:
        """Return the changes of the book, snapshots joined with the updates around them."""
        depth, rest = kind == _DEPTH, kind == _REST
        first, last = found.wholes("U"), found.wholes("u")
        lines.refuse(depth & ((first < 0) | (last < first)), "update without ids in order")
        lines.refuse(depth & ~whole_pairs(bids, asks, len(found)), "update without pairs of price and size")
        fault = ~whole_books(rest_bids, rest_asks, len(found)) | (found.wholes("lastUpdateId") < 0)
        lines.refuse((rest & fault) | ((kind == _PARTIAL) & fault), "book without pairs of price and size")
        for sides in ((bids, asks), (rest_bids, rest_asks)):
            lines.refuse((kind > 0) & self._crossing(*sides, len(found)), OTHER_UNIT)
        lines.refuse(self.update_ids.astray(last, depth & lines.sound), "update id went back")
        before = np.r_[self.latest_update, np.where(depth & lines.sound, last, -1)]
        before = np.maximum.accumulate(before)
        self.latest_update, before = before[-1], before[:-1]
        lines.refuse(depth & (last <= before), "update that came before")
        updates = Updates(np.arange(len(found)), first, last, found.wholes("pu"))
        changes = _levels(bids, asks, last)
        parts: list[Changes] = []
        done = 0
        starts = np.flatnonzero((rest | (kind == _LOST)) & lines.sound).tolist()
        if self.start:
            starts = sorted({*starts, *self._started(updates, depth & lines.sound & (last > self.start[0]))})
        for line in [*starts, len(found)]:
            parts.append(self._followed(lines, updates, depth, changes, done, line))
            done = line
            if line == len(found):
                break
            if kind[line] == _LOST:
                parts.append(lost(line))
                continue
            restarted = self._restarted(line, found, rest_bids, rest_asks)
            if restarted is None:
                lines.refuse(updates.line == line, "snapshot older than the updates after it")
            else:
                parts.append(restarted)
        self.chain.forget()
        return Changes.joined(parts)

    def _started(self, updates: Updates, over: NDArray[np.bool_]) -> list[int]:
        """Return the line before which the snapshot of the terms stands, the first `over` it.

        None where that does not follow on it: another file then begins with the snapshot.
        """
        first: list[int] = np.flatnonzero(over)[:1].tolist()
        if first and self.start and not joined(updates, first[0], self.start[0]):
            self.start, first = None, []
        return first

    def _crossing(self, bids: Pairs, asks: Pairs, lines: int) -> NDArray[np.bool_]:
        """Return [lines] whether a level is so far beyond the other side that its unit is another."""
        side = np.repeat([1, -1], [len(bids.line), len(asks.line)])
        strange = self.units.strange(np.r_[bids.first, asks.first], side)
        found: NDArray[np.bool_] = np.bincount(np.r_[bids.line, asks.line][strange], minlength=lines) > 0
        return found

    def _followed(
        self,
        lines: HeldLines,
        updates: Updates,
        depth: NDArray[np.bool_],
        changes: Changes,
        begin: int,
        end: int,
    ) -> Changes:
        """Return the changes of the updates in some lines, with what is missing before them flagged."""
        inside = depth & lines.sound & (updates.line >= begin) & (updates.line < end)
        lines.refuse(inside & self.chain.stale(updates.last), "update that the snapshot holds already")
        inside &= lines.sound
        followed = updates.part(inside)
        gaps = self.chain.gaps(followed)
        own = changes.part(inside[changes.line])
        self.owed = flagged(own, followed, gaps, self.owed)
        self.chain.remember(followed, gaps, own)
        return own

    def _restarted(self, line: int, found: Tokens, bids: Pairs, asks: Pairs) -> Changes | None:
        """Return the snapshot that a line holds, or the one of the terms where the line is an update."""
        at = int(found.wholes("lastUpdateId")[line])
        sides = [np.c_[side.first, side.second][side.line == line] for side in (bids, asks)]
        if at < 0 and self.start:
            (at, *sides), self.start = self.start, None
        restarted = self.chain.restart(line, at, *sides)
        self.owed &= restarted is None
        return restarted

    def _quotes(
        self, lines: HeldLines, found: Tokens, ticker: NDArray[np.bool_], rows: dict[str, Any]
    ) -> Iterator[Batch]:
        numbers = {name: found.numbers(key) for name, key in _QUOTE.items()}
        whole = np.all([np.isfinite(values) for values in numbers.values()], axis=0)
        lines.refuse(ticker & ~(whole & (found.wholes("u") >= 0)), "message without all its fields")
        lines.refuse(self.ticker_ids.astray(found.wholes("u"), ticker & lines.sound), "update id went back")
        for side in ("bid", "ask"):
            price = np.where(ticker & lines.sound, numbers[f"{side}_price"], np.nan)
            lines.refuse(self.units.strange(price), OTHER_UNIT)
        ticker = ticker & lines.sound
        if ticker.any():
            for side in ("bid", "ask"):
                numbers[f"{side}_price"][numbers[f"{side}_size"] == 0.0] = np.nan
            yield batch("quotes", _of(rows | numbers, ticker) | {"venue": self.venue})

    def _trades(
        self, lines: HeldLines, found: Tokens, kind: NDArray[np.int8], rows: dict[str, Any]
    ) -> Iterator[Batch]:
        trade = (kind == _TRADE) | (kind == _AGGREGATE)
        if not self.trade_kind and (lines.sound & trade).any():
            self.trade_kind = int(kind[lines.sound & trade][0])
        lines.refuse(trade & (kind != self.trade_kind), "trades that the other stream of trades tells")
        ids = found.wholes("t" if self.trade_kind == _TRADE else "a")
        maker = found.kinds("m")
        numbers = {"price": found.numbers("p"), "size": found.numbers("q")}
        whole = np.isfinite(numbers["price"]) & np.isfinite(numbers["size"]) & (ids >= 0)
        lines.refuse(trade & ~(whole & np.isin(maker, [TRUE, FALSE])), "message without all its fields")
        price = np.where(trade & lines.sound, numbers["price"], np.nan)
        lines.refuse(self.units.strange(price), OTHER_UNIT)
        places = np.flatnonzero(trade & lines.sound)
        again = np.zeros(len(found), dtype=np.bool_)
        again[places] = self.trades.again(ids[places], np.ones(len(places), np.bool_))
        lines.refuse(again, "trade reported twice")
        trade &= lines.sound
        if trade.any():
            side = np.where(maker == TRUE, -1, 1)
            words, which = found.labels("X")
            single = self.trade_kind == _TRADE
            condition = (
                np.array(words, dtype=object)[which] if single else np.full(len(ids), AGGREGATE, object)
            )
            own = {"side": side, "trade_id": ids, "condition": condition}
            yield batch("trades", _of(rows | numbers | own, trade) | {"venue": self.venue})


def _kinds(found: Tokens) -> NDArray[np.int8]:
    """Return [lines] what kind of message each is, 0 for one that is not known."""
    said = found.wholes("e", TEXT, 0)
    kind = np.zeros(len(found), dtype=np.int8)
    for name, each in _KINDS.items():
        kind[said == code(name)] = each
    quoted = (found.at("B") >= 0) & (found.at("A") >= 0) & (found.at("u") >= 0)
    kind[quoted & ((said == 0) | (said == code("bookTicker")))] = _TICKER
    book = (said == 0) & (found.at("lastUpdateId") >= 0)
    streamed = found.at("stream") >= 0
    kind[book] = np.where(streamed[book], _PARTIAL, _REST)
    streams, which = found.labels("stream")
    shallow = np.array([name.partition("@")[2].startswith(_SHALLOW) for name in streams], np.bool_)
    kind[shallow[which] & (kind == _DEPTH)] = 0
    return kind


def _nanoseconds(stamps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return times since 1970 in nanoseconds from milli-, micro- or nanoseconds; 0 for another number."""
    found = np.zeros(len(stamps), dtype=np.int64)
    for unit in (10**6, 10**3, 1):
        scale = 10**9 // unit
        right = (stamps >= _EARLIEST * scale) & (stamps < _LATEST * scale)
        found[right] = stamps[right] * unit
    return found


def _levels(bids: Pairs, asks: Pairs, last: NDArray[np.int64]) -> Changes:
    line = np.r_[bids.line, asks.line].astype(np.int64)
    order = np.argsort(line, kind="stable")
    side = np.r_[np.ones(len(bids.line)), -np.ones(len(asks.line))].astype(np.int8)
    pairs = np.c_[np.r_[bids.first, asks.first], np.r_[bids.second, asks.second]]
    return levels(line[order], last[line[order]], side[order], pairs[order])


def _of(rows: dict[str, Any], chosen: NDArray[np.bool_]) -> dict[str, Any]:
    return {name: values[chosen] for name, values in rows.items()}


def _marks(lines: HeldLines, found: Tokens, mark: NDArray[np.bool_], rows: dict[str, Any]) -> Iterator[Batch]:
    values = {key: found.numbers(key) for key in _SERIES}
    told = {key: np.isfinite(value) for key, value in values.items()}
    unfunded = found.wholes("r", TEXT, 0) == code("")  # a contract that expires has no funding
    whole = told["p"] & told["i"] & (told["r"] | unfunded)
    lines.refuse(mark & ~whole, "message without all its fields")
    lines.refuse(mark & ~((values["p"] > 0.0) & (values["i"] > 0.0)), "price not above zero")
    for key, series in _SERIES.items():
        chosen = mark & lines.sound & told[key]
        if chosen.any():
            columns = _of(rows | {"value": values[key]}, chosen)
            day = columns["known_time"].astype("datetime64[D]")
            rest = {"series": series, "vintage": day, "pseudo_vintage": False}
            yield batch("alternative", columns | rest)


def _snapshot_file(path: str) -> tuple[int, NDArray[np.float64], NDArray[np.float64]]:
    """Return the id, the bids and the asks of the answer of the venue's REST call."""
    file = RawStream(path)
    found = tokens(b"".join(file.blocks()).replace(b"\n", b" "), stamped=False)
    bids, asks = found.pairs("bids"), found.pairs("asks")
    at = found.wholes("lastUpdateId")
    if len(found) != 1 or at[0] < 0 or not whole_books(bids, asks, 1)[0]:
        raise DataError(f"{file.name}: is no snapshot: give the venue's answer (lastUpdateId, bids, asks)")
    return int(at[0]), np.c_[bids.first, bids.second], np.c_[asks.first, asks.second]
