"""A perpetual, decided on by a clock of trades, with alternative data and own records: a day lived again."""

import asyncio
import bisect
import itertools
import os
import random
import signal
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.intraday_signals import learn_intraday
from pipeline.backtest.intraday_state import known_cost
from pipeline.domain.alternative_settings import RecordFile
from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import DataError, SettingsError
from pipeline.features.decision_grid import decision_features
from pipeline.ingest.market_days import content_of, load_days
from pipeline.ingest.pieces import InMemory
from pipeline.ingest.record_files import records_content
from pipeline.live import record_watch
from pipeline.live.control import Control
from pipeline.live.desk_clock import DeskClock
from pipeline.live.feed_state import FeedState
from pipeline.live.gateways import on_paper
from pipeline.live.learned import Learned
from pipeline.live.session import Stored, differences, stored_day
from pipeline.live.streamed_venue import streamed_venue
from pipeline.live.venue_session import check, live_now, records_now
from pipeline.policies.whalley_wilmott import WhalleyWilmott
from tests import records
from tests.backtest.lived import left_by, live_through
from tests.backtest.test_intraday_own import FILLS, LIMITS, POSITIONS
from tests.live import streaming_venue
from tests.live.streaming_venue import StreamingVenue
from tests.market_ticks import DESK, write, write_market

DAY = "2020-03-05"
FURTHER = ("own_marked_pnl", "headline_intensity_6h", "social_volume_1d", "funding_level")
ENTRIES = """
[data.alternative]
news_sentiment = { file = "sentiment.xlsx", format = "news_sentiment", terms = { published_lag_days = 1 } }
network_fees = { file = "fees.csv", terms = { published_lag_days = 1 } }
headlines = { file = "headlines.csv", terms = { known_lag_seconds = 30 } }
social = { file = "social.csv" }

[data.own]
instrument = "XYZ"
others = ["ABC"]
positions = { file = "positions.csv" }
fills = { file = "own_fills.csv", format = "fills" }
limits = { file = "limits.csv" }
"""


def lock_at_trades(folder):
    """Let the bid be as high as the ask for three milliseconds, with one trade of eight."""
    for traded in folder.glob("*_trade.zip"):
        day = datetime.strptime(traded.name[:8], "%Y%m%d").date()
        quotes = lines_of(folder / f"{day:%Y%m%d}_quote.zip")
        times, bids, asks = [int(each[0]) for each in quotes], quotes[::2], quotes[1::2]
        for at in [int(each[0]) for each in lines_of(traded)][::8]:
            last = bisect.bisect_right(times, at) // 2 - 1
            quotes.append([str(at), asks[last][3], *bids[last][2:]])
            quotes.append([str(at + 3), *bids[last][1:]])
        write(
            folder, day, "quote", [",".join(each) for each in sorted(quotes, key=lambda each: int(each[0]))]
        )


def lines_of(place):
    with zipfile.ZipFile(place) as archive:
        return [line.split(",") for line in archive.read(archive.namelist()[0]).decode().split()]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = write_market(tmp_path_factory.mktemp("ticks"))
    lock_at_trades(folder)
    records.sentiment_workbook(folder / "sentiment.xlsx", "2019-11-01", DAY)
    records.fees_file(folder / "fees.csv", "2020-01-01", 66)
    records.headlines_file(folder / "headlines.csv", "2020-01-06T15:10:00", 60)
    records.social_file(folder / "social.csv", "2020-03-01", 16)
    for name, text in (("positions", POSITIONS), ("own_fills", FILLS), ("limits", LIMITS)):
        (folder / f"{name}.csv").write_text(text)
    settled = pd.date_range("2020-02-01", "2020-03-31", freq="8h", inclusive="left")
    lines = [f"XYZ-USDT,{time},{(place % 7 - 2) / 1e4}" for place, time in enumerate(settled)]
    history = folder / "XYZ-USDT_binance_2020-02-01_2020-03-31_funding_history.csv"
    history.write_text("\n".join(["Symbol,Date,Funding Rate", *lines]) + "\n")
    text = DESK.replace("[data]", f'[data]\nfolder = "{folder}"').replace(
        "[hedge]", '[hedge]\ninstrument = "perpetual"'
    )
    text = text.replace('"*_trade.zip"]', '"*_trade.zip", "*_history.csv"]')
    text = text.replace("every_seconds = 30", "every_events = 7")
    named = ", ".join(f'"{name}"' for name in FURTHER)
    path = tmp_path_factory.mktemp("desk") / "desk.toml"
    path.write_text(text.replace("[forecasts]", f"[forecasts]\nfurther = [{named}]") + ENTRIES)
    return load_any(str(path))


