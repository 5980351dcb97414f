"""A desk on a made venue's stream, for a test that kills it.

`python -m tests.live.killed_desk FOLDER AHEAD URL BOOK [URL BOOK]`; its clock is AHEAD nanoseconds before the
system's. On two venues it routes.
Every decision in a sound market sends an order, and is a line of stdout. Asked to stop it keeps the rows of
its decisions, `rows.npy`, and their names.
"""

import asyncio
import json
import random
import sys
import time
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import numpy as np

from pipeline.domain.orders import Order
from pipeline.features import decision_day
from pipeline.live import desk_day
from pipeline.live.desk_clock import DeskClock
from pipeline.live.feed_state import FeedState
from pipeline.live.journal import Journal
from pipeline.live.loop import hedge
from pipeline.live.offers import Charges
from pipeline.live.opened import Opened
from pipeline.live.order_path import OrderPath
from pipeline.live.paper import PaperGateway
from pipeline.live.recovery import recover
from pipeline.live.routed import Routed, Traded
from pipeline.live.streamed_venue import streamed_venue
from pipeline.live.venue_session import VenueDays, streams_of
from tests.live.streaming_venue import SYMBOL
from tests.live.test_venue_session import Deciding, desk_on, stored

GRID = {"close": "01:00"}
SIZE = 2.0
"""Units of an order: more than a level shows, so that two venues share some."""


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
            units = random.Random(row.at).choice([-1, 1]) * SIZE
            self.path.send(Order(f"o{row.at}", SYMBOL, units, decided=row.at))
            print(row.at, flush=True)
        return super().decide(row, quote, *others)


@contextmanager
def gateway_in(books, days, routed):
    """Open the paper venue, or a router to two, in files as `chaos` names them."""
    with ExitStack() as files:
        venues = {
            name: files.enter_context(closing(PaperGateway(books / name, days.latency)))
            for name in (("own", "other") if routed else ("venue",))
        }
        if routed:
            traded = {
                name: Traded(Opened(each, each, each.taken), Charges()) for name, each in venues.items()
            }
            yield files.enter_context(closing(Routed(traded, days.books, books / "router", lot=0.01)))
        else:
            yield venues["venue"]


async def live(place, clock, told):
    """Hedge until it is asked to stop; return the decisions and the names of their numbers."""
    desk, routed = desk_on(place / "feed", **GRID), len(told) > 2
    venues = [streamed_venue(*each) for each in zip(told[::2], told[1::2], strict=True)]
    streams = streams_of(desk, venues, place, clock, FeedState())
    days = VenueDays(desk, stored(), streams, routed=routed)
    books = place / "books"
    books.mkdir(exist_ok=True)
    with (
        Journal(books / "journal", "chaos", now=0) as journal,
        gateway_in(books, days, routed) as gateway,
    ):
        path = OrderPath(journal, gateway, now=clock.now)
        found = await recover(path, now=clock.now(), patience=())
        assert not found.differences
        hedger = Trading(path, clock.now())
        async with days.held():
            await hedge(days, hedger, path, gateway)
    return hedger.rows, days.day.names


def main():
    place, ahead, told = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    few_features(setattr)
    rows, names = asyncio.run(live(place, DeskClock(lambda: time.time_ns() - ahead), told))
    np.save(place / "rows.npy", np.array([row.numbers for row in rows]))
    (place / "names.json").write_text(json.dumps(names))


if __name__ == "__main__":
    main()
