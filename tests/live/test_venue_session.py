"""A desk on a venue's stream over midnight: its decisions are the batch's on what it recorded."""

import asyncio
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.alternative_settings import AlternativeData
from pipeline.domain.errors import DataError, SettingsError
from pipeline.domain.intraday_desk import IntradayDesk, MarketFiles
from pipeline.domain.orders import Order
from pipeline.features import decision_day
from pipeline.features.alternative import alternative_beside, alternative_values
from pipeline.features.book_close import opened_days
from pipeline.ingest.market_days import DAYS, content_of, load_days
from pipeline.ingest.pieces import InMemory
from pipeline.ingest.record_files import load_records
from pipeline.live import desk_day
from pipeline.live.control import Control
from pipeline.live.desk_clock import DeskClock
from pipeline.live.feed import Moment
from pipeline.live.feed_state import FeedState
from pipeline.live.inbox import Inbox
from pipeline.live.journal import Journal
from pipeline.live.loop import hedge
from pipeline.live.order_path import OrderPath
from pipeline.live.paper import PaperGateway
from pipeline.live.record_watch import RecordWatch
from pipeline.live.recovery import recover
from pipeline.live.stream_records import StreamRecords, watched
from pipeline.live.stream_rows import StreamRows
from pipeline.live.streamed_venue import streamed_venue
from pipeline.live.venue import NEVER
from pipeline.live.venue_feed import LATE
from pipeline.live.venue_session import VenueDays, check, check_tables, streams_of
from tests import records as made_records
from tests.live import streaming_venue
from tests.live.streaming_venue import SYMBOL, MadeMarket, StreamingVenue

