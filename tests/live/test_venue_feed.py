"""A venue's stream on loopback: it is recorded, and its book is the batch reader's and the venue's own."""

import asyncio
import random
from http import HTTPStatus

import numpy as np
import pytest

from pipeline.domain.errors import FeedError
from pipeline.domain.stream_terms import Terms
from pipeline.features.day_events import QUOTES, TRADES, DayEvents
from pipeline.features.event_feature import EventRows, Source
from pipeline.ingest.day_tables import ComingTables
from pipeline.ingest.formats.catalogue import read
from pipeline.ingest.raw_stream import RawStream
from pipeline.live import venue_line
from pipeline.live.desk_clock import DeskClock
from pipeline.live.feed_state import FeedState
from pipeline.live.inbox import Inbox
from pipeline.live.streamed_venue import streamed_venue
from pipeline.live.venue_feed import VenueFeed
from pipeline.live.venue_stream import VenueStream
from pipeline.orderbook.order_book import OrderBook
from pipeline.orderbook.snapshots import in_order
from tests.live.streaming_venue import ChangingMarket, MadeMarket, StreamingVenue

DAY = "2026-01-01"
PATIENCE = 60.0


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(venue_line, "pauses", lambda dice, first=0.0: iter(lambda: 0.02, None))


class Desk:
    """A feed and what it gave: its state, events, and the book that they make."""

    def __init__(self, told, folder, silence=5.0):
        clock = DeskClock()
        self.stream = VenueStream(told, folder, clock, silence, FeedState(), random.Random(1))
        self.following = DayEvents(ComingTables(told.tables, {})).follow([QUOTES, TRADES, Source("book", ())])
        self.folder, self.parts, self.nows = folder, [], []
        self.feed = VenueFeed([self.stream], DAY, clock.now() + 10**15, self.following.take)

    @property
    def book(self):
        return self.following._own._follower.book

    @property
    def held(self):
        return self.state.held

    @property
    def state(self):
        return self.stream.state

    async def live(self, until):
        async with asyncio.timeout(PATIENCE), self.stream.line.held():
            async for moment in self.feed.moments(lambda: float("inf"), since=0):
                self.nows.append(moment.now)
                if moment.part is not None:
                    self.parts.append(moment.part)
                if until():
                    return

    def sees(self, market):
        return self.book.trusted and all(
            [(round(p, 2), s) for p, s in zip(*self.book.side(side), strict=True)] == levels
            for side, levels in zip((1, -1), market.book(), strict=True)
        )

    def rows(self):
        return EventRows.joined([part.book for part in self.parts if part.book is not None])


def lived(tmp_path, market, *scripts, until=None, **kwargs):
    """Live through the scripts, and until the desk's book is the market's; return the desk and the venue."""

    async def running():
        async with StreamingVenue(market.snapshot, *scripts).open() as venue:
            in_band = isinstance(market, ChangingMarket)
            told = (
                streamed_venue(venue.channels_url) if in_band else streamed_venue(venue.url, venue.book_url)
            )
            desk = Desk(told, tmp_path, **kwargs)
            await desk.live(lambda: venue.told and (until(desk) if until else desk.sees(market)))
        return desk, venue

    return asyncio.run(running())


def telling(*blocks, between=0.003):
    """Return a script that sends messages."""

    async def script(socket):
        for block in blocks:
            for message in block() if callable(block) else block:
                await socket.send(message)
                await asyncio.sleep(between)

    return script


def trust(rows):
    return rows.columns[:, 0] == 1.0


def batch_rows(folder):
    """Return what the batch reader makes of the recordings, on every change of the book."""
    book, found = OrderBook(20), []
    for path in sorted(folder.glob("*.log")):
        for events in in_order(read(RawStream(str(path)), Terms(instrument="XY"))):
            changes = book.changes(events)
            found.append(EventRows(changes.known_time, changes.columns))
    return EventRows.joined(found)


def check_recorded(desk):
    """Hold the rows that the desk saw, bit by bit, against those of its recordings."""
    live, stored = desk.rows(), batch_rows(desk.folder)
    count = len(live)
    np.testing.assert_array_equal(live.known_time, stored.known_time[:count])
    np.testing.assert_array_equal(live.columns, stored.columns[:count])


def test_the_book_is_the_venue_s_and_that_of_the_recording(tmp_path):
    market = MadeMarket()
    desk, venue = lived(tmp_path, market, telling(market.some(150)))
    assert venue.asked == 1
    assert set(desk.held) <= {"update that the snapshot holds already"}
    assert desk.state.whole
    assert desk.state.made == 1
    assert sum(len(part.tables["trades"]) for part in desk.parts if "trades" in part.tables) > 10
    assert (np.diff(desk.nows) > 0).all()
    check_recorded(desk)


