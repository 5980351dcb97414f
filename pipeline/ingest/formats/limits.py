"""Risk limits of a desk, as csv, JSON lines, Parquet or a database's table."""

from collections.abc import Iterator
from typing import Final

from pipeline.ingest.formats.record_rows import TIME, has_all, screens
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.market_tables import Batch
from pipeline.ingest.raw_stream import RawStream

NAMES: Final = {
    "time": ("valid_from", *TIME),
    "name": ("limit", "name"),
    "instrument": ("instrument", "symbol"),
    "value": ("value",),
    "unit": ("unit",),
}
NEEDED: Final = ("time", "name", "value", "unit")
HEADERS: Final = (NEEDED,)


def recognises(name: str, head: bytes) -> bool:
    """Tell whether a file's first line has a time, and a limit's name, value and unit."""
    return has_all(head, NAMES, NEEDED)


def read(file: RawStream, terms: Terms) -> Iterator[Batch]:
    """Yield `limits`, each in force from its time on until the next of its name and instrument.

    An empty instrument is the whole desk. Held are instruments that the terms do not name (where they name
    any), values below zero or none, and times without an offset where the terms name no zone.

    Raises
    ------
    DataError
        A column is missing; the file is missing or damaged, or the database does not answer.
    """
    for screen, times in screens(file, terms, NAMES, ("instrument",), coming=True):
        value = screen.numbers("value")
        screen.refuse(value < 0.0, "a limit below zero")
        row = {
            **times,
            "name": screen.texts("name"),
            "instrument": screen.names("instrument", terms.instruments, optional=True),
            "value": value,
            "unit": screen.texts("unit"),
        }
        yield from screen.batches("limits", file.name, row)
