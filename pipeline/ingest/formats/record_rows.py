"""What files kept row by row by a desk or a vendor have in common: names of columns, times, a screen."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.record_screen import RecordScreen
from pipeline.ingest.records import Names, chosen, columns_of, records

TIME: Final = ("time", "timestamp", "published", "published_at", "datetime", "date", "event_time")

AHEAD: Final = np.timedelta64(2, "D")
"""A date is the end of its day, anywhere on earth."""


def has_all(head: bytes, names: Names, needed: Sequence[str]) -> bool:
    r"""Tell whether the first line of a file has a column for each of the names that are needed.

    Examples
    --------
    >>> names = {"time": TIME, "quantity": ("quantity", "qty")}
    >>> has_all(b"date,qty\n", names, tuple(names)), has_all(b"date,price\n", names, tuple(names))
    (True, False)
    """
    columns = set(columns_of(head))
    return all(columns & set(names[name]) for name in needed)


def screens(
    file: RawStream,
    terms: Terms,
    names: Names,
    optional: Sequence[str],
    hidden: Sequence[str] = (),
    coming: bool = False,
) -> Iterator[tuple[RecordScreen, dict[str, NDArray[Any]]]]:
    """Yield records under examination, with when each happened and was known: the lag of the terms later.

    What is not `coming` has happened: held is what is dated after today, as by a wrong year.

    Raises
    ------
    DataError
        A column that is not optional is missing; the file is missing or damaged, or the database does not
        answer.
    """
    for found in records(file):
        screen = RecordScreen(found, chosen(found.columns, names, optional, file.name), hidden)
        event = screen.instants("time", terms.time_zone)
        if not coming:
            screen.refuse(event > np.datetime64("now", "ns") + AHEAD, "in the future: is its year right?")
        yield screen, {"event_time": event, "known_time": event + terms.known_lag}
