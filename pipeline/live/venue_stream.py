"""All that goes on from one day of a venue's stream to the next."""

import random
from pathlib import Path

from pipeline.live.desk_clock import DeskClock
from pipeline.live.feed_state import FeedState
from pipeline.live.inbox import Inbox
from pipeline.live.stream_rows import StreamRows
from pipeline.live.streamed_venue import StreamedVenue
from pipeline.live.venue_line import VenueLine


class VenueStream:
    """The line to a venue, what it has put down, what is read of that, and where it is kept.

    Parameters
    ----------
    venue : whose stream it is.
    folder : of the recordings.
    clock : of the desk.
    silence : seconds without a message after which the line is made again.
    state : is kept up to date.
    dice : of the pauses between two lines.
    """

    def __init__(
        self,
        venue: StreamedVenue,
        folder: Path,
        clock: DeskClock,
        silence: float,
        state: FeedState,
        dice: random.Random | None = None,
    ) -> None:
        self.symbol, self.folder, self.clock, self.state = venue.symbol, folder, clock, state
        self.inbox, self.rows = Inbox(clock), StreamRows(venue, state)
        dice = dice or random.Random()  # nosec B311 # pauses
        self.line = VenueLine(venue, self.inbox, silence, dice, state)
