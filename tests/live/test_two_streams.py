"""A desk on two venues' streams routes as on a stored day of both, and goes on with the first alone."""

import asyncio
import json
import math
import os
import random
import signal
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from itertools import repeat
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.domain.gateway_settings import RoutedSettings
from pipeline.domain.orders import Order
from pipeline.features import decision_day
from pipeline.features.book_close import opened_days
from pipeline.ingest.market_days import DAYS, content_of, load_days
from pipeline.ingest.pieces import InMemory
from pipeline.ingest.raw_stream import RawStream
from pipeline.live import desk_day, venue_line
from pipeline.live.control import Control
from pipeline.live.desk_clock import DeskClock
from pipeline.live.desk_day import DeskDay
from pipeline.live.feed_state import FeedState
from pipeline.live.gateways import on_paper, routed
from pipeline.live.inbox import LOST
from pipeline.live.journal import Journal
from pipeline.live.loop import hedge
from pipeline.live.order_path import OrderPath
from pipeline.live.recovery import recover
from pipeline.live.stored_feed import StoredFeed
from pipeline.live.streamed_venue import streamed_venue
from pipeline.live.venue import NEVER
from pipeline.live.venue_feed import VenueFeed
from pipeline.live.venue_session import VenueDays, streams_of
from tests.live import streaming_venue
from tests.live.streaming_venue import SYMBOL, MadeMarket, StreamingVenue
from tests.live.test_routed_accounts import with_brokers
from tests.live.test_venue_session import desk_on, stored

DAY = "2026-03-05"
SECOND = RoutedSettings()
BEGAN = int(datetime(2026, 3, 5, 0, 0, 1, tzinfo=UTC).timestamp()) * 10**9


