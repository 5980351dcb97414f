"""A desk that hedges now, from a venue's stream, one day after the other."""

from collections.abc import Iterator, Sequence
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
from pipeline.ingest.day_tables import BOOK, ComingTables
from pipeline.ingest.market_days import DAYS
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
    venue: StreamedVenue,
    folder: Path,
    gateway: Open,
    controls: Sequence[Control] = (),
    state: FeedState | None = None,
    approvals: Approvals = NOBODY,
    newer: Newer | None = None,
) -> Lived:
    """Hedge what a venue streams, until the process is asked to stop.

    Parameters
    ----------
    desk : settings; its overlay holds.
    learned : the models.
    stored : what the desk learned from, and its history until yesterday.
    venue : whose stream it is.
    folder : of journal, gateway and recordings. What is in it goes on: a day that was begun is read again
        from its recordings, what was sent is not sent again, a halt stays.
    gateway : opens the way to the market.
    controls : stand beside the loop.
    state : of the stream, is kept up to date.
    approvals : where people are asked about orders beyond a soft limit.
    newer : where newer models come from.

    Raises
    ------
    SettingsError
        The stream is of another instrument, or tells other tables than the desk learned from.
    """
    check(desk, venue)
    check_tables(stored, venue)
    clock = DeskClock()
    state, records = state or FeedState(), records_now(desk, stored, clock)
    if records is not None:
        controls, state.records = [records, *controls], records.facts
    days = VenueDays(desk, stored, venue, folder / "feed", clock, state, records)
    start = Start(learned, stored.before(days.day.day), days.day.names)
    market = Market(days, days.latency, days.books, clock.now, since=clock.now())
    async with days.line.held():
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


def check(desk: IntradayDesk, venue: StreamedVenue) -> None:
    """Refuse a desk that no stream can be hedged with, and a stream of what it does not hedge."""
    if desk.hedge.instrument == PERPETUAL and URL in desk.data.url:
        raise SettingsError(
            f"{desk.data.url}: funding is not looked at there: keep its files on this machine"
        )
    for kind, files in desk.data.records.items():
        if kind not in OF_ACCOUNT and (far := [each.file for each in files if URL in each.file]):
            raise SettingsError(f"{kind}: {far[0]} is not looked at on a stream: name files of this machine")
    named = desk.data.terms.instrument or desk.data.instrument
    if venue.symbol != named:
        raise SettingsError(f"--feed is of {venue.symbol}, the desk hedges {named}: name streams of that")


def check_tables(stored: Stored, venue: StreamedVenue) -> None:
    """Refuse a stream that tells other tables than the desk learned from."""
    learned = FOLLOWED & set(stored.market[DAYS]["table"])
    if venue.tables != learned:
        told, known = (", ".join(sorted(each)) for each in (venue.tables, learned))
        raise SettingsError(f"--feed tells {told}, the desk learned from {known}: name streams of the same")


class VenueDays:
    """The days of a venue from today on, each with its feed; a day goes on with the book of the one before.

    Attributes
    ----------
    day : the one that is lived.
    line : to the venue.
    """

    def __init__(
        self,
        desk: IntradayDesk,
        stored: Stored,
        venue: StreamedVenue,
        folder: Path,
        clock: DeskClock,
        state: FeedState,
        records: Records | None = None,
    ) -> None:
        self._desk, self._names, self._clock = desk, venue.tables, clock
        self._stream = VenueStream(venue, folder, clock, desk.grid.stale_after_seconds, state)
        self.line, now = self._stream.line, today(desk, clock)
        coming, before = ComingTables(self._names, {}), stored.before(now)
        self.day = DeskDay(desk, now, coming, stored.fitted, before, records).ready()

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
            yield self.day, VenueFeed(self._stream, self.day.day, ends, following.take)
            coming = ComingTables(self._names, following.books())
            self.day = self.day.next(today(self._desk, self._clock), coming)


def _midnight(day: str, zone: ZoneInfo) -> int:
    """Return the end of a day, ns."""
    after = date.fromisoformat(day) + timedelta(days=1)
    return int(datetime.combine(after, time(0), tzinfo=zone).timestamp()) * SECOND
