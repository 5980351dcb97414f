"""Contracts followed day by day with the vendor's Greeks; columns between the usual ones are not read."""

from collections.abc import Iterator
from typing import Final

from pipeline.ingest.delimited import names_in
from pipeline.ingest.formats.chain_rows import COLUMNS, chain_rows
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.market_tables import Batch
from pipeline.ingest.raw_stream import RawStream

WITH_GREEKS: Final = (*COLUMNS, "theta", "vega")
HEADERS: Final = (WITH_GREEKS,)


def recognises(name: str, head: bytes) -> bool:
    """Tell whether a file's first line names the columns of a chain, theta and vega among them."""
    return set(WITH_GREEKS) <= set(names_in(head))


def read(file: RawStream, terms: Terms) -> Iterator[Batch]:
    """Yield `option_quotes`; see `chain_rows`."""
    yield from chain_rows(file, terms, WITH_GREEKS)
