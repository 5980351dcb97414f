"""Who supplies a live desk with events and time: one small protocol for stored days and for venues."""

from collections.abc import AsyncGenerator, Callable
from typing import Final, NamedTuple, Protocol

from pipeline.features.day_events import EventPart

END: Final = (1 << 63) - 1
"""After everything, ns."""


class Moment(NamedTuple):
    """How far time has come, ns since 1970 UTC, and what became known since the moment before.

    Nothing that is known at `now` or earlier comes later. A decision that is made by more than `patience` ns
    too late meets no market.
    """

    now: int
    part: EventPart | None
    patience: int = END


class Feed(Protocol):
    """Events as they become known, and the clock: time goes on where the market is silent too."""

    def moments(self, due: Callable[[], float], since: int) -> AsyncGenerator[Moment, None]:
        """Yield what became known, some fifty times a second or more often, until there is no more.

        Parameters
        ----------
        due : says when the desk acts next, ns: a moment comes then, however silent the market is.
        since : until then, ns, the desk only remembers, see `Hedger`.
        """
        ...
