"""Kill −9 of a desk on a venue's stream: it goes on with what it recorded, and its books are whole.

`make chaos` kills it `STREAM_KILLS` times, at moments drawn from `STREAM_SEED`.
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.features import decision_day
from pipeline.features.book_close import opened_days
from pipeline.ingest.market_days import DAYS, content_of, load_days
from pipeline.ingest.pieces import InMemory
from pipeline.live.journal import Journal
from tests.live import streaming_venue
from tests.live.chaos import faults
from tests.live.killed_desk import GRID, few_features
from tests.live.streaming_venue import SYMBOL, MadeMarket, StreamingVenue
from tests.live.test_venue_session import desk_on

pytestmark = pytest.mark.slow
KILLS = int(os.environ.get("STREAM_KILLS", "3"))
SEED = int(os.environ.get("STREAM_SEED", "1"))
CONNECTIONS, PATIENCE = 100 * (KILLS + 1), 60.0 * (KILLS + 1)
DAY = "2026-03-05"
BEGAN = int(datetime(2026, 3, 5, 0, 0, 1, tzinfo=UTC).timestamp()) * 10**9


def unreliable(market, dice):
    """Return a script that tells without end, now and then twice, and now and then leaves something out."""

    async def script(socket):
        while True:
            (message,) = market.messages(1)
            for _ in range(dice.choice([0, 2]) if dice.random() < 0.02 else 1):
                await socket.send(message)
            await asyncio.sleep(0.01)

    return script


async def lives(place, markets, dice, ahead):
    """Let a desk live until it has been killed so many times, and once more until it is asked to stop."""
    async with AsyncExitStack() as opened, asyncio.timeout(PATIENCE):
        urls = []
        for market in markets:
            scripts = [unreliable(market, dice) for _ in range(CONNECTIONS)]
            venue = await opened.enter_async_context(StreamingVenue(market.snapshot, *scripts).open())
            urls += [venue.url, venue.book_url]
        for number in range(KILLS + 1):
            told = ["-m", "tests.live.killed_desk", place, ahead, *urls]
            desk = await asyncio.create_subprocess_exec(
                sys.executable, *map(str, told), cwd=Path(__file__).parents[2], stdout=asyncio.subprocess.PIPE
            )
            for _ in range(dice.randint(1, 3)):
                assert await desk.stdout.readline(), "the desk has ended by itself"
            await asyncio.sleep(dice.random())
            desk.send_signal(signal.SIGTERM if number == KILLS else signal.SIGKILL)
            died = await desk.wait()
            assert died == (0 if number == KILLS else -signal.SIGKILL)
            for folder in ("feed", "feed-other")[: len(markets)]:
                newest = max((place / folder).glob("*.log"))
                if number < KILLS:  # as a machine that loses its power does
                    content = newest.read_bytes()
                    newest.write_bytes(content[: -dice.randint(1, 60)])


def batch_rows(desk):
    """Return the decision grid of the recordings."""
    pieces = InMemory()
    days = load_days(desk.data, desk.grid.zone, content_of(desk.data), pieces)
    tables = opened_days(days[DAYS], [DAY], pieces, SYMBOL)[-1]
    return decision_day.decision_day(DAY, tables, desk.grid, desk.hedge, desk.seed, {})[f"grid/{DAY}"]


@pytest.mark.parametrize("kind", ["", "routed"])
def test_what_was_recorded_is_gone_through_again_and_no_order_is_doubled_or_lost(tmp_path, monkeypatch, kind):
    ahead, dice = time.time_ns() - BEGAN, random.Random(SEED)
    monkeypatch.setattr(streaming_venue, "now_ms", lambda: (time.time_ns() - ahead) // 10**6)
    few_features(monkeypatch.setattr)
    markets = [MadeMarket(SEED), MadeMarket(SEED + 1)][: 1 + bool(kind)]
    asyncio.run(lives(tmp_path, markets, dice, ahead))
    assert len(list(tmp_path.glob("feed*/*.log"))) == len(markets) * (KILLS + 1)
    assert faults(tmp_path / "books", kind) == []
    with Journal(tmp_path / "books" / "journal", "chaos", now=0, writing=False) as journal:
        decided = [order.decided for order in journal.orders()]
    assert len(decided) == len(set(decided)) > KILLS
    names = json.loads((tmp_path / "names.json").read_text())
    live = pd.DataFrame(np.load(tmp_path / "rows.npy"), columns=names)
    batch = batch_rows(desk_on(tmp_path / "feed", **GRID))
    same = [name for name in batch.columns if name in live and name not in ("time", "day")]
    assert len(same) > 8
    assert live["mid"].notna().sum() > KILLS
    pd.testing.assert_frame_equal(live[same], batch[same].iloc[: len(live)].astype(float), check_exact=True)
