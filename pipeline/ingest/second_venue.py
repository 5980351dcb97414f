"""Whether the files of a second venue are of the instrument that a desk hedges."""

from collections.abc import Iterator
from typing import Final

from pipeline.domain.errors import DataError
from pipeline.domain.intraday_desk import MarketFiles
from pipeline.domain.symbols import plain
from pipeline.ingest.folder_files import file_in, files_below, fitting
from pipeline.ingest.formats.catalogue import format_of
from pipeline.ingest.raw_stream import RawStream

DERIVATIVES: Final = ("futures", "swap", "perp", "derivatives")
"""In names of venues whose instruments are no spot, and may be called like it."""


def check_second_venue(data: MarketFiles, named: str = "") -> None:
    """Refuse files of a second venue that state another instrument than the desk's, or a venue of no spot.

    Files that state neither are believed.

    Parameters
    ----------
    data : `other_files` are those of the second venue.
    named : what the second venue calls the instrument; empty for as the first does.

    Raises
    ------
    DataError
        A file is of another instrument.
    """
    wanted = named or data.terms.instrument or data.instrument
    for name, symbol, venue in _stated(data):
        check_stated(name, symbol, venue, wanted, "let data.other_files name files")


def check_stated(name: str, symbol: str, venue: str, wanted: str, advice: str) -> None:
    """Refuse what states that it tells of another instrument than `wanted`, or of a venue of no spot.

    Raises
    ------
    DataError
        It does.
    """
    if symbol and plain(symbol) != plain(wanted):
        raise DataError(
            f"{name}: is of {symbol}, but the desk hedges {wanted}: {advice} of that, or set "
            f'gateway.routed.symbol = "{symbol}" if it is the same in the same money'
        )
    if any(word in venue for word in DERIVATIVES):
        raise DataError(
            f"{name}: is of {venue}: the perpetual is another instrument than the spot, though it may be "
            f"called alike: {advice} of a spot venue"
        )


def _stated(data: MarketFiles) -> Iterator[tuple[str, str, str]]:
    """Yield name, symbol and venue of each file, "" for what it does not state."""
    if not data.other_files:
        return
    there = files_below(data.url) or []
    terms = data.terms.located(data.url).model_copy(update={"instrument": ""})
    for pattern in data.other_files:
        for name in fitting(there, pattern, "data.other_files", data.url):
            file = RawStream(file_in(data.url, name))
            known = format_of(file, "")
            yield name, known.symbol(file, terms), known.venue(file, terms)
