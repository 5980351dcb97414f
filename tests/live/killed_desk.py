"""A desk on a made venue's stream, for a test that kills it.

`python -m tests.live.killed_desk FOLDER URL BOOK AHEAD`; its clock is AHEAD nanoseconds before the system's.
Every decision in a sound market sends an order, and is a line of stdout. Asked to stop it keeps the rows of
its decisions, `rows.npy`, and their names.
"""

import asyncio
import json
import random
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from pipeline.domain.orders import Order
from pipeline.features import decision_day
from pipeline.live import desk_day
from pipeline.live.desk_clock import DeskClock
from pipeline.live.feed_state import FeedState
from pipeline.live.journal import Journal
from pipeline.live.loop import hedge
from pipeline.live.order_path import OrderPath
from pipeline.live.paper import PaperGateway
from pipeline.live.recovery import recover
from pipeline.live.streamed_venue import streamed_venue
from pipeline.live.venue_session import VenueDays
from tests.live.streaming_venue import SYMBOL
from tests.live.test_venue_session import Deciding, desk_on, stored

GRID = {"close": "01:00"}


def few_features(patch):
    """Leave the desk its first two features: what is tested is who lives, not what is reckoned."""
    known = desk_day.known_features
    for module in (desk_day, decision_day):
        patch(module, "known_features", lambda *args: known(*args)[:2])


class Trading(Deciding):
    """Sends an order at each decision, of units drawn for its time."""

    def __init__(self, path, since):
        super().__init__()
        self.path, self.since = path, max([since, *(each.decided for each in path.journal.orders())])

    def decide(self, row, quote, *others):
        if row.at > self.since and quote.bid < quote.ask:
            units = random.Random(row.at).choice([-1, 1]) * 0.01
            self.path.send(Order(f"o{row.at}", SYMBOL, units, decided=row.at))
            print(row.at, flush=True)
        return super().decide(row, quote, *others)


async def live(place, url, book_url, clock):
    """Hedge until it is asked to stop; return the decisions and the names of their numbers."""
    desk, feed = desk_on(place / "feed", **GRID), place / "feed"
    days = VenueDays(desk, stored(), streamed_venue(url, book_url), feed, clock, FeedState())
    books = place / "books"
    books.mkdir(exist_ok=True)
    with (
        Journal(books / "journal", "chaos", now=0) as journal,
        closing(PaperGateway(books / "venue", days.latency)) as gateway,
    ):
        path = OrderPath(journal, gateway, now=clock.now)
        found = await recover(path, now=clock.now(), patience=())
        assert not found.differences
        hedger = Trading(path, clock.now())
        async with days.line.held():
            await hedge(days, hedger, path, gateway)
    return hedger.rows, days.day.names


def main():
    place, url, book_url, ahead = Path(sys.argv[1]), *sys.argv[2:4], int(sys.argv[4])
    few_features(setattr)
    rows, names = asyncio.run(live(place, url, book_url, DeskClock(lambda: time.time_ns() - ahead)))
    np.save(place / "rows.npy", np.array([row.numbers for row in rows]))
    (place / "names.json").write_text(json.dumps(names))


if __name__ == "__main__":
    main()
