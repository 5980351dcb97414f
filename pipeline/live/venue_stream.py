"""All that goes on from one day of a venue's stream to the next."""

import random
from pathlib import Path

from pipeline.live.desk_clock import DeskClock
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
    dice : of the pauses between two lines.
    """

    def __init__(
        self,
        venue: StreamedVenue,
        folder: Path,
        clock: DeskClock,
        silence: float,
        dice: random.Random | None = None,
    ) -> None:
        self.symbol, self.folder, self.clock = venue.symbol, folder, clock
        self.inbox, self.rows = Inbox(clock), StreamRows(venue)
        self.line = VenueLine(venue, self.inbox, silence, dice or random.Random())  # nosec B311 # pauses
