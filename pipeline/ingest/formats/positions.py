"""Positions of a desk, as csv, JSON lines, Parquet or a database's table."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from pipeline.ingest.formats.headlines import TIME
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.market_tables import Batch
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.record_screen import RecordScreen
from pipeline.ingest.records import chosen, columns_of, records

NAMES: Final = {
    "time": ("as_of", *TIME),
    "instrument": ("instrument", "symbol"),
    "quantity": ("quantity", "position", "qty"),
    "price": ("price", "average_price"),
}


def recognises(name: str, head: bytes) -> bool:
    """Tell whether a file's first line has a time, an instrument and a quantity."""
    columns = set(columns_of(head))
    return all(columns & set(NAMES[name]) for name in ("time", "instrument", "quantity"))


def read(file: RawStream, terms: Terms) -> Iterator[Batch]:
    """Yield `positions`, signed, each in force until its instrument's next; `price` NaN where not told.

    Held are instruments that the terms do not name (where they name any), quantities that are no numbers, and
    times without an offset where the terms name no zone.

    Raises
    ------
    DataError
        A column is missing; the file is missing or damaged, or the database does not answer.
    """
    lag = np.timedelta64(int(terms.known_lag_seconds * 1e9), "ns")
    for found in records(file):
        screen = RecordScreen(found, chosen(found.columns, NAMES, ("price",), file.name))
        event = screen.instants("time", terms.time_zone)
        price = screen.numbers("price", optional=True)
        screen.refuse(price < 0.0, "price below zero")
        row = {
            "event_time": event,
            "known_time": event + lag,
            "instrument": screen.names("instrument", terms.instruments),
            "quantity": screen.numbers("quantity"),
            "price": price,
        }
        yield from screen.batches("positions", file.name, row)
