"""Databento's DBN files, also zst: market by order (`mbo`), by price (`mbp-1`, `mbp-10`), `tbbo`, `trades`.

A file is a header and records of one size. `ts_event` of the venue is the event time, `ts_recv` of the
capture server the known time. A trade changes nothing in the book; a fill says the same of the resting side.
"""

from collections.abc import Iterator
from itertools import chain, pairwise
from typing import Any, Final

import numpy as np
from numba import types
from numba.typed import Dict
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.domain.kept import kept
from pipeline.domain.naming import hint
from pipeline.ingest.event_clock import EventClock
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.held_lines import HeldLines
from pipeline.ingest.known_times import AHEAD, KnownTimes, ahead
from pipeline.ingest.largest_worth import TOO_LARGE, too_large
from pipeline.ingest.lost_changes import LostChanges, Marks
from pipeline.ingest.market_tables import (
    ADD,
    CHANGE,
    CLEAR,
    DELETE,
    GAP,
    LAST,
    SNAPSHOT,
    Batch,
    batch,
    broken_end,
    padded,
    start,
)
from pipeline.ingest.raw_stream import RawStream

_RECORDS: Final = 50_000
_LAST, _SNAPSHOT, _BAD_BOOK = 128, 32, 4
_NO_PRICE: Final = np.iinfo(np.int64).max
_TYPES: Final = {160: "MBOMsg", 10: "MBP10Msg", 1: "MBP1Msg", 0: "TradeMsg"}
_TABLES: Final = {160: "book_events", 10: "book", 1: "quotes", 0: "trades"}
_ACTIONS: Final = [bytes([each]) for each in b"ACMRTFN"]
_NO_CHANGE: Final = [b"T", b"F", b"N"]
_KINDS: Final = (ADD, CHANGE, DELETE, CLEAR)
_LEVELS: Final = {10: 10, 1: 1}
_HEADER: Final = 8
_LARGEST_HEADER: Final = 64 << 20


def recognises(name: str, head: bytes) -> bool:
    """Tell whether the content begins as DBN does."""
    return head.startswith(b"DBN") and len(head) >= _HEADER


def symbol(file: RawStream, terms: Terms) -> str:
    """Return the instrument of the file: that of the terms, else of the header where it names one only."""
    named = [terms.instrument] if terms.instrument else _Records(file, terms).metadata.symbols
    return str(named[0]) if len(named) == 1 else ""


def venue(file: RawStream, terms: Terms) -> str:
    """Return the dataset of the header."""
    return str(_Records(file, Terms()).metadata.dataset)


def read(file: RawStream, terms: Terms) -> Iterator[Batch]:
    """Yield order events and trades, or books, quotes and trades; records that cannot be right as quarantine.

    A cancel of a part of an order is CHANGE to what is left. `GAP` stands where the capture says that the
    book may be bad, and where a record that is held would have changed it, at the end of the file too. Unless
    a snapshot or a clear begins the file, START does, and lets it go on with none: what is left of orders
    from before the file is not known. `source_row` counts records.

    Raises
    ------
    DataError
        The package `databento` is missing; the file is damaged, or holds records that are not read.
    """
    records = _Records(file, terms)
    parts: Iterator[tuple[int, NDArray[Any]]] = chain(records.parts(), ((0, records.none),))
    for (first, found), (_, following) in pairwise(parts):
        yield from records.batches(first, found, following)
    yield from records.end()