@pytest.fixture(scope="module")
def stored(desk):
    pieces, known = InMemory(), records_content(desk.data.records)
    market = load_days(desk.data, desk.grid.zone, content_of(desk.data), pieces, known)
    return Stored(market, decision_features(desk, market, pieces), pieces)


@pytest.fixture(scope="module")
def lived(desk, stored, tmp_path_factory):
    signals = learn_intraday(desk, stored.grid, stored.pieces)
    fitted, cost = left_by(desk, signals), known_cost(desk, signals["signals"])
    learned, before = Learned(fitted, WhalleyWilmott(), cost, ""), stored.before(DAY)
    day = stored_day(desk, stored, DAY, learned)
    found = live_through(desk, day, before, fitted, WhalleyWilmott(), cost, tmp_path_factory.mktemp("live"))
    found.fitted = fitted
    return found


@pytest.mark.parametrize("place", [0, -2])
def test_a_day_that_the_models_learned_from_is_not_lived_again(desk, stored, lived, place):
    with pytest.raises(DataError, match=r"replay:.*learned from decisions until 2020-03-0\d \d\d:\d\d UTC"):
        stored_day(desk, stored, stored.days[place], Learned(lived.fitted, WhalleyWilmott(), 0.0, ""))


def test_a_day_that_the_network_learned_from_is_not_lived_again(desk, stored, lived):
    times = stored.grid["features"].groupby("day")["time"]
    learned = Learned(lived.fitted, WhalleyWilmott(), 0.0, "", seen_until=times.max()[DAY])
    with pytest.raises(DataError, match=rf"replay:{DAY}: the network learned from decisions until {DAY}"):
        stored_day(desk, stored, DAY, learned)
    stored_day(desk, stored, DAY, replace(learned, seen_until=times.max()[stored.days[-2]]))


def test_its_rows_are_those_of_the_batch_to_the_last_bit(stored, lived):
    features = stored.grid["features"]
    expected = features[features["day"] == DAY].drop(columns=["time", "day"]).astype(float)
    found = pd.DataFrame([row.numbers for row in lived.rows], columns=list(lived.day.names))
    expected = expected.reset_index(drop=True)
    pd.testing.assert_frame_equal(found[list(expected)], expected, check_exact=True)
    for name in ("own_inventory", "headline_intensity_6h", "social_volume_1d", "funding_level", "funding"):
        assert len(found[name].unique()) > 1
    assert found["news_sentiment_surprise"].notna().all()


def test_it_decides_as_the_backtest_order_for_order_and_sends_nothing_where_a_side_is_missing(
    desk, stored, lived
):
    learned = Learned(lived.fitted, lived.policy, lived.desk_cost, "")
    decided = [each for each, _ in lived.lived]
    assert differences(desk, learned, stored, DAY, decided).empty
    assert sum(each.order is not None for each in decided) > 20
    ruled = [ruling.rule for each in decided for ruling in each.judged.rulings]
    assert ruled.count("market") > 3


def test_what_it_holds_pays_funding(lived):
    decided = [each for each, _ in lived.lived]
    paid = [(each, rate) for each, row in zip(decided, lived.rows, strict=True) for _, rate in row.funding]
    owed = sum(each.position * each.mid * rate for each, rate in paid)
    last = decided[-1]
    assert last.order is None
    carry = last.worth.hedge - last.position * last.mid - lived.account.cash
    np.testing.assert_allclose(carry, -owed, rtol=1e-9)
    assert abs(owed) > 0.1


@pytest.fixture(scope="module")
def by_time(desk):
    grid = desk.grid.model_copy(update={"every_events": None, "every_seconds": 30.0})
    return desk.model_copy(update={"grid": grid})


