"""All formats there are: a new one is one module in this folder with two functions, and up to four more."""

import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib import import_module

from pipeline.domain.errors import DataError
from pipeline.domain.naming import hint
from pipeline.ingest import formats as package
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.formats.unknown import why_unknown
from pipeline.ingest.market_tables import Batch, screened
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.sql_rows import is_sql


def _nothing(file: RawStream, terms: Terms) -> str:
    return ""


def _no_file(file: RawStream, terms: Terms) -> tuple[RawStream, ...]:
    return ()


@dataclass(frozen=True)
class Format:
    """What a module of this folder has, by its name there; all but the first two may be missing.

    Attributes
    ----------
    recognises : whether a file of this name that begins like this is of the format. The head is unpacked, but
        of an archive of several files, such as a workbook, as it is stored.
    read : the canonical rows of a file in its order, in bounded memory, faults as quarantine.
    symbol : the instrument that a file states by its first row, its header or its name; "" if it does not.
        Those of a market must agree.
    venue : the one venue that a file states, likewise.
    assumed : what is taken for granted that neither file nor terms tell, as a run says it; "" for nothing.
    beside : the further files that `read` opens, in a fixed order: what is kept of a file is known by the
        content of these too.
    HEADERS : of a format that is known by its columns, for the message where a file is none of them.
    """

    recognises: Callable[[str, bytes], bool]
    read: Callable[[RawStream, Terms], Iterator[Batch]]
    symbol: Callable[[RawStream, Terms], str] = _nothing
    venue: Callable[[RawStream, Terms], str] = _nothing
    assumed: Callable[[RawStream, Terms], str] = _nothing
    beside: Callable[[RawStream, Terms], tuple[RawStream, ...]] = _no_file
    HEADERS: Sequence[Sequence[str]] = ()

    @property
    def states_symbol(self) -> bool:
        """Whether its files state their instrument, so that all they hold is of it."""
        return self.symbol is not _nothing


@cache
def formats() -> dict[str, Format]:
    """Return every module of this folder that has both functions, by its name."""
    names = (entry.name for entry in pkgutil.iter_modules(package.__path__))
    modules = {name: import_module(f"{package.__name__}.{name}") for name in names if name != "catalogue"}
    parts = [each.name for each in fields(Format)]
    return {
        name: Format(**{part: getattr(module, part) for part in parts if hasattr(module, part)})
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


def _headers() -> dict[str, Sequence[Sequence[str]]]:
    """Return the columns of every format that is known by them."""
    return {name: each.HEADERS for name, each in formats().items() if each.HEADERS}


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
