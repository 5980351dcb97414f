"""Events of a day that follow one another as plain numbers, read once and split as often as need be."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from pipeline.features.day_events import BOOK, OTHER_BOOK, EventPart
from pipeline.features.event_feature import EventRows, Source


@dataclass(frozen=True)
class ReadPart:
    """What is read of an `EventPart`; a source of which there are no events is left out.

    Attributes
    ----------
    until : the last instant of which there are any, nanoseconds UTC.
    rows : of each source. That of a book has all its columns, whichever it names.
    """

    until: int
    rows: Mapping[Source, EventRows]

    @classmethod
    def of(cls, part: EventPart, sources: Collection[Source]) -> Self:
        """Return what sources read of a part."""
        books = {BOOK: part.book, OTHER_BOOK: part.other_book}
        told = {*part.tables, *(name for name, rows in books.items() if rows is not None)}
        return cls(part.until, {source: part.rows(source) for source in sources if source.table in told})

    def split(self, at: float) -> tuple["ReadPart | None", "ReadPart | None"]:
        """Return the events that were known at an instant, and those after; None for none."""
        if self.until <= at:
            return self, None
        early, late = {}, {}
        for source, rows in self.rows.items():
            place = int(np.searchsorted(rows.known_time, at, side="right"))
            if place:
                early[source] = rows[:place]
            if place < len(rows):
                late[source] = rows[place:]
        return ReadPart(int(at), early) if early else None, ReadPart(self.until, late) if late else None