class _Records:
    """The records of a file, and what has to be remembered from part to part."""

    def __init__(self, file: RawStream, terms: Terms) -> None:
        self.name = file.name
        self.blocks = file.blocks()
        self.rest = b""
        package = _package()
        head = self._taken(_HEADER)
        length = int.from_bytes(head[4:8], "little")
        if not recognises(self.name, head) or length > _LARGEST_HEADER:
            raise DataError(f"{self.name}: does not begin as a DBN file does: is it one?")
        try:
            self.metadata = package.Metadata.decode(head + self._taken(length))
        except Exception as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise DataError(f"{self.name}: has a damaged header ({reason}): fetch it again") from None
        self.dtype = self._dtype(package)
        self.instrument = self._instrument(terms)
        self.clock = EventClock(round(terms.clock_tolerance_seconds * 1e9))
        self.known = KnownTimes()
        self.orders = Dict.empty(types.int64, types.float64)
        self.lost = LostChanges()
        self.latest: list[Any] = []
        self.none = np.zeros(0, self.dtype)

    def parts(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """Yield records, each time with the number of the first (the file's first is 1)."""
        first, size = 1, self.dtype.itemsize
        while content := self._taken(size * _RECORDS, whole=False):
            count = len(content) // size
            found = np.frombuffer(content[: count * size], self.dtype)
            odd = np.flatnonzero((found["rtype"] != self.rtype) | (found["length"] != size // 4))
            if len(odd):
                raise DataError(
                    f"{self.name}: record {first + odd[0]} is of another kind than the first (type "
                    f"{found['rtype'][odd[0]]}, {4 * int(found['length'][odd[0]])} bytes): ask for one schema"
                )
            if count:
                yield first, found
            first += count
            if len(content) % size:
                raise DataError(f"{self.name}: ends within record {first}: fetch it again")

    def batches(self, first: int, found: NDArray[Any], following: NDArray[Any]) -> Iterator[Batch]:
        """Yield the rows of some records; of those `following` only whether they go on with a snapshot."""
        lines = HeldLines(len(found))
        self.instrument = self.instrument or int(found["instrument_id"][0])
        lines.refuse(found["instrument_id"] != self.instrument, "of another instrument")
        action, side = found["action"], _side(found["side"])
        lines.refuse(~np.isin(action, _ACTIONS), "unknown action")
        received, happened = (_clipped(found[name]) for name in ("ts_recv", "ts_event"))
        lines.refuse((received == 0) | (happened == 0), "time out of range")
        lines.refuse(self.clock.astray(received, lines.sound), "clock went back")
        event, receipt = happened.astype("datetime64[ns]"), received.astype("datetime64[ns]")
        lines.refuse(ahead(event, receipt), AHEAD)
        rows = {
            "event_time": event,
            "known_time": self.known(event, receipt, lines.sound),
            "source_row": first + np.arange(len(found)),
            "price": _money(found["price"]),
            "size": found["size"].astype(np.float64),
            "side": side,
        }
        trade = (action == b"T") & lines.sound
        if self.rtype == 160:
            yield from self._order_events(lines, found, rows, following)
        elif self.rtype in _LEVELS:
            yield from self._books(lines, found, rows)
        else:
            trade = lines.sound
        if trade.any():
            own = {name: values[trade] for name, values in rows.items()}
            yield batch("trades", own | {"trade_id": 0, "venue": self.metadata.dataset, "condition": ""})
        yield from lines.by_table(
            lambda line: "trades" if action[line] == b"T" and not trade[line] else _TABLES[self.rtype],
            self.name,
            rows["source_row"],
            lambda line: str(found[line]),
        )

    def _order_events(
        self, lines: HeldLines, found: NDArray[Any], rows: dict[str, Any], following: NDArray[Any]
    ) -> Iterator[Batch]:
        action, ids, said = found["action"], found["order_id"].astype(np.int64), found["flags"]
        kind = np.select([action == b"A", action == b"M", action == b"C", action == b"R"], [*_KINDS], 0)
        clear, snapshot = kind == CLEAR, said & _SNAPSHOT > 0
        level = (kind > 0) & ~clear
        lines.refuse(level & (rows["side"] == 0), "order without a side")
        lines.refuse(level & ~(rows["price"] > 0.0), "price not above zero")
        lines.refuse((kind > 0) & too_large(rows["price"], rows["size"]), TOO_LARGE)
        event = (kind > 0) & lines.sound
        kind[event], rows["size"][event] = _left(self.orders, kind[event], ids[event], rows["size"][event])
        lines.refuse(event & too_large(rows["price"], rows["size"]), TOO_LARGE)
        event &= lines.sound
        lost = ~lines.sound & self._changes(found)
        gap = self.lost(lost, event, snapshot, clear, said & _BAD_BOOK > 0)[event]
        if not event.any():
            return
        last = (said & _LAST > 0) | self._snapshot_ends(found, event | lost, following)
        own = {name: values[event] for name, values in rows.items()}
        own["side"] = np.where(clear[event], 0, own["side"])
        snapshot, clear, begun = snapshot[event], clear[event], bool(self.latest)
        first, self.latest = (
            [own[name][row] for name in ("event_time", "known_time", "source_row")] for row in (0, -1)
        )
        if not begun and not snapshot[0] and not clear[0]:
            yield start(*first)
        flags = LAST * last[event] + SNAPSHOT * snapshot + GAP * gap
        sequence = found["sequence"][event].astype(np.int64)
        rest = {"kind": kind[event], "flags": flags, "order_id": ids[event], "sequence": sequence}
        yield batch("book_events", own | rest)

    def end(self) -> Iterator[Batch]:
        """Yield what is to be said after the last record."""
        if self.latest and self.lost.owed:
            yield broken_end(*self.latest)

    def _changes(self, found: NDArray[Any]) -> Marks:
        """Return [records] whether one would change the book, if it is right."""
        own: Marks = (found["instrument_id"] == self.instrument) & ~np.isin(found["action"], _NO_CHANGE)
        return own

    def _snapshot_ends(self, found: NDArray[Any], change: Marks, following: NDArray[Any]) -> Marks:
        """Return [records] whether a change, held or not, is a snapshot's last, in view of those after."""
        snapshot = found["flags"][change] & _SNAPSHOT > 0
        after = following["flags"][self._changes(following)][:1] & _SNAPSHOT > 0
        ends = np.zeros(len(found), dtype=np.bool_)
        ends[change] = snapshot & ~np.r_[snapshot, after, False][1 : len(snapshot) + 1]
        return ends

    def _books(self, lines: HeldLines, found: NDArray[Any], rows: dict[str, Any]) -> Iterator[Batch]:
        bad = found["flags"] & _BAD_BOOK > 0
        if self.rtype == 1:
            bid, ask = (_money(found[f"{side}_px_00"]) for side in ("bid", "ask"))
            lines.refuse(bad, "the capture says that the book may be bad")
            lines.refuse(bid > ask, "crossed quote")
            lines.refuse(bid == ask, "locked quote")
        kept = lines.sound
        if not kept.any():
            return
        depth = range(_LEVELS[self.rtype])
        sides = {
            f"{side}_{what}": np.stack(
                [read(found[f"{side}_{field}_{level:02d}"][kept]) for level in depth], 1
            )
            for side in ("bid", "ask")
            for what, field, read in (("price", "px", _money), ("size", "sz", np.float64))
        }
        for side in ("bid", "ask"):
            sides[f"{side}_size"][np.isnan(sides[f"{side}_price"])] = np.nan
        own = {name: rows[name][kept] for name in ("event_time", "known_time", "source_row")}
        if self.rtype == 1:
            best = {name: levels[:, 0] for name, levels in sides.items()}
            yield batch("quotes", own | best | {"venue": self.metadata.dataset})
            return
        crossed = sides["bid_price"][:, 0] >= sides["ask_price"][:, 0]
        trusted = ~bad[kept] & ~crossed
        sequence = found["sequence"][kept].astype(np.int64)
        rest = {"sequence": sequence, "trusted": trusted, "levels": _LEVELS[self.rtype]}
        yield batch("book", own | {name: padded(levels) for name, levels in sides.items()} | rest)

    def _taken(self, size: int, whole: bool = True) -> bytes:
        """Return the next bytes: so many, or fewer at the end unless they are needed `whole`."""
        parts, found = [self.rest], len(self.rest)
        while found < size and (block := next(self.blocks, b"")):
            parts.append(block)
            found += len(block)
        content = b"".join(parts)
        if whole and len(content) < size:
            raise DataError(f"{self.name}: ends within its header: fetch it again")
        self.rest = content[size:]
        return content[:size]

    def _dtype(self, package: Any) -> np.dtype[Any]:
        """Return how a record is laid out, by the first one's type and size."""
        self.rest = self._taken(1 << 16, whole=False) + self.rest
        if len(self.rest) < 2:
            raise DataError(f"{self.name}: holds no records: ask for a longer span")
        self.rtype, size = self.rest[1], self.rest[0] * 4
        if self.rtype not in _TYPES:
            raise DataError(
                f"{self.name}: holds records of schema {self.metadata.schema}: "
                "ask for mbo, mbp-1, mbp-10, tbbo or trades"
            )
        plain = np.dtype(getattr(package, _TYPES[self.rtype])._dtypes)
        if size not in (plain.itemsize, plain.itemsize + 8):
            raise DataError(f"{self.name}: record 1 has {size} bytes, not {plain.itemsize}: fetch it again")
        fields = {name: (kind, place) for name, (kind, place, *_) in plain.fields.items()}
        names = list(fields)
        return np.dtype(
            {
                "names": names,
                "formats": [fields[name][0] for name in names],
                "offsets": [fields[name][1] for name in names],
                "itemsize": size,
            }
        )

    def _instrument(self, terms: Terms) -> int:
        """Return the id of the instrument of the terms; 0 where they name none: then it is the first's."""
        if not terms.instrument:
            return 0
        known = {
            interval["symbol"]: symbol
            for symbol, intervals in self.metadata.mappings.items()
            for interval in intervals
        }
        found = [
            number for number, symbol in known.items() if symbol == terms.instrument and number.isdigit()
        ]
        if not found:
            raise DataError(f"{self.name}: {hint(terms.instrument, sorted(set(known.values())))}")
        return int(found[0])


def _package() -> Any:
    try:
        import databento_dbn
    except ImportError:
        raise DataError('Databento files need an extra: pip install "regime-hedge[databento]"') from None
    return databento_dbn


def _money(prices: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.where(prices == _NO_PRICE, np.nan, prices / 1e9)


def _side(said: NDArray[np.bytes_]) -> NDArray[np.int8]:
    return np.select([said == b"B", said == b"A"], [1, -1], 0).astype(np.int8)


def _clipped(times: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return times as signed numbers, 0 where one is out of range."""
    return np.where((times > 0) & (times < 1 << 63), times, 0).astype(np.int64)


@kept(nogil=True)
def _left(
    orders: Any, kind: NDArray[np.int64], ids: NDArray[np.int64], sizes: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return kinds and sizes with each cancel of a part as CHANGE to what is left, following all orders."""
    kinds, left = kind.copy(), sizes.copy()
    for row in range(len(kind)):
        order = ids[row]
        if kind[row] == CLEAR:
            orders.clear()
        elif kind[row] == DELETE:
            if order in orders:
                rest = orders[order] - sizes[row]
                if rest > 0.0:
                    kinds[row], left[row] = CHANGE, rest
                    orders[order] = rest
                else:
                    del orders[order]
        else:
            orders[order] = sizes[row]
    return kinds, left
