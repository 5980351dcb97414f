"""Bitstamp's websocket as logged: every order created, changed and deleted, trades, and books of 20 levels.

A line is `epoch_ms event {json}`. The stamp is the time of receipt; the venue's own `datetime` is that of the
order's creation in whole seconds, so both times of a row are the stamp. What a trade does to the book is in
the order messages that come before it, so a trade itself changes nothing. The venue's books are the table
`book`: they start the book, and start it again after a gap.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.ingest.book_levels import book_columns, whole_books
from pipeline.ingest.event_clock import EventClock
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.held_lines import HeldLines
from pipeline.ingest.json_tokens import REASONS, Tokens, code, tokens
from pipeline.ingest.largest_worth import TOO_LARGE, too_large
from pipeline.ingest.market_tables import ADD, CHANGE, DELETE, GAP, LAST, Batch, batch, broken_end, start
from pipeline.ingest.order_ids import IdGaps, SeenIds
from pipeline.ingest.price_unit import OTHER_UNIT, PriceUnit
from pipeline.ingest.raw_stream import RawStream

SILENCE: Final = 10_000
"""Milliseconds without any message after which some may be lost: the venue sends a book every two seconds."""
PATIENCE: Final = 1_000
"""Milliseconds within which an order message that was overtaken comes, and a trade follows its orders."""
_BLOCK: Final = 1 << 21
_EPOCH: Final = (946_684_800_000, 4_102_444_800_000)
_KINDS: Final = {
    int(code(word)): kind
    for word, kind in (("order_created", ADD), ("order_changed", CHANGE), ("order_deleted", DELETE))
}
_TRADE, _BOOK = code("trade"), code("order_book")


def recognises(name: str, head: bytes) -> bool:
    """Tell whether the first line is an order message, a trade or a book with a stamp in milliseconds."""
    stamp, _, rest = head.partition(b" ")
    events = (b"order_created {", b"order_changed {", b"order_deleted {", b"order_book {", b"trade {")
    return len(stamp) == 13 and stamp.isdigit() and rest.startswith(events)


def read(file: RawStream, terms: Terms) -> Iterator[Batch]:
    """Yield order events, trades and books; lines that cannot be right as quarantine.

    Held are lines that are no message, an order deleted twice, created or changed after it was deleted (the
    log has a hundred such, up to a tenth of a second late), created twice, a trade reported twice, and a
    clock that goes back. `GAP` stands on the first event after a silence of `SILENCE`, after a line
    that is held for anything but coming twice or too late, or when an order's id was passed over and has not
    come within `PATIENCE`; and at the end of the file where the next event would have it, or an id is still
    awaited. START begins the file: it goes on with one that ended at most `terms.follows_within_seconds`
    before.
    """
    log = _Log(file.name, terms)
    for first, text in file.line_blocks(_BLOCK):
        yield from log.batches(first, tokens(text))
    yield from log.end()


class _Log:
    """What has to be remembered from block to block."""

    def __init__(self, name: str, terms: Terms) -> None:
        self.name = name
        self.clock = EventClock(round(terms.clock_tolerance_seconds * 1000))
        self.created, self.deleted, self.traded = SeenIds(), SeenIds(), SeenIds()
        self.gaps, self.units = IdGaps(PATIENCE), PriceUnit()
        self.latest = self.line = 0
        self.broken = self.begun = False
        self.within = terms.follows_within_seconds
        self.fills = {side: np.zeros((3, 0)) for side in (1, -1)}

    def batches(self, first: int, found: Tokens) -> Iterator[Batch]:
        lines = HeldLines(len(found))
        kind = _kinds(found)
        trade, book = found.word == _TRADE, found.word == _BOOK
        order = kind > 0
        known = order | trade | book
        for fault, reason in REASONS.items():
            lines.refuse(found.fault == fault, reason)
        in_ms = (found.stamp >= _EPOCH[0]) & (found.stamp < _EPOCH[1])
        lines.refuse(~in_ms, "time not in milliseconds")
        lines.refuse(~known, "message of no kind that is known")
        ids, price, size = found.wholes("id"), found.numbers("price"), found.numbers("amount")
        side = _side(found)
        whole = np.isfinite(price) & np.isfinite(size) & (ids > 0)
        lines.refuse((order & ~(whole & (side != 0))) | (trade & ~whole), "message without all its fields")
        lines.refuse(order & ~(price > 0.0), "price not above zero")
        lines.refuse(order & ~(size >= 0.0), "negative size")
        lines.refuse((order | trade) & too_large(price, size), TOO_LARGE)
        told = np.where(lines.sound & (order | trade), price, np.nan)
        lines.refuse(self.units.strange(told, np.where(trade, 0, side)), OTHER_UNIT)
        bids, asks = found.pairs("bids"), found.pairs("asks")
        lines.refuse(book & ~whole_books(bids, asks, len(found)), "book without pairs of price and size")
        lines.refuse(self.clock.astray(found.stamp, lines.sound & known), "clock went back")
        came, lost = lines.sound & (kind == ADD), ~lines.sound
        self._refuse_repeated(lines, ids, kind, trade)
        known &= lines.sound
        known_ms = np.maximum(np.maximum.accumulate(np.where(known, found.stamp, 0)), self.latest)
        gap = self._gaps(known, known_ms, came, lost, ids, order)
        self.latest = int(known_ms[-1]) if len(known_ms) else self.latest
        times = {"event_time": _instants(found.stamp), "known_time": _instants(known_ms)}
        number = first + found.number
        self.line = int(number[-1]) if len(number) else self.line
        numbers = {"source_row": number, "price": price, "size": size}
        rows: dict[str, NDArray[Any]] = times | numbers
        if known.any() and not self.begun:
            line, self.begun = int(known.argmax()), True
            event, last = rows["event_time"][line], rows["known_time"][line]
            yield start(event, last, int(number[line]), within=self.within)
        events, trades = order & known, trade & known
        if events.any():
            extra: dict[str, Any] = {"kind": kind, "flags": LAST + GAP * gap, "side": side, "order_id": ids}
            yield batch("book_events", {k: v[events] for k, v in (rows | extra).items()} | {"sequence": 0})
        taker = self._taker_sides(known, known_ms, kind, ids, price, size, side, trades)
        if trades.any():
            extra = {"side": taker, "trade_id": ids}
            columns = {k: v[trades] for k, v in (rows | extra).items()}
            yield batch("trades", columns | {"venue": "bitstamp", "condition": ""})
        books = np.flatnonzero(book & known)
        if len(books):
            columns = {k: rows[k][books] for k in ("event_time", "known_time", "source_row")}
            yield batch("book", columns | book_columns(books, bids, asks) | {"sequence": 0})
        tables = {int(_TRADE): "trades", int(_BOOK): "book"}
        yield from lines.by_table(
            lambda line: tables.get(int(found.word[line]), "book_events"),
            self.name,
            number,
            found.shown,
        )

    def end(self) -> Iterator[Batch]:
        """Yield what is to be said after the last line."""
        if self.begun and (self.broken or self.gaps.awaiting):
            (now,) = _instants(np.array([self.latest]))
            yield broken_end(now, now, self.line)

    def _refuse_repeated(
        self, lines: HeldLines, ids: NDArray[np.int64], kind: NDArray[np.int8], trade: NDArray[np.bool_]
    ) -> None:
        dead = _again(self.deleted, ids, lines.sound & (kind > 0), kind == DELETE)
        lines.refuse(dead & (kind == DELETE), "order deleted twice")
        lines.refuse(dead, "order created or changed after it was deleted")
        created = lines.sound & (kind == ADD)
        lines.refuse(_again(self.created, ids, created, created), "order created twice")
        trades = lines.sound & trade
        lines.refuse(_again(self.traded, ids, trades, trades), "trade reported twice")

    def _gaps(
        self,
        known: NDArray[np.bool_],
        known_ms: NDArray[np.int64],
        came: NDArray[np.bool_],
        lost: NDArray[np.bool_],
        ids: NDArray[np.int64],
        order: NDArray[np.bool_],
    ) -> NDArray[np.int8]:
        """Return [lines] 1 on the first order event after a silence, a lost id or an unreadable line."""
        before = np.r_[self.latest, known_ms[:-1]] if len(known_ms) else known_ms
        broken = lost | (known & (known_ms - before > SILENCE) & (before > 0))
        rows = np.flatnonzero(came)
        broken[rows] |= self.gaps.missed(ids[rows], known_ms[rows])
        found = np.zeros(len(known), dtype=np.int8)
        events = np.flatnonzero(known & order)
        starts = np.flatnonzero(broken)
        if self.broken:
            starts = np.r_[0, starts]
        places = np.searchsorted(events, starts)
        found[events[places[places < len(events)]]] = 1
        self.broken = bool((places == len(events)).any())
        return found

    def _taker_sides(
        self,
        known: NDArray[np.bool_],
        known_ms: NDArray[np.int64],
        kind: NDArray[np.int8],
        ids: NDArray[np.int64],
        price: NDArray[np.float64],
        size: NDArray[np.float64],
        side: NDArray[np.int8],
        trades: NDArray[np.bool_],
    ) -> NDArray[np.int8]:
        """Return [lines] the side of the taker of each trade: of the younger of the two orders it filled.

        A fill reduces one order of each side just before the trade, whose price is that of the order that
        was there first. Where the last fills of the two sides do not look like this the side is not known.
        """
        filled = known & ((kind == CHANGE) | ((kind == DELETE) & (size == 0.0)))
        rows = np.flatnonzero(trades)
        last = {}
        for each in (1, -1):
            of_side = np.flatnonzero(filled & (side == each))
            table = np.c_[self.fills[each], np.array([known_ms[of_side], ids[of_side], price[of_side]])]
            place = self.fills[each].shape[1] + np.searchsorted(of_side, rows) - 1
            last[each] = np.c_[table, np.full(3, np.nan)][:, place]
            self.fills[each] = table[:, -1:]
        bought, sold = last[1], last[-1]
        younger_bought = bought[1] > sold[1]
        maker_price = np.where(younger_bought, sold[2], bought[2])
        recent = np.minimum(bought[0], sold[0]) >= known_ms[rows] - PATIENCE
        found = np.zeros(len(known), dtype=np.int8)
        found[rows] = np.where(recent & (maker_price == price[rows]), np.where(younger_bought, 1, -1), 0)
        return found


def _again(
    seen: SeenIds, ids: NDArray[np.int64], among: NDArray[np.bool_], entered: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return [lines] whether a line among some of them has an id that was `seen`; remember the `entered`."""
    found = np.zeros(len(ids), dtype=np.bool_)
    found[among] = seen.again(ids[among], entered[among])
    return found


def _kinds(found: Tokens) -> NDArray[np.int8]:
    kind = np.zeros(len(found), dtype=np.int8)
    for word, each in _KINDS.items():
        kind[found.word == word] = each
    return kind


def _side(found: Tokens) -> NDArray[np.int8]:
    kind = found.wholes("order_type")
    return np.select([kind == 0, kind == 1], [1, -1], 0).astype(np.int8)


def _instants(milliseconds: NDArray[np.int64]) -> NDArray[np.datetime64]:
    return milliseconds.astype("datetime64[ms]").astype("datetime64[ns]")
