"""Features of records beside the market: their events reach over days, and only decisions ask for them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.features.event_feature import EventFeature, EventRows, TimeArray
from pipeline.features.event_stream import over

Reader = Callable[[pd.DataFrame], EventRows]
"""From all rows of a canonical table to the events of a feature; it can be handed to another process."""
MARKED: Final = "quotes"
"""Source that decisions give: the mid at each, bid and ask at once."""


@dataclass(frozen=True)
class Beside:
    """A feature with its parameters, and all that is known of its tables.

    Attributes
    ----------
    feature : of events.
    names : of its outputs those that are offered.
    events : of its sources, by table, but for `MARKED`.
    stale_after : age of the newest event from which on it counts as the market's, seconds.
    readers : how the records of a kind became the events of a source: its table and what reads them, by kind.
    """

    feature: EventFeature
    names: tuple[str, ...]
    events: Mapping[str, EventRows]
    readers: Mapping[str, tuple[str, Reader]] = field(default_factory=dict)
    stale_after: float = math.inf

    @property
    def places(self) -> list[int]:
        """Of the outputs that are offered among all."""
        outputs = [each.name for each in self.feature.outputs]
        return [outputs.index(name) for name in self.names]

    def with_mid(self, times: TimeArray, mid: FloatArray) -> dict[str, EventRows]:
        """Return the events, with the mid at decisions where the feature is marked at it."""
        return {MARKED: EventRows(times, np.c_[mid, mid])} | dict(self.events)


def values_beside(features: Sequence[Beside], times: TimeArray, mid: FloatArray) -> dict[str, FloatArray]:
    """Return what features say at decisions, [T] each, by name; NaN until the first event.

    Parameters
    ----------
    times : of the decisions, nanoseconds UTC, never falling, [T].
    mid : at each, [T].
    """
    found: dict[str, FloatArray] = {}
    for each in features:
        values = over(each.feature, each.with_mid(times, mid), times)
        found |= {name: values[:, place] for name, place in zip(each.names, each.places, strict=True)}
    return found
