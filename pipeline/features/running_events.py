"""Features of events while a day goes by: events in parts, and the values at an instant in between."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.features.day_events import BOOK, EventPart
from pipeline.features.event_feature import EventFeature
from pipeline.features.event_stream import EventStream

NONE: Final = np.empty(0, dtype=np.int64)


class RunningEvents:
    """Features with their parameters, in the middle of the events of a day."""

    def __init__(self, features: Sequence[EventFeature]) -> None:
        self._streams = [EventStream(each) for each in features]
        self._sources = list(dict.fromkeys(source for each in features for source in each.sources))
        widths = [len(each.outputs) for each in features]
        self._values, ends = np.empty(sum(widths)), np.cumsum(widths)
        self._own = [
            self._values[end - width : end].reshape(1, width) for end, width in zip(ends, widths, strict=True)
        ]

    def take(self, part: EventPart) -> None:
        """Take the next events, all of an instant together."""
        told = {*part.tables, *((BOOK,) if part.book is not None else ())}
        rows = {source: part.rows(source) for source in self._sources if source.table in told}
        for stream in self._streams:
            sources = stream.feature.sources
            if any(source in rows for source in sources):
                own = {source.table: rows.get(source) or part.rows(source) for source in sources}
                stream.over(own, NONE)

    def read(self, at: int, numbers: FloatArray) -> None:
        """Write the values of all features at an instant, after all events until then."""
        for stream, own in zip(self._streams, self._own, strict=True):
            stream.read(at, own)
        numbers[:] = self._values
