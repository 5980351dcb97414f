"""Features of events while a day goes by: events in parts, and the values at an instant in between."""

from collections.abc import Sequence

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.features.event_feature import EventFeature, EventRows, Source
from pipeline.features.event_stream import EventStream, merged
from pipeline.features.read_part import ReadPart


class RunningEvents:
    """Features with their parameters, in the middle of the events of a day."""

    def __init__(self, features: Sequence[EventFeature]) -> None:
        self._streams = [EventStream(each) for each in features]
        self._nothing = {source: _none(source) for each in features for source in each.sources}
        self._streams_of: dict[tuple[Source, ...], list[EventStream]] = {}
        for stream in self._streams:
            self._streams_of.setdefault(stream.feature.sources, []).append(stream)
        widths = [len(each.outputs) for each in features]
        self._values, ends = np.empty(sum(widths)), np.cumsum(widths)
        self._own = [
            self._values[end - width : end].reshape(1, width) for end, width in zip(ends, widths, strict=True)
        ]
        for stream in self._streams:  # compiled here, not at the first event
            stream.take(*merged([self._nothing[source] for source in stream.feature.sources]))

    def take(self, part: ReadPart) -> None:
        """Take the next events, all of an instant together."""
        for sources, streams in self._streams_of.items():
            if any(source in part.rows for source in sources):
                events = merged([part.rows.get(source, self._nothing[source]) for source in sources])
                for stream in streams:
                    stream.take(*events)

    def read(self, at: int, numbers: FloatArray) -> None:
        """Write the values of all features at an instant, after all events until then."""
        for stream, own in zip(self._streams, self._own, strict=True):
            stream.read(at, own)
        numbers[:] = self._values


def _none(source: Source) -> EventRows:
    return EventRows(np.empty(0, dtype=np.int64), np.empty((0, len(source.columns))))