def test_a_message_that_is_lost_leaves_no_trust_until_the_next_snapshot(tmp_path):
    market = MadeMarket()

    def with_gap():
        messages = market.messages(60)
        return [*messages[:30], *messages[33:]]

    desk, venue = lived(tmp_path, market, telling(market.some(60), with_gap, market.some(60)))
    trusted = trust(desk.rows()).astype(int)
    assert (np.diff(trusted) == -1).sum() >= 1
    assert venue.asked >= 2
    check_recorded(desk)


def test_messages_that_come_twice_or_in_another_order_do_no_harm(tmp_path):
    market = MadeMarket()

    def shuffled():
        messages = market.messages(60)
        messages[20:23] = reversed(messages[20:23])
        return [each for message in messages for each in (message, message)]

    desk, _ = lived(tmp_path, market, telling(market.some(60), shuffled, market.some(60)))
    assert {"update that came before", "trade reported twice"} <= set(desk.held)


@pytest.mark.parametrize(
    "torn", [lambda text: text[: len(text) // 2], lambda text: b"\xff\x00" + text.encode()]
)
def test_half_a_message_is_held_and_the_book_told_anew(tmp_path, torn):
    market = MadeMarket()

    def with_half():
        messages = [market.update() for _ in range(40)]
        return [*messages[:20], torn(messages[20]), *messages[21:]]

    desk, venue = lived(tmp_path, market, telling(market.some(60), with_half, market.some(20)))
    assert desk.held["not whole JSON"] == 1
    assert venue.asked >= 2
    check_recorded(desk)


def test_a_line_that_is_lost_ends_trust_at_once_and_is_made_again(tmp_path):
    market = MadeMarket()
    scripts = [telling(market.some(30)) for _ in range(4)]
    desk, venue = lived(tmp_path, market, *scripts)
    assert venue.connected >= 4
    assert desk.state.made >= 4
    assert b"connectionLost" in b"".join(path.read_bytes() for path in tmp_path.glob("*.log"))
    assert (np.diff(trust(desk.rows()).astype(int)) == -1).sum() >= 2
    check_recorded(desk)


def test_a_venue_that_says_nothing_is_left_and_asked_again(tmp_path):
    market = MadeMarket()

    async def stalls(socket):
        await telling(market.some(40))(socket)
        await asyncio.sleep(2.0)

    desk, venue = lived(tmp_path, market, stalls, telling(market.some(40)), silence=0.3)
    assert venue.connected >= 2
    assert "nothing came for 0.3 s" in desk.state.lost
    check_recorded(desk)


def test_a_book_that_is_not_told_is_asked_for_again(tmp_path):
    market, answers = MadeMarket(), [HTTPStatus.TOO_MANY_REQUESTS, b"<html>", b'{"lastUpdateId": 3}']

    class Grudging:
        def __call__(self):
            return answers.pop(0) if answers else MadeMarket.snapshot(market)

    market.snapshot = Grudging()
    desk, venue = lived(tmp_path, market, telling(market.some(150)))
    assert venue.asked >= 4
    assert desk.state.refused == "429 Too Many Requests"
    check_recorded(desk)


def test_a_venue_whose_clock_jumps_is_not_believed(tmp_path):
    market = MadeMarket()

    def jumped():
        return [market.update(ahead=30_000)]

    desk, _ = lived(tmp_path, market, telling(market.some(40), jumped, market.some(40)))
    assert desk.held["the venue's time is far from that of receipt"] == 1
    check_recorded(desk)


def test_a_start_within_the_day_reads_first_what_was_recorded_of_it(tmp_path):
    market = MadeMarket()
    first, _ = lived(tmp_path, market, telling(market.some(60)))
    second, _ = lived(tmp_path, market, telling(market.some(30)))
    assert len(list(tmp_path.glob("XY-2026-01-01-*.log"))) == 2
    both, again = first.rows(), second.rows()
    np.testing.assert_array_equal(again.columns[: len(both)], both.columns)
    check_recorded(second)


def test_messages_that_nobody_takes_are_bounded():
    inbox = Inbox(DeskClock(), most=200)
    inbox.put("x" * 150)
    with pytest.raises(FeedError, match="too far behind"):
        inbox.put("x" * 150)
    assert inbox.take().count(b"\n") == 1
    assert inbox.behind == 0.0


def test_a_venue_that_tells_its_book_in_the_stream_is_connected_to_anew_after_a_gap(tmp_path):
    market = ChangingMarket()

    def subscribed(*blocks):
        async def script(socket):
            assert "public/subscribe" in await socket.recv()
            await telling(lambda: [market.snapshot()], *blocks)(socket)
            await asyncio.sleep(0.2)

        return script

    def with_gap():
        messages = market.messages(30)
        return [*messages[:10], *messages[14:]]

    desk, venue = lived(tmp_path, market, subscribed(market.some(40), with_gap), subscribed(market.some(20)))
    assert venue.asked == 0
    assert venue.connected == 2
    assert sum(len(part.tables["trades"]) for part in desk.parts if "trades" in part.tables) > 5
    check_recorded(desk)
