"""Headlines: a time and a text a row, as csv, JSON lines, Parquet or a database's table."""

from collections.abc import Iterator
from typing import Final

from pipeline.ingest.formats.record_rows import TIME, screens
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.market_tables import Batch
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.records import columns_of

NAMES: Final = {
    "time": TIME,
    "text": ("headline", "title", "text"),
    "source": ("source", "publisher", "provider"),
}
AUTHORED: Final = frozenset({"author", "author_hash", "user", "user_hash", "count", "mentions", "posts"})


def recognises(name: str, head: bytes) -> bool:
    """Tell whether a file's first line has a time and a text, and no author and no count."""
    columns = set(columns_of(head))
    return bool(columns & set(TIME)) and bool(columns & set(NAMES["text"])) and not columns & AUTHORED


def read(file: RawStream, terms: Terms) -> Iterator[Batch]:
    """Yield `headlines`, known when they were published plus the lag of the terms.

    Held are rows without a text or a time, and times without an offset where the terms name no zone.

    Raises
    ------
    DataError
        A column is missing; the file is missing or damaged.
    """
    for screen, times in screens(file, terms, NAMES, ("source",)):
        text, source = screen.texts("text"), screen.texts("source", optional=True)
        yield from screen.batches("headlines", file.name, {**times, "text": text, "source": source})
