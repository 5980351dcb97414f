"""Social-media activity: a post or a count a row, as csv, JSON lines, Parquet or a database's table."""

import hashlib
import re
from collections.abc import Iterator
from typing import Final

import numpy as np

from pipeline.ingest.formats.headlines import AUTHORED
from pipeline.ingest.formats.record_rows import TIME, screens
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.market_tables import Batch
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.records import columns_of

NAMES: Final = {
    "time": TIME,
    "author": ("author_hash", "author", "user_hash", "user"),
    "text": ("text", "body", "message"),
    "count": ("count", "mentions", "posts"),
}
_HASHED: Final = re.compile(r"[0-9a-f]{16,128}", re.IGNORECASE)


def recognises(name: str, head: bytes) -> bool:
    """Tell whether a file's first line has a time, and an author or a count."""
    columns = set(columns_of(head))
    return bool(columns & set(TIME)) and bool(columns & AUTHORED) and "instrument" not in columns


def read(file: RawStream, terms: Terms) -> Iterator[Batch]:
    """Yield `social`, known when it happened plus the lag of the terms; a post without a count counts one.

    Names of authors are not kept: what is not hexadecimal already becomes the first 32 digits of its SHA-256.
    Held are rows without a time, times without an offset where the terms name no zone, and negative counts.

    Raises
    ------
    DataError
        There is no time; the file is missing or damaged.
    """
    for screen, times in screens(file, terms, NAMES, ("author", "text", "count"), hidden=("author",)):
        count = screen.numbers("count", optional=True)
        row = {
            **times,
            "author": [anonymous(name) for name in screen.texts("author", optional=True)],
            "text": screen.texts("text", optional=True),
            "count": np.where(np.isnan(count), 1.0, count),
        }
        yield from screen.batches("social", file.name, row)


def anonymous(author: str) -> str:
    """Return an author that cannot be read: a hash stays what it is, a name becomes one.

    Examples
    --------
    >>> anonymous("alice")[:8], anonymous("2bd806c97f0e00af"), anonymous("")
    ('2bd806c9', '2bd806c97f0e00af', '')
    """
    if not author or _HASHED.fullmatch(author):
        return author.lower()
    return hashlib.sha256(author.encode()).hexdigest()[:32]
