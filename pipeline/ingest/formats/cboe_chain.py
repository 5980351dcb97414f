"""Whole end-of-day chains as made of CBOE's delayed quotes: one file a day, no theta and no vega."""

from collections.abc import Iterator

from pipeline.ingest.delimited import names_in
from pipeline.ingest.formats.chain_rows import COLUMNS, chain_rows
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.market_tables import Batch
from pipeline.ingest.raw_stream import RawStream

HEADERS = (COLUMNS,)


def recognises(name: str, head: bytes) -> bool:
    """Tell whether a file's first line names the columns of a chain, and neither theta nor vega."""
    names = names_in(head)
    return set(COLUMNS) <= set(names) and not {"theta", "vega"} & set(names)


def read(file: RawStream, terms: Terms) -> Iterator[Batch]:
    """Yield `option_quotes`; see `chain_rows`."""
    yield from chain_rows(file, terms)
