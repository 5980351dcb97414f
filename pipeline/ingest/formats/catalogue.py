"""All formats there are: a new one is one module in this folder with two functions, and up to four more.

`symbol(file, terms)` is of formats whose files state their instrument, for those of a market must agree;
`venue(file)` of formats whose files are of one venue and state it, for these must agree too.
`beside(file, terms)` is of formats whose `read` opens further files: what is kept of a file is known by the
content of these too.
`assumed(file, terms)` is of formats that take for granted what neither file nor terms tell: a run says so.
`HEADERS`, of formats that are known by their columns, is for the message where a file is none of them.
"""

import pkgutil
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from typing import Protocol, cast

from pipeline.domain.errors import DataError
from pipeline.domain.naming import hint
from pipeline.ingest import formats as package
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.formats.unknown import why_unknown
from pipeline.ingest.market_tables import Batch, screened
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.sql_rows import is_sql


class Format(Protocol):
    """A module of this folder."""

    def recognises(self, name: str, head: bytes) -> bool:
        """Tell whether a file of this name that begins like this is of the format.

        `head` is unpacked, but of an archive of several files, such as a workbook, as it is stored.
        """

    def read(self, file: RawStream, terms: Terms) -> Iterator[Batch]:
        """Yield the canonical rows of a file in its order, in bounded memory, faults as quarantine."""


@cache
def formats() -> dict[str, Format]:
    """Return every module of this folder that has both functions, by its name."""
    names = (entry.name for entry in pkgutil.iter_modules(package.__path__))
    modules = {name: import_module(f"{package.__name__}.{name}") for name in names if name != "catalogue"}
    return {
        name: cast(Format, module)
        for name, module in modules.items()
        if hasattr(module, "recognises") and hasattr(module, "read")
    }


def format_of(file: RawStream, named: str = "") -> Format:
    """Return the format of a file: the one that is named, else the one that recognises it.

    Raises
    ------
    DataError
        No format of that name; or none, or more than one, recognises the file.
    """
    known = formats()
    if named:
        if named not in known:
            raise DataError(f"{named}: no such format; {hint(named, list(known))}")
        return known[named]
    if is_sql(file.url):
        raise DataError(f"{file.name}: of which format is this table? Name one of {', '.join(known)}")
    several = not file.member and len(file.members()) > 1
    head = _stored(file) if several else file.head()
    found = [name for name, each in known.items() if each.recognises(file.name, head)]
    if several and not found:
        file.head()  # says that one of them must be named
    if len(found) != 1:
        fault = f"looks like {' and '.join(found)}" if found else why_unknown(head, _headers())
        raise DataError(f"{file.name}: {fault}: name one of {', '.join(known)}, see docs/data.md")
    return known[found[0]]


def states_symbol(known: Format) -> bool:
    """Tell whether the files of a format state their instrument, so that all they hold is of it."""
    return hasattr(known, "symbol")


def symbol_of(known: Format, file: RawStream, terms: Terms) -> str:
    """Return the instrument that a file states by its first row, its header or its name; "" if it does not.

    Raises
    ------
    DataError
        The file is missing or damaged.
    """
    stated = getattr(known, "symbol", None)
    return str(stated(file, terms)) if stated else ""


def venue_of(known: Format, file: RawStream) -> str:
    """Return the one venue that a file states by its first row or its header; "" if it does not.

    Raises
    ------
    DataError
        The file is missing or damaged.
    """
    stated = getattr(known, "venue", None)
    return str(stated(file)) if stated else ""


def beside(known: Format, file: RawStream, terms: Terms) -> tuple[RawStream, ...]:
    """Return the further files that are opened when a file is read, in a fixed order.

    Raises
    ------
    DataError
        One that must be there is missing.
    """
    further = getattr(known, "beside", None)
    return tuple(further(file, terms)) if further else ()


def assumed_of(known: Format, file: RawStream, terms: Terms) -> str:
    """Return what is taken for granted of a file, as a run says it; "" where nothing is.

    Raises
    ------
    DataError
        The file is missing or damaged.
    """
    found = getattr(known, "assumed", None)
    return str(found(file, terms)) if found else ""


def _headers() -> dict[str, Sequence[Sequence[str]]]:
    """Return the columns of every format that is known by them."""
    return {name: each.HEADERS for name, each in formats().items() if hasattr(each, "HEADERS")}


def _stored(file: RawStream) -> bytes:
    with file.stored() as source:
        return source.read(4096)


def read(file: RawStream, terms: Terms, named: str = "") -> Iterator[Batch]:
    """Yield the canonical rows of a file, each screened by the rules of its table.

    Raises
    ------
    DataError
        The format is not known, or the file is missing or damaged.
    """
    for found in format_of(file, named).read(file, terms):
        yield from screened(found, file.name)
