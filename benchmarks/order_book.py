"""The order book and all features on it, in memory and on one core, beside hftbacktest's book.

Level changes of a Binance futures stream are decoded first. What is timed is the book with ten levels shown
on every change, then all its features, read every 100 ms. hftbacktest builds the same book from the same
changes, and ours beside it likewise without showing it.
"""

from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.measurement import Measurement
from benchmarks.peer import Peer
from benchmarks.shared_data import shared
from benchmarks.timing import clocked, interleaved
from pipeline.features.book import BOOK_SHAPE
from pipeline.features.event_feature import EventFeature, EventRows
from pipeline.features.event_stream import EventStream
from pipeline.features.microprice import MICROPRICE
from pipeline.ingest.formats.catalogue import read
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.market_tables import START
from pipeline.ingest.raw_stream import RawStream
from pipeline.orderbook.events import BookEvents
from pipeline.orderbook.order_book import OrderBook

FILE = ("book", "binance", "usdm_btcusdt_20240808.gz")
TICK = 0.1
"""Of the Binance contract: hftbacktest asks for it."""
DEPTH, CHUNK, GRID = 10, 65_536, 100_000_000


def decoded() -> BookEvents:
    """All book events of the file but the row that says how it begins, which is of no level."""
    file = RawStream(str(shared(*FILE)))
    parts = [part.rows for part in read(file, Terms()) if part.table == "book_events"]
    levels = pa.Table.from_batches(parts).filter(pc.field("kind") != START)
    return BookEvents.of(levels.combine_chunks().to_batches()[0])


def chunks(events: BookEvents) -> list[BookEvents]:
    return [events[start : start + CHUNK] for start in range(0, len(events), CHUNK)]


def book_only(events: BookEvents) -> OrderBook:
    book = OrderBook(DEPTH)
    for part in chunks(events):
        book.as_of(part, np.empty(0, dtype=np.int64))
    return book


def with_features(events: BookEvents, features: tuple[EventFeature, ...]) -> Callable[[], object]:
    def work() -> list[np.ndarray]:
        book, streams, values = OrderBook(DEPTH), [EventStream(each) for each in features], []
        for part in chunks(events):
            rows = book.changes(part)
            if not len(rows):
                continue
            tables = {"book": EventRows(rows.known_time, rows.columns)}
            grid = np.arange(rows.known_time[0], rows.known_time[-1], GRID)
            values += [stream.over(tables, grid) for stream in streams]
        return values

    return work


def learned(events: BookEvents) -> tuple[EventFeature, ...]:
    """The features of the book; the microprice learned on the first half."""
    rows = OrderBook(DEPTH).changes(events[: len(events) // 2])
    tables = {"book": EventRows(rows.known_time, rows.columns)}
    return BOOK_SHAPE, MICROPRICE.fitted([tables])


def measure() -> Iterator[Measurement]:
    """Time the book with its features, and hftbacktest's book in turns with ours alone."""
    events = decoded()
    timing = interleaved({"ours": clocked(with_features(events, learned(events)))})["ours"]
    rate = len(events) / timing.best / 1e6
    detail = {"events": len(events)}
    yield Measurement("order_book.binance", "M events/s", rate, timings={"ours": timing}, detail=detail)
    yield beside_hftbacktest(events)


def beside_hftbacktest(events: BookEvents) -> Measurement:
    """The same book by both, after checking that they end with the same best bid and ask."""
    with Peer("hftbacktest_book") as peer, TemporaryDirectory() as folder:
        path = Path(folder) / "events.npz"
        np.savez(path, **{each.name: getattr(events, each.name) for each in fields(events)})
        peer.ask("set_up", events=str(path), tick=TICK)
        theirs, ours = peer.ask("round"), book_only(events)
        best = [ours.side(side)[0][0] for side in (1, -1)]
        np.testing.assert_allclose([theirs["bid"], theirs["ask"]], best, atol=TICK / 2)
        rivals = {"ours": clocked(lambda: book_only(events)), "hftbacktest": peer.round}
        timings = interleaved(rivals)
    return Measurement.of_timings(
        "order_book.hftbacktest", timings["ours"], timings["hftbacktest"], events=len(events)
    )