def test_on_a_stream_it_looks_at_the_files_that_it_learned_from(by_time, stored, lived, monkeypatch):
    monkeypatch.setattr(record_watch, "another_process", lambda: ThreadPoolExecutor(1))
    records = records_now(by_time, stored, DeskClock())
    assert {*records.names} == {*lived.day.names} - {*before_records(lived.day.names)}
    state = FeedState(records=records.facts)
    records._watch.look()
    facts = {each["name"]: each for each in state.facts()}
    kinds = ("funding", "news_sentiment", "network_fees", "headlines", "social", "limits")
    assert facts.keys() >= {*kinds}
    assert {kind for kind in kinds if facts[kind]["fault"]} == {"funding"}, "it is years old"
    assert "is told no more" not in str(facts)
    assert not list(records._watch.found()), "what files told before it began it knows from the start"
    known = records._watch.sources[0].known.known_time
    assert known.max() > pd.Timestamp(f"{DAY} 16:00", tz="UTC").value, "after the newest day too"


class Ending(Control):
    """Keeps the decisions of a live desk, and ends it after some that followed its first fill."""

    def __init__(self, after_fill):
        self.decided, self.left = [], after_fill

    def after(self, decided, path):
        self.decided.append(decided)
        self.left -= bool(path.account.traded)
        if not self.left:
            os.kill(os.getpid(), signal.SIGTERM)


async def quoting(socket):
    """Send quotes of a price that wanders, and trades."""
    dice, cents = random.Random(2), 2000
    for number in itertools.count(1):
        cents += dice.choice((-3, 0, 3))
        bid, ask, now = f"{cents / 100:.2f}", f"{(cents + 1) / 100:.2f}", streaming_venue.now_ms()
        quote = {"u": number, "s": "XYZ", "b": bid, "B": "5000", "a": ask, "A": "5000"}
        trade = {"e": "trade", "E": now, "s": "XYZ", "t": number, "p": bid, "q": "100", "T": now, "m": True}
        await socket.send(streaming_venue.wrapped("xyz@bookTicker", quote))
        await socket.send(streaming_venue.wrapped("xyz@trade", trade))
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("often", [{"every_events": None, "every_seconds": 1.0}, {"every_events": 7}])
def test_on_a_stream_it_sees_its_own_fills_at_the_next_decision(
    desk, stored, lived, tmp_path, monkeypatch, often
):
    monkeypatch.setattr(record_watch, "another_process", lambda: ThreadPoolExecutor(1))
    noon = datetime.now(UTC).hour - 12
    zone = f"Etc/GMT{noon:+d}"
    opened = (datetime.now(ZoneInfo(zone)) - timedelta(seconds=3)).time().replace(microsecond=0)
    hours = {"open": opened, "close": None, "zone": zone, "sample_seconds": 0.5}
    grid = desk.grid.model_copy(update=often | hours)
    now, ending = desk.model_copy(update={"grid": grid}), Ending(3)
    learned = Learned(lived.fitted, WhalleyWilmott(), lived.desk_cost, "models 1")

    async def live():
        async with StreamingVenue(None, quoting).open() as told, asyncio.timeout(60.0):
            url = f"{told.url.partition('?')[0]}?streams=xyz@bookTicker/xyz@trade"
            return await live_now(
                now, learned, stored, [streamed_venue(url)], tmp_path, on_paper(now.costs), [ending]
            )

    found = asyncio.run(live())
    assert not found.whole
    known = pd.DataFrame([each.numbers for each in ending.decided], columns=ending.decided[0].names)
    past = np.array([each.past for each in ending.decided])
    held = [each.position for each in ending.decided]
    assert (known["own_inventory"][past] == -500.0).all(), "as the files say"
    assert known["own_inventory"][~past].tolist() == held[past.sum() :]
    assert held[-1] != 0.0
    assert known["headline_intensity_6h"].notna().all()


def before_records(names):
    """Return the names of what the market's events tell."""
    return names[: names.index("step_seconds") + 1]


def test_a_stream_says_what_it_does_not_follow(by_time):
    venue = streamed_venue("ws://127.0.0.1:1/stream?streams=xyz@bookTicker/xyz@trade", "http://127.0.0.1:1/")
    check(by_time, [venue], routed=False)
    far = by_time.data.alternative.model_copy(update={"social": (RecordFile(file="s3://desk/social.csv"),)})
    elsewhere = by_time.model_copy(update={"data": by_time.data.model_copy(update={"alternative": far})})
    with pytest.raises(SettingsError, match=r"social: s3://.* is not looked at on a stream"):
        check(elsewhere, [venue], routed=False)
