"""Positions of a desk, as csv, JSON lines, Parquet or a database's table."""

from collections.abc import Iterator
from typing import Final

from pipeline.ingest.formats.record_rows import TIME, has_all, screens
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.market_tables import Batch
from pipeline.ingest.raw_stream import RawStream

NAMES: Final = {
    "time": ("as_of", *TIME),
    "instrument": ("instrument", "symbol"),
    "quantity": ("quantity", "position", "qty"),
    "price": ("price", "average_price"),
}
NEEDED: Final = ("time", "instrument", "quantity")
HEADERS: Final = (NEEDED,)


def recognises(name: str, head: bytes) -> bool:
    """Tell whether a file's first line has a time, an instrument and a quantity."""
    return has_all(head, NAMES, NEEDED)


def read(file: RawStream, terms: Terms) -> Iterator[Batch]:
    """Yield `positions`, signed, each in force until its instrument's next; `price` NaN where not told.

    Held are instruments that the terms do not name (where they name any), quantities that are no numbers,
    times in the future, and times without an offset where the terms name no zone.

    Raises
    ------
    DataError
        A column is missing; the file is missing or damaged, or the database does not answer.
    """
    for screen, times in screens(file, terms, NAMES, ("price",)):
        price = screen.numbers("price", optional=True)
        screen.refuse(price < 0.0, "price below zero")
        row = {
            **times,
            "instrument": screen.names("instrument", terms.instruments),
            "quantity": screen.numbers("quantity"),
            "price": price,
        }
        yield from screen.batches("positions", file.name, row)