EVE = datetime(2026, 3, 4, 23, 59, 58, 500_000, tzinfo=UTC)
DAY = "2026-03-05"
SECOND = 1_000_000_000


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that says it is just before midnight; the venue has the same."""
    found = DeskClock(lambda: int(EVE.timestamp() * 1000) * 10**6, time.monotonic_ns)
    monkeypatch.setattr(streaming_venue, "now_ms", lambda: found.now() // 10**6)
    return found


@pytest.fixture(autouse=True)
def few_features(monkeypatch):
    known = desk_day.known_features
    for module in (desk_day, decision_day):
        monkeypatch.setattr(module, "known_features", lambda *args: known(*args)[:2])


def desk_on(folder, **grid):
    hours = {"open": "00:00", "close": "00:01", "every_seconds": 1}
    return IntradayDesk.model_validate(
        {
            "name": "made",
            "option": {"steps": 5, "start_every": 5},
            "hedge": {"size": 0.5, "lot": 0.01, "latency": {"median_seconds": 0.1, "spread": 0.5}},
            "data": {"instrument": SYMBOL, "folder": str(folder), "files": ["*.log"]},
            "grid": hours | grid,
            "windows": {
                "learn_start": "2026-03-01",
                "signals_start": "2026-03-02",
                "test_start": "2026-03-03",
                "test_end": "2026-03-04",
            },
            "policies": {"run": ["delta_implied"]},
        }
    )


def stored(tables=("book_events", "trades")):
    before = pd.DataFrame({"day": ["2026-03-03"], "step_seconds": [1.0]})
    return SimpleNamespace(
        fitted={}, before=lambda day: before, market={DAYS: pd.DataFrame({"table": list(tables)})}
    )


class Deciding:
    """A hedger that keeps its rows, counts those at which it can trade, and buys a little there."""

    parents, since = SimpleNamespace(due=NEVER), 0

    def __init__(self):
        self.rows, self.quoted, self.day, self.buys_by = [], 0, DAY, None

    def decide(self, row, quote, today, began):
        self.rows.append(row)
        traded = row.day == self.day and quote.bid < quote.ask
        self.quoted += traded
        if traded and self.buys_by is not None:
            self.buys_by.send(Order(f"o{row.at}", SYMBOL, 0.01, decided=row.at))
        return row


class Until(Control):
    def __init__(self, over):
        self.over = over

    def between(self, path):
        if self.over():
            os.kill(os.getpid(), signal.SIGTERM)


async def live(desk, folder, market, hedger, clock, over, script, records):
    async with StreamingVenue(market.snapshot, script).open() as venue:
        streams = streams_of(desk, [streamed_venue(venue.url, venue.book_url)], folder, clock, FeedState())
        days = VenueDays(desk, stored(), streams, records)
        with (
            Journal(folder / "journal.db", "made", now=0) as journal,
            closing(PaperGateway(folder / "venue", days.latency)) as gateway,
        ):
            path = hedger.buys_by = OrderPath(journal, gateway, now=clock.now)
            await recover(path, now=0)
            async with asyncio.timeout(20.0), days.held():
                assert not await hedge(
                    days, hedger, path, gateway, [Until(over), *([records] if records else [])]
                )
            return days, journal.reports()


@pytest.mark.parametrize(
    ("grid", "enough"), [({"every_seconds": 1}, 3), ({"every_seconds": None, "every_events": 3}, 9)]
)
def test_a_day_that_begins_at_midnight_decides_as_the_batch_does_on_the_recordings(
    tmp_path, clock, grid, enough
):
    market, hedger = MadeMarket(), Deciding()

    async def script(socket):
        while True:
            await socket.send(market.messages(1)[0])
            await asyncio.sleep(0.01)

    told, late = headlines(tmp_path, clock), int(1e9 * (EVE.timestamp() + 4.6))

    def over():
        return hedger.quoted >= enough and hedger.rows[-1].at > late

    desk, pieces = desk_on(tmp_path / "feed", **grid), InMemory()
    days, reports = asyncio.run(live(desk, tmp_path, market, hedger, clock, over, script, told.records))
    assert days.day.day == DAY
    own = [row for row in hedger.rows if row.day == DAY]
    market_days = load_days(desk.data, desk.grid.zone, content_of(desk.data), pieces)
    names = sorted(market_days[DAYS]["day"].unique())
    tables = opened_days(market_days[DAYS], names, pieces, SYMBOL)[-1]
    made = decision_day.decision_day(DAY, tables, desk.grid, desk.hedge, desk.seed, {})
    rows = made[f"grid/{DAY}"]
    found = pd.DataFrame([row.numbers for row in own], columns=list(days.day.names))
    same = [name for name in rows.columns if name in found and name not in ("time", "day")]
    assert "mid" in same
    assert len(same) > 8
    expected = rows[same].iloc[: len(found)].astype(float)
    pd.testing.assert_frame_equal(found[same], expected, check_exact=True)
    assert found["mid"].notna().sum() >= enough
    assert [row.at for row in own] == rows["time"].iloc[: len(own)].astype("int64").tolist()
    travelled = (made[f"fills/{DAY}"]["latency"] * SECOND).round().astype("int64").tolist()
    arrived = {f"o{row.at}": row.at + latency for row, latency in zip(own, travelled, strict=False)}
    assert len(reports) > 1
    assert {each.order_id: each.time for each in reports} == {
        each.order_id: arrived[each.order_id] for each in reports
    }
    known = told.values(np.array([row.at for row in own]))
    for name, values in known.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    assert (np.diff(known["headline_intensity_6h"]) > 0.0).sum() == 1


def headlines(folder, clock):
    """Return headlines beside a stream, one of the day among them, and what the batch makes of them."""
    path, before = folder / "told.csv", int(1e9 * EVE.timestamp())
    made_records.headlines_file(path, "2026-01-01", 60)
    given = AlternativeData(headlines={"file": str(path)})
    features = alternative_beside(load_records(given.given, {}), ["headlines"], before, seed=1)
    files = MarketFiles(instrument=SYMBOL, folder=str(folder), files=("*.log",), alternative=given)
    sources = watched(features, files, pd.DataFrame({"table": [], "file": []}))
    watch = RecordWatch(sources, clock.now, lambda: ThreadPoolExecutor(1), every=0.05)
    path.write_text(path.read_text() + f"{DAY}T00:00:02.5Z,rates fed hike today\n")
    watch.look()
    grid = pd.DataFrame({"time": pd.to_datetime(["2026-03-03"], utc=True), "mid": 1.0})
    records = StreamRecords(features, desk_on(folder), watch, grid)

    def values(times):
        return alternative_values(load_records(given.given, {}), ["headlines"], times, before, seed=1)

    return SimpleNamespace(records=records, values=values)


@pytest.mark.parametrize(("late", "quoted"), [(0, 1), (2 * SECOND, 0)])
def test_a_decision_that_is_made_too_late_meets_no_market(tmp_path, monkeypatch, late, quoted):
    clock = DeskClock(lambda: int(EVE.timestamp() * 1000) * 10**6, lambda: 0)
    monkeypatch.setattr(streaming_venue, "now_ms", lambda: clock.now() // 10**6)
    venue = streamed_venue("ws://127.0.0.1:1/stream?streams=xy@depth/xy@trade", "http://127.0.0.1:1/")
    desk, market, hedger = desk_on(tmp_path, open="23:59:50", close=None), MadeMarket(), Deciding()
    days = VenueDays(desk, stored(), streams_of(desk, [venue], tmp_path, clock, FeedState()))
    rows, inbox, none = StreamRows(venue, FeedState()), Inbox(clock), SimpleNamespace(due=NEVER)
    rows.begin("late.log")
    for said in (market.snapshot(), market.update()):
        inbox.put(said)
    rows.take(inbox.take())
    now = clock.now()
    part = days.day.following().take(rows.until(now))
    list(days.day.go(Moment(now, part, LATE), hedger, none))
    hedger.day, before = EVE.date().isoformat(), len(hedger.rows)
    at = int(days.day.due(hedger, none))
    list(days.day.go(Moment(at + late, None, LATE), hedger, none))
    assert len(hedger.rows) > before
    assert hedger.quoted == quoted


def test_a_stream_of_another_instrument_or_with_other_tables_is_refused(tmp_path):
    def venue(streams):
        return streamed_venue(f"ws://127.0.0.1:1/stream?streams={streams}", "http://127.0.0.1:1/")

    desk = desk_on(tmp_path)
    check(desk, [venue("xy@depth@100ms/xy@trade")], routed=False)
    check_tables(stored(), [venue("xy@depth@100ms/xy@trade")])
    with pytest.raises(SettingsError, match="--feed is of ZZ, the desk hedges XY"):
        check(desk, [venue("zz@depth/zz@trade")], routed=False)
    with pytest.raises(SettingsError, match="tells book_events, the desk learned from book_events, trades"):
        check_tables(stored(), [venue("xy@depth")])


ROUTED = {"routed": {"symbol": "XYC"}}


@pytest.mark.parametrize(
    ("gateway", "url", "said"),
    [
        ({"routed": {}}, "ws://127.0.0.1:1/stream?streams=zz@depth/zz@trade", "--other-feed: is of ZZ, but"),
        ({"routed": {}}, "ws://127.0.0.1:1/stream?streams=xy@trade", None),
        (ROUTED, "wss://www.deribit.com/ws/api/v2?channels=book.XY-C.100ms", None),
        (ROUTED, "ws://127.0.0.1:1/stream?streams=xy@depth", "is of XY, but the desk hedges XYC"),
        (
            {"routed": {}},
            "wss://fstream.binance.com/stream?streams=xy@depth",
            "binance-futures: the perpetual",
        ),
    ],
)
def test_a_second_stream_is_of_the_same_instrument_where_orders_go_there(tmp_path, gateway, url, said):
    desk = IntradayDesk.model_validate(
        {**desk_on(tmp_path).model_dump(exclude_unset=True), "gateway": gateway}
    )
    own = streamed_venue("ws://127.0.0.1:1/stream?streams=xy@depth/xy@trade", "http://127.0.0.1:1/")
    venues = [own, streamed_venue(url, "" if "fstream" in url else "http://127.0.0.1:1/")]
    check(desk, venues, routed=False)
    if said is None:
        check(desk, venues, routed=True)
    else:
        with pytest.raises(DataError, match=said):
            check(desk, venues, routed=True)
    with pytest.raises(SettingsError, match="one venue's book: name the other's as --other-feed"):
        check(desk, venues[:1], routed=True)


def test_a_second_stream_tells_what_the_desk_learned_of_that_market_or_at_least_a_book(tmp_path):
    own, trades = (
        streamed_venue(f"ws://127.0.0.1:1/stream?streams={streams}", "http://127.0.0.1:1/")
        for streams in ("xy@depth/xy@trade", "xy@trade")
    )
    check_tables(stored(), [own, trades])
    check_tables(stored(("book_events", "trades", "other_trades")), [own, trades])
    with pytest.raises(SettingsError, match="--other-feed tells trades, the desk learned from book_events"):
        check_tables(stored(("book_events", "trades", "other_book_events")), [own, trades])
    desk = desk_on(tmp_path)
    streams = streams_of(desk, [own, trades], tmp_path, DeskClock(), FeedState())
    with pytest.raises(DataError, match=r"book or quotes of a second venue: .* --other-feed"):
        VenueDays(desk, stored(), streams, routed=True)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://a/stream?streams=xy@depth", "a stored day is --feed replay:DAY"),
        ("wss://stream.binance.com/ws", "name the streams"),
        ("wss://stream.binance.com/stream?streams=xy@depth/ab@trade", "of AB, XY: name streams of one"),
        ("wss://stream.binance.com/stream?streams=xy@kline_1m", "kind kline_1m"),
        ("wss://elsewhere.com/stream?streams=xy@depth", "Give --snapshot"),
        ("wss://www.deribit.com/ws/api/v2?channels=ticker.XY.raw", "channels ticker"),
    ],
)
def test_a_feed_that_cannot_be_followed_is_refused(url, said):
    with pytest.raises(SettingsError, match=said):
        streamed_venue(url)
