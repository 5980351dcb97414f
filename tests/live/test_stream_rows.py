"""Lines of a stream to rows: fuzzed frames break nothing; real captures give the batch reader's books."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.domain.stream_terms import Terms
from pipeline.features.day_events import DayEvents
from pipeline.features.event_feature import EventRows, Source
from pipeline.ingest.day_tables import ComingTables
from pipeline.ingest.formats.catalogue import read
from pipeline.ingest.raw_stream import RawStream
from pipeline.live.desk_clock import DeskClock
from pipeline.live.feed_state import FeedState
from pipeline.live.inbox import Inbox
from pipeline.live.stream_rows import StreamRows
from pipeline.live.streamed_venue import streamed_venue
from pipeline.orderbook.order_book import OrderBook
from pipeline.orderbook.snapshots import in_order
from tests.live.streaming_venue import MadeMarket

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "book" / "binance"
SPOT, FUTURES, OLDER = "spot_btcusdt_20240808.gz", "usdm_btcusdt_20240808.gz", "usdm_btcusdt_20230405.dat.gz"
MOST = 12_000
"""Lines of a capture that are read."""
STREAMS = "xy@depth/xy@trade/xy@bookTicker"
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.sampled_from(["depthUpdate", "trade", "connectionLost", "XY", "9.5", "1e400", "-3", str(2**70)]),
)
KEYS = st.sampled_from([*"eEsUubaBApqtTm", "pu", "lastUpdateId", "bids", "asks", "stream", "data"])
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=8),
    max_leaves=20,
)
FRAMES = st.one_of(JSON.map(lambda each: json.dumps(each).encode()), st.binary(max_size=40))


@pytest.mark.parametrize(
    ("streams", "whole"), [("xy@bookTicker/xy@trade", [None, None]), (STREAMS, [False, True])]
)
def test_a_book_is_said_to_be_whole_or_not_where_one_is_followed(streams, whole):
    market, inbox, state = MadeMarket(), Inbox(DeskClock()), FeedState()
    told = streamed_venue(f"ws://127.0.0.1:1/stream?streams={streams}", "http://127.0.0.1:1/")
    rows = StreamRows(told, state)
    rows.begin("made.log")
    for found, said in zip(whole, (market.trade(), market.snapshot()), strict=True):
        inbox.put(said)
        rows.take(inbox.take())
        assert state.whole is found
    assert ("book" in [each["name"] for each in state.facts()]) is (whole[0] is not None)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(FRAMES, min_size=1, max_size=6))
def test_no_frame_breaks_the_reading_and_the_book_comes_back_after_it(frames):
    market, inbox = MadeMarket(), Inbox(DeskClock())
    told = streamed_venue(f"ws://127.0.0.1:1/stream?streams={STREAMS}", "http://127.0.0.1:1/")
    rows = StreamRows(told, FeedState())
    rows.begin("fuzz.log")
    for said in (market.snapshot(), market.update(), *frames):
        inbox.put(said)
    rows.take(inbox.take())
    inbox.lost()
    for said in (market.snapshot(), market.update()):
        inbox.put(said)
    rows.take(inbox.take())
    assert "book_events" in rows.until(2**62)


@pytest.mark.slow
@pytest.mark.parametrize("name", [SPOT, FUTURES, OLDER])
def test_a_real_capture_that_comes_in_bits_has_the_books_of_the_whole_file(name):
    if not (SHARED / name).is_file():
        pytest.skip("the shared market data is not on this machine")
    symbol, path = "BTCUSDT", "fapi" if "usdm" in name else "api"
    streams = "/".join(f"btcusdt@{kind}" for kind in ("depth", "trade", "bookTicker"))
    told = streamed_venue(f"ws://127.0.0.1:1/stream?streams={streams}", f"http://127.0.0.1:1/{path}/v1/depth")
    rows, sources = (
        StreamRows(told, FeedState()),
        [Source("book", ()), Source("quotes", ()), Source("trades", ())],
    )
    following = DayEvents(ComingTables(told.tables, {})).follow(sources)
    rows.begin(name)
    dice, parts, now = np.random.default_rng(1), [], 0
    with gzip.open(SHARED / name) as file:
        lines = [line for _, line in zip(range(MOST), file, strict=False)]
    while lines:
        block, lines = lines[: (count := int(dice.integers(1, 25)))], lines[count:]
        now = int(block[-1].partition(b" ")[0].ljust(19, b"0"))
        rows.take(b"".join(block))
        if found := rows.until(now):
            parts.append(following.take(found))
    found = EventRows.joined([part.book for part in parts if part.book is not None])
    book, stored = OrderBook(20), []
    for events in in_order(read(RawStream(str(SHARED / name)), Terms(instrument=symbol))):
        changes = book.changes(events)
        stored.append(EventRows(changes.known_time, changes.columns))
    whole = EventRows.joined(stored)[: len(found)]
    assert len(found) > 500
    np.testing.assert_array_equal(found.known_time, whole.known_time)
    np.testing.assert_array_equal(found.columns, whole.columns)
