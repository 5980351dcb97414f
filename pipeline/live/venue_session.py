"""A desk that hedges now, from the stream of a venue or of two, one day after the other."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from pipeline.domain.alternative_settings import URL
from pipeline.domain.errors import SettingsError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.orders import Order
from pipeline.features.decision_times import SECOND, hours
from pipeline.features.running_beside import Records
from pipeline.features.running_funding import PERPETUAL
from pipeline.ingest.day_tables import BOOK, OTHER, ComingTables
from pipeline.ingest.market_days import DAYS
from pipeline.ingest.second_venue import check_stated
from pipeline.live.approvals import Approvals
from pipeline.live.control import Control
from pipeline.live.desk_clock import DeskClock
from pipeline.live.desk_day import DeskDay
from pipeline.live.feed_state import FeedState
from pipeline.live.gateways import Open
from pipeline.live.learned import Learned
from pipeline.live.record_watch import RecordWatch
from pipeline.live.session import NOBODY, Lived, Market, Newer, Start, Stored, live_through
from pipeline.live.stream_records import OF_ACCOUNT, StreamRecords, watched
from pipeline.live.streamed_venue import StreamedVenue
from pipeline.live.venue import Book
from pipeline.live.venue_feed import VenueFeed
from pipeline.live.venue_stream import VenueStream

FOLLOWED: Final = frozenset({*BOOK, "trades", "quotes"})
"""Tables of a market that features read."""


async def live_now(
    desk: IntradayDesk,
    learned: Learned,
    stored: Stored,
    venues: Sequence[StreamedVenue],
    folder: Path,
    gateway: Open,
    controls: Sequence[Control] = (),
    state: FeedState | None = None,
    approvals: Approvals = NOBODY,
    newer: Newer | None = None,
    routed: bool = False,
) -> Lived:
    """Hedge what a venue streams, until the process is asked to stop.

    Parameters
    ----------
    desk : settings; its overlay holds.
    learned : the models.
    stored : what the desk learned from, and its history until yesterday.
    venues : whose streams they are: the desk's own market, and the other one where one is followed beside it.
    folder : of journal, gateway and recordings. What is in it goes on: a day that was begun is read again
        from its recordings, what was sent is not sent again, a halt stays.
    gateway : opens the way to the market.
    controls : stand beside the loop.
    state : of the streams, is kept up to date.
    approvals : where people are asked about orders beyond a soft limit.
    newer : where newer models come from.
    routed : whether orders are routed to the second venue too.

    Raises
    ------
    SettingsError
        A stream is of another instrument, or tells other tables than the desk learned from.
    DataError
        That of the second venue tells no book to route by.
    """
    check(desk, venues, routed)
    check_tables(stored, venues)
    clock = DeskClock()
    state, records = state or FeedState(), records_now(desk, stored, clock)
    if records is not None:
        controls, state.records = [records, *controls], records.facts
    streams = streams_of(desk, venues, folder, clock, state)
    days = VenueDays(desk, stored, streams, records, routed)
    start = Start(learned, stored.before(days.day.day), days.day.names)
    market = Market(days, days.latency, days.books, clock.now, since=clock.now())
    async with days.held():
        return await live_through(desk, start, market, folder, gateway, controls, approvals, newer)


def records_now(desk: IntradayDesk, stored: Stored, clock: DeskClock) -> StreamRecords | None:
    """Return what a desk reads beside its market, as files and journal tell it; None for nothing."""
    features = [each for each in stored.beside(desk) if each.readers]
    if not features:
        return None
    day, sources = today(desk, clock), watched(features, desk.data, stored.market[DAYS])
    opened, _ = hours(day, desk.grid)
    watch = RecordWatch(sources, clock.now)
    return StreamRecords(features, desk, watch, stored.before(day), opened)


def today(desk: IntradayDesk, clock: DeskClock) -> str:
    """Return the day that it is by the clock of a desk's zone."""
    return f"{datetime.fromtimestamp(clock.now() / SECOND, ZoneInfo(desk.grid.zone)):%Y-%m-%d}"