@pytest.fixture
def clock(monkeypatch):
    """Return a clock of another day; the venues have the same."""
    found = DeskClock(lambda: BEGAN, time.monotonic_ns)
    monkeypatch.setattr(streaming_venue, "now_ms", lambda: found.now() // 10**6)
    return found


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    known = desk_day.known_features
    for module in (desk_day, decision_day):
        monkeypatch.setattr(module, "known_features", lambda *args: known(*args)[:2])
    monkeypatch.setattr(venue_line, "pauses", lambda dice, first=0.0: repeat(0.05))


@pytest.fixture
def small_blocks(monkeypatch):
    """Read recordings in blocks of a few lines."""
    blocks = RawStream.line_blocks
    monkeypatch.setattr(RawStream, "line_blocks", lambda self, size=700: blocks(self, size))


def desk_within(folder):
    desk = desk_on(folder, every_seconds=None, every_events=1, close="01:00")
    files = {"files": ("feed/*.log",), "other_files": ("feed-other/*.log",)}
    told = {"data": desk.data.model_copy(update=files), "costs": desk.costs.model_copy(update={"fee_bps": 1})}
    return desk.model_copy(update=told)


class Trading:
    """A hedger that sends an order at each decision after a time in a sound market, or at given times."""

    parents = SimpleNamespace(due=NEVER)

    def __init__(self, path, since, only=None):
        self.path, self.since, self.only, self.rows = path, since, only, []

    def decide(self, row, quote, today, began):
        self.rows.append(row)
        if quote.bid < quote.ask and row.at > self.since if self.only is None else row.at in self.only:
            units = random.Random(row.at).choice([-1, 1]) * (row.at % 700 + 1) / 100
            self.path.send(Order(f"o{row.at}", SYMBOL, units, decided=row.at))
        return row


class Beside(Control):
    """The second venue: tells its book and leaves after so many orders; the desk ends some orders later."""

    def __init__(self, clock, tells=0, leaves=math.inf, later=5):
        self.clock, self.state, self.tells, self.leaves, self.later = clock, FeedState(), tells, leaves, later
        self.sent, self.told_at, self.lost_at, self.facts, self.ends = 0, 0, 0, {}, math.inf

    @property
    def left(self):
        return self.sent >= self.leaves

    def snapshot(self, market):
        return market.snapshot() if self.told_at and not self.left else HTTPStatus.SERVICE_UNAVAILABLE

    def script(self, market):
        async def script(socket):
            if self.left:
                await socket.wait_closed()
            while not self.left:
                await socket.send(market.messages(1)[0])
                await asyncio.sleep(0.003)
            await socket.close()

        return script

    def between(self, path):
        self.sent, now = len(path.account.orders), self.clock.now()
        if not self.told_at and self.sent >= self.tells:
            self.told_at, self.ends = now, math.inf if self.leaves < math.inf else self.sent + self.later
        if self.left and not self.lost_at and not self.state.other.whole:
            self.lost_at, self.ends = now, self.sent + self.later
            self.facts = {each["name"]: each for each in self.state.facts()}
        if self.sent >= self.ends:
            self.ends = math.inf
            os.kill(os.getpid(), signal.SIGTERM)


def telling(market):
    async def script(socket):
        while True:
            await socket.send(market.messages(1)[0])
            await asyncio.sleep(0.003)

    return script


@asynccontextmanager
async def opened(desk, folder, days, ways=()):
    """Open journal and router in a folder, on paper if no ways are given, and bring them in line."""
    folder.mkdir(exist_ok=True)
    way = routed(desk, *(ways or (on_paper(desk.costs), on_paper(SECOND))), SECOND)
    with (
        Journal(folder / "journal.db", "made", now=0) as journal,
        way(folder, days.latency, days.books) as made,
    ):
        path = OrderPath(journal, made.gateway, now=lambda: 0)
        assert not (await recover(path, now=0, patience=())).differences
        yield path, made.played
        await made.gateway.stop()


async def followed(desk, folder, markets, clock, second, ways=()):
    """Live on two venues until the end; return what was decided."""
    own, other = markets
    async with (
        StreamingVenue(own.snapshot, telling(own)).open() as first,
        StreamingVenue(partial(second.snapshot, other), *[second.script(other)] * 99).open() as beside,
        asyncio.timeout(60.0),
    ):
        venues = [streamed_venue(each.url, each.book_url) for each in (first, beside)]
        days = VenueDays(desk, stored(), streams_of(desk, venues, folder, clock, second.state), routed=True)
        async with opened(desk, folder, days, ways) as (path, played), days.held():
            hedger = Trading(path, max((each.decided for each in path.journal.orders()), default=0))
            assert not await hedge(days, hedger, path, played, [second])
    return hedger.rows


def stored_day(desk):
    """Return the stored day of both recordings, and its feed."""
    pieces = InMemory()
    days = load_days(desk.data, desk.grid.zone, content_of(desk.data), pieces)
    (tables,) = opened_days(days[DAYS], [DAY], pieces, SYMBOL)
    day = DeskDay(desk, DAY, tables, {}, stored().before(DAY), routed=True)
    return day, StoredFeed(day.parts(), day.made.opened, day.made.closed)


async def lived(desk, folder, day, feed, decided=None):
    """Live a day that is over, with orders at given times if any are; return what was decided."""
    async with opened(desk, folder, day) as (path, played):
        hedger = Trading(path, 0, decided)
        assert await hedge([(day, feed)], hedger, path, played)
    return hedger.rows


def told(folder):
    """Return orders, reports by their ids, and the parts of each order, of a desk that is dead."""
    with Journal(folder / "journal.db", "made", now=0, writing=False) as journal:
        orders, reports = journal.orders(), {each.report_id: each for each in journal.reports()}
    lines = [json.loads(line) for line in (folder / "router").read_text().splitlines()[1:]]
    return orders, reports, {line["order"][0]: line["parts"] for line in lines if "order" in line}


@pytest.mark.slow
def test_it_routes_as_on_the_stored_day_of_both_and_alone_while_the_second_is_gone(
    tmp_path, clock, small_blocks
):
    """Once the second venue tells late and leaves; the next start goes through both recordings in turn."""
    desk, markets = desk_within(tmp_path), (MadeMarket(1), MadeMarket(2))
    first = Beside(clock, tells=3, leaves=14)
    before = asyncio.run(followed(desk, tmp_path, markets, clock, first))
    early, _, _ = told(tmp_path)
    rows = asyncio.run(followed(desk, tmp_path, markets, clock, Beside(clock)))
    orders, reports, parts = told(tmp_path)
    assert [row.at for row in rows[: len(before)]] == [row.at for row in before]
    np.testing.assert_array_equal(
        [row.numbers for row in rows[: len(before)]], [row.numbers for row in before]
    )
    assert orders[: len(early)] == early
    assert len({each.order_id for each in orders}) == len(orders) > len(early)
    alone = [each for each in orders if each.decided < first.told_at]
    alone += [each for each in early if each.decided > first.lost_at]
    assert len(alone) >= 7
    assert {name for each in alone for name in parts[each.order_id]} == {"own"}
    assert sum(len(each) == 2 for each in parts.values()) > 2
    assert {name for each in orders[len(early) :] for name in parts[each.order_id]} == {"own", "other"}
    for name, why in (("line", "received 1000"), ("book", "not whole")):
        assert why in first.facts[f"second venue: {name}"]["value"]
        assert not first.facts[name]["fault"]
    again = asyncio.run(lived(desk, tmp_path / "again", *stored_day(desk), {each.decided for each in orders}))
    np.testing.assert_array_equal([row.numbers for row in again[: len(rows)]], [row.numbers for row in rows])
    orders_again, reports_again, parts_again = told(tmp_path / "again")
    assert (orders_again, parts_again) == (orders, parts)
    assert len(reports) > len(orders)
    assert {name: reports_again[name] for name in reports} == reports


@pytest.mark.slow
def test_it_routes_between_two_brokers_and_each_part_reaches_its_own_once(tmp_path, clock):
    """Through two starts, of which the second goes through what the first has recorded of both."""

    async def test(own, other, ways):
        desk, markets = desk_within(tmp_path), (MadeMarket(1), MadeMarket(2))
        for _ in range(2):
            await followed(desk, tmp_path, markets, clock, Beside(clock, later=12), ways)
        async with opened(desk, tmp_path, stored_day(desk)[0], ways) as (path, _):
            orders, _, parts = told(tmp_path)
            assert len(orders) > 24
            assert (path.account.working, path.latch.state) == ({}, "active")
            assert path.account.position(SYMBOL) == pytest.approx(own.held + other.held, abs=1e-9)
        for name, broker in (("own", own), ("other", other)):
            sent = [(each, abs(units), units > 0.0) for each, at in parts.items()
                    for venue, units in at.items() if venue == name]  # fmt: skip
            assert broker.taken == sent
        assert sum(len(each) == 2 for each in parts.values()) > 4

    with_brokers(test)


@pytest.mark.parametrize("apart", [0, 1])
def test_recordings_of_both_are_gone_through_in_the_order_of_receipt(
    tmp_path, clock, small_blocks, monkeypatch, apart
):
    """So many ns apart they are gone through as the stored day; the second book comes late and is lost."""
    desk, ends, began = desk_within(tmp_path), clock.now(), BEGAN - 8 * 10**8
    monkeypatch.setattr(streaming_venue, "now_ms", lambda: began // 10**6)
    own, other = MadeMarket(1), MadeMarket(2)
    told_late = [*other.messages(20), other.snapshot().decode(), *other.messages(50), LOST.decode()]
    for folder, off, said in (
        ("feed", 0, [own.snapshot().decode(), *own.messages(90)]),
        ("feed-other", apart, [*told_late, *other.messages(20)]),
    ):
        (tmp_path / folder).mkdir()
        lines = (f"{began + off + place * 5 * 10**6} {each}\n" for place, each in enumerate(said))
        (tmp_path / folder / f"{SYMBOL}-{DAY}-1.log").write_text("".join(lines))
    rows = asyncio.run(lived(desk, tmp_path / "stored", *stored_day(desk)))
    orders, reports, parts = told(tmp_path / "stored")
    venue = streamed_venue("ws://127.0.0.1:1/stream?streams=xy@depth/xy@trade", "http://127.0.0.1:1/")
    streams = streams_of(desk, [venue, venue], tmp_path, clock, FeedState())
    day = VenueDays(desk, stored(), streams, routed=True).day
    feed = VenueFeed(streams, DAY, ends, day.following().take)
    last = orders.pop().order_id  # it would arrive after the recordings
    again = asyncio.run(lived(desk, tmp_path / "read", day, feed, {each.decided for each in orders}))
    del parts[last]
    heard = {name: each for name, each in reports.items() if each.order_id != last}
    assert told(tmp_path / "read") == (orders, heard, parts)
    np.testing.assert_array_equal([row.numbers for row in again], [row.numbers for row in rows])
    assert {(each.decided - began) % (5 * 10**6) for each in orders} == {0}
    places = {each.order_id: (each.decided - began) // (5 * 10**6) for each in orders}
    alone = [name for name, place in places.items() if not 20 + bool(apart) <= place < 71 + bool(apart)]
    assert 0 < len(alone) < len(orders) - 2
    assert {venue for name in alone for venue in parts[name]} == {"own"}
    assert {venue for name in parts if name not in alone for venue in parts[name]} == {"own", "other"}
