"""The values of event features at some instants, while a day goes by."""

from collections.abc import Sequence

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.features.book_at import Instants
from pipeline.features.day_events import EventPart
from pipeline.features.event_feature import EventFeature
from pipeline.features.event_stream import EventStream


class EventValues:
    """Takes features through the parts of a day; they have the bits of all events at once.

    Parameters
    ----------
    features : whose parameters are known.
    times : [T] rising, nanoseconds UTC.
    """

    def __init__(self, features: Sequence[EventFeature], times: Instants) -> None:
        self._streams = [EventStream(each) for each in features]
        self._found: list[list[FloatArray]] = [[] for _ in features]
        self._times, self._done = times, 0

    def take(self, part: EventPart) -> None:
        """Take the events of a part, and read the features at the instants in it."""
        end = int(np.searchsorted(self._times, part.until, side="right"))
        self._over(part, self._times[self._done : end])
        self._done = end

    def columns(self) -> dict[str, FloatArray]:
        """Return every output by name, [T] each: after the last part, the instants that are left are read."""
        self._over(EventPart(0, {}), self._times[self._done :])
        self._done = len(self._times)
        return {
            output.name: np.concatenate([values[:, place] for values in found])
            for stream, found in zip(self._streams, self._found, strict=True)
            for place, output in enumerate(stream.feature.outputs)
        }

    def _over(self, part: EventPart, times: Instants) -> None:
        sources = {source for stream in self._streams for source in stream.feature.sources}
        rows = {source: part.rows(source) for source in sources}
        for stream, found in zip(self._streams, self._found, strict=True):
            own = {source.table: rows[source] for source in stream.feature.sources}
            found.append(stream.over(own, times))