def streams_of(
    desk: IntradayDesk, venues: Sequence[StreamedVenue], folder: Path, clock: DeskClock, state: FeedState
) -> list[VenueStream]:
    """Return the streams of a desk, each with a folder of recordings of its own and a part of the state."""
    own, *others = venues
    silence = desk.grid.stale_after_seconds
    found = [VenueStream(own, folder / "feed", clock, silence, state)]
    for other in others:
        state.other = FeedState()
        found.append(VenueStream(other, folder / "feed-other", clock, silence, state.other, prefix=OTHER))
    return found


def check(desk: IntradayDesk, venues: Sequence[StreamedVenue], routed: bool) -> None:
    """Refuse a desk that no stream can be hedged with, and streams of what it does not hedge."""
    if desk.hedge.instrument == PERPETUAL and URL in desk.data.url:
        raise SettingsError(
            f"{desk.data.url}: funding is not looked at there: keep its files on this machine"
        )
    for kind, files in desk.data.records.items():
        if kind not in OF_ACCOUNT and (far := [each.file for each in files if URL in each.file]):
            raise SettingsError(f"{kind}: {far[0]} is not looked at on a stream: name files of this machine")
    named = desk.data.terms.instrument or desk.data.instrument
    own, *others = venues
    if own.symbol != named:
        raise SettingsError(f"--feed is of {own.symbol}, the desk hedges {named}: name streams of that")
    if routed and not others:
        raise SettingsError(
            "--gateway routed: --feed tells one venue's book: name the other's as --other-feed"
        )
    if routed and desk.gateway.routed is not None:
        wanted, (other,) = desk.gateway.routed.symbol or named, others
        check_stated("--other-feed", other.symbol, other.venue, wanted, "name streams")


def check_tables(stored: Stored, venues: Sequence[StreamedVenue]) -> None:
    """Refuse streams of other tables than the desk learned from; of a second market where it knew one."""
    stored_tables = set(stored.market[DAYS]["table"])
    for option, prefix, venue in zip(("--feed", "--other-feed"), ("", OTHER), venues, strict=False):
        learned = frozenset(each for each in FOLLOWED if f"{prefix}{each}" in stored_tables)
        if venue.tables != learned and (learned or not prefix):
            told, known = (", ".join(sorted(each)) for each in (venue.tables, learned))
            raise SettingsError(
                f"{option} tells {told}, the desk learned from {known}: name streams of the same"
            )


class VenueDays:
    """The days of streams from today on, each with its feed; a day goes on with the books of the one before.

    Attributes
    ----------
    day : the one that is lived.
    """

    def __init__(
        self,
        desk: IntradayDesk,
        stored: Stored,
        streams: Sequence[VenueStream],
        records: Records | None = None,
        routed: bool = False,
    ) -> None:
        self._desk, self._streams, self._clock = desk, streams, streams[0].clock
        self._names = frozenset().union(*(each.tables for each in streams))
        now = today(desk, self._clock)
        coming, before = ComingTables(self._names, {}), stored.before(now)
        self.day = DeskDay(desk, now, coming, stored.fitted, before, records, routed).ready()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Keep the lines up."""
        async with AsyncExitStack() as lines:
            for stream in self._streams:
                await lines.enter_async_context(stream.line.held())
            yield

    def latency(self, order: Order) -> int:
        """Return the nanoseconds from a decision, or a cancellation, to its arrival."""
        return self.day.latency(order)

    def books(self) -> list[Book]:
        """Return the books as they stand now, see `DeskDay`."""
        return self.day.books()

    def __iter__(self) -> Iterator[tuple[DeskDay, VenueFeed]]:
        """Yield the days, each when the one before has ended."""
        while True:
            following, ends = self.day.following(), _midnight(self.day.day, self._desk.zone)
            yield self.day, VenueFeed(self._streams, self.day.day, ends, following.take)
            coming = ComingTables(self._names, following.books())
            self.day = self.day.next(today(self._desk, self._clock), coming)


def _midnight(day: str, zone: ZoneInfo) -> int:
    """Return the end of a day, ns."""
    after = date.fromisoformat(day) + timedelta(days=1)
    return int(datetime.combine(after, time(0), tzinfo=zone).timestamp()) * SECOND
