"""A market's files to canonical tables by day: a file is read once for as long as it is the same.

A day is the unit of work of every stage that follows. What is kept of a file is known by its content, by the
terms on which it was read and by the code of its format, and holds one table a day, `quotes/2013-10-07`.
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import chain
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.domain.errors import DataError
from pipeline.domain.intraday_desk import MarketFiles
from pipeline.domain.stream_terms import Terms
from pipeline.ingest.code_version import code_version
from pipeline.ingest.content import Known, content_digest
from pipeline.ingest.day_copies import FIRST, beginning, copied_days
from pipeline.ingest.day_repeats import REPEATED, Repeated, repeats
from pipeline.ingest.day_tables import BOOK, OTHER
from pipeline.ingest.folder_files import digests, file_in, files_below, fits, fitting
from pipeline.ingest.formats import funding_history
from pipeline.ingest.formats.catalogue import (
    Format,
    format_of,
    read,
)
from pipeline.ingest.held_rows import HELD_COLUMNS, HeldRows, shown
from pipeline.ingest.held_share import check_held, reasons_of
from pipeline.ingest.market_symbols import Part, check_symbols, check_venues
from pipeline.ingest.market_tables import CLEAR, QUARANTINE, Batch
from pipeline.ingest.national_best import national_best
from pipeline.ingest.parts import Parts
from pipeline.ingest.pieces import InMemory, KeptPieces, Piece, Shelf
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.record_files import load_records
from pipeline.ingest.sources import NOTES

DAYS: Final = "days"
HELD: Final = "held"
EVENTS: Final = frozenset({*BOOK, "trades", "quotes", "funding", QUARANTINE})
"""Tables of a market within the day."""
SERIES: Final = "alternative"
"""Table of a market too where its file states the instrument: mark and index prices are series of that."""
log = logging.getLogger(__name__)


def content_of(data: MarketFiles) -> dict[str, str]:
    """Return a SHA-256 of every file of a market by its name below the folder.

    It is that of the file, or, where its format reads others beside it, of all of them together.

    Raises
    ------
    DataError
        The folder does not exist, a pattern fits no file, two files are the same, or one cannot be read.
    """
    folder = data.url
    there = files_below(folder)
    if there is None:
        raise DataError(f"{folder}: no such folder: give the data of {data.instrument} with --data FOLDER")
    found: list[str] = []
    for key, patterns in (("data.files", data.files), ("data.other_files", data.other_files)):
        for pattern in patterns:
            found += fitting(there, pattern, key, folder)
    own = digests(folder, list(dict.fromkeys(found)))
    terms = data.terms.located(folder)
    formats = _formats(data, own)
    return {name: _with_further(digest, formats[name], data, name, terms) for name, digest in own.items()}


def _with_further(digest: str, known: Format, data: MarketFiles, name: str, terms: Terms) -> str:
    """Return the SHA-256 of a file together with those that are read beside it."""
    further = [each.digest() for each in known.beside(RawStream(file_in(data.url, name)), terms)]
    return hashlib.sha256(" ".join([digest, *further]).encode()).hexdigest() if further else digest


def _formats(data: MarketFiles, names: Iterable[str]) -> dict[str, Format]:
    """Return the format of each file; that of the desk is of its own market's files."""
    named = {name: "" if _is_other(data, name) else data.format for name in names}
    return {name: format_of(RawStream(file_in(data.url, name)), named[name]) for name in named}


def load_days(
    data: MarketFiles,
    zone: str,
    content: Mapping[str, str],
    pieces: KeptPieces | None = None,
    records: Mapping[str, str] | None = None,
) -> dict[str, pd.DataFrame | bytes]:
    """Read the files that are not known yet and say what there is of each day.

    Parameters
    ----------
    data : which files.
    zone : of the limits of days.
    content : what `content_of` said of the files.
    pieces : keeps what was read of each file.
    records : what `record_files.records_content` said of alternative data and own records.

    Returns
    -------
    Tables `days` (one row a day, table and file: `day`, `table`, `key` of the piece, `file`, `rows`, `anew`,
    whether the book is told anew among them, and `again`, which rows another file of the day holds), `held`
    (one row a file, table and reason: `count` and
    examples) and `notes`; of alternative data and own records see `record_files`.

    Raises
    ------
    DataError
        A file is damaged, of no known format, or holds no row; too many rows fail a check; or no file has the
        updates that follow on the snapshot of the terms.
    """
    pieces = pieces or InMemory()
    days, held = [], []
    for name, piece in _of_files(data, zone, content, pieces):
        index = piece[DAYS]
        if index.empty:
            why = reasons_of(piece[HELD]) or "look at the file"
            raise DataError(f"{name}: holds no row of market data: {why}")
        days.append(index.assign(key=piece.key, file=name))
        held.append(piece[HELD])
    table = pd.concat(days, ignore_index=True).sort_values(["day", "table", "file"], ignore_index=True)
    if data.terms.snapshot and not table["anew"].any():
        raise DataError(
            f"{data.terms.snapshot}: no file has the updates that follow on it: let data.terms.snapshot name "
            "one that was asked for while one of them was recorded"
        )
    copies = copied_days(table)
    table, again = _without_repeats(table.drop(columns="begins"), pieces.shelf)
    faults = pd.concat([*held, again], ignore_index=True)
    check_held(data.url, int(table["rows"].sum()), faults, data.quarantine_limit)
    said = pd.DataFrame({"note": [*_notes(data, table, faults), *copies, *_assumed(data, content)]})
    recorded = load_records(data.records, records or {}) if data.records else {}
    notes = pd.concat([said, recorded.pop(NOTES)], ignore_index=True) if recorded else said
    return {**recorded, DAYS: table, HELD: faults, NOTES: notes}


def _without_repeats(days: pd.DataFrame, shelf: Shelf) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the index with the rows that another file of their day holds, and these as held."""
    named = days.assign(stored=days["table"], table=days["table"].str.removeprefix(OTHER))
    again = repeats(named, shelf)
    faults: dict[tuple[str, str], list[Repeated]] = {}
    for file, name, found in zip(days["file"], days["table"], again, strict=True):
        if found.count:
            faults.setdefault((file, name), []).append(found)
    held = [
        (*where, REPEATED, sum(each.count for each in found), shown(chain(*(each.lines for each in found))))
        for where, found in faults.items()
    ]
    table = pd.DataFrame(held, columns=HELD_COLUMNS).astype({"count": "int64"})
    rows = days["rows"] - [found.count for found in again]
    return days.assign(rows=rows, again=pd.Series([found.runs for found in again], index=days.index)), table


def _of_files(
    data: MarketFiles, zone: str, content: Mapping[str, str], pieces: KeptPieces
) -> Iterator[tuple[str, Piece]]:
    """Yield each file with its tables; files of one format are read with the same settings."""
    places = {name: file_in(data.url, name) for name in content}
    other = {name: _is_other(data, name) for name in content}
    formats = _formats(data, content)
    _check_stated(data, places, formats, other)
    groups = {name: (formats[name].read, other[name]) for name in content}
    # where a file lies that the terms name is no part of a key: what it holds is part of the digests
    terms = Known(
        data.terms.located(data.url), content_digest(data.terms.model_copy(update={"snapshot": ""}))
    )
    made: dict[str, Piece] = {}
    for group in dict.fromkeys(groups.values()):
        reader, is_other = group
        settings = {
            "format": "" if is_other else data.format,
            "national_best": data.national_best and not is_other,
            "zone": zone,
            "prefix": OTHER if is_other else "",
            "reader": code_version(reader),
        }
        units = {
            name: {"file": Known(places[name], content[name]), "label": name}
            for name in sorted(content)
            if groups[name] == group
        }
        found = pieces.partitions(
            "market_file", market_file, data.instrument, units, terms=terms, settings=settings
        )
        made |= dict(zip(units, found, strict=True))
    yield from sorted(made.items())


def _check_stated(
    data: MarketFiles, places: Mapping[str, str], formats: Mapping[str, Format], other: Mapping[str, bool]
) -> None:
    """Refuse files that state different symbols or venues, by the part of the market that each is of."""
    symbols: dict[Part, dict[str, str]] = {"market": {}, "funding": {}, "other": {}}
    venues: dict[Part, dict[str, str]] = {"market": {}, "funding": {}, "other": {}}
    for name, path in places.items():
        part: Part = "funding" if formats[name].read is funding_history.read else "market"
        part = "other" if other[name] else part
        symbols[part][name] = formats[name].symbol(RawStream(path), data.terms)
        venues[part][name] = formats[name].venue(RawStream(path), data.terms)
    check_symbols(data, symbols)
    check_venues(venues)


def _is_other(data: MarketFiles, name: str) -> bool:
    """Tell whether a file is of the other one of spot and perpetual."""
    own, other = (any(fits(name, each) for each in part) for part in (data.files, data.other_files))
    if own and other:
        raise DataError(f"{name}: named by data.files and by data.other_files: let one of them leave it out")
    return other


def market_file(file: str, label: str, terms: Terms, settings: Mapping[str, object]) -> Parts:
    """Read one file into canonical tables by day, in bounded memory.

    Parameters
    ----------
    file : its path.
    label : its name in messages.
    terms : on which it is read; paths in them are seen from everywhere.
    settings : `format`, `national_best`, `zone` and the `prefix` of the tables' names; `reader` is the code
        of the format.

    Yields
    ------
    Rows of the tables `<table>/<day>` as they stand in the file, then `days` (`day`, `table`, `rows`, `anew`,
    `begins`, see `day_copies`) and `held`.

    Raises
    ------
    DataError
        The file does not hold market events but, say, news or a desk's own records.
    """
    stream, format_name = RawStream(file), str(settings["format"])
    taken = {*EVENTS, SERIES} if format_of(stream, format_name).states_symbol else EVENTS
    found: Iterator[Batch] = read(stream, terms, format_name)
    if settings["national_best"]:
        found = national_best(found, label)
    faults, told = HeldRows(label), dict[str, _Told]()
    for batch in found:
        if batch.table not in taken:
            raise DataError(
                f"{label}: holds {batch.table}, and data.files names market events only: leave it out there; "
                "alternative data are named in [data.alternative], own records in [data.own]"
            )
        if batch.table == QUARANTINE:
            faults.add(batch.rows)
            continue
        for day, rows in _by_day(batch.rows, str(settings["zone"])):
            table = f"{settings['prefix']}{batch.table}/{day}"
            told[table] = told.get(table, _Told()).after(rows)
            yield table, rows
    yield DAYS, _index(told, settings)
    yield HELD, faults.counted()


class _Told(NamedTuple):
    """What a file tells of a day: rows of a table, whether its book is told anew, its first rows."""

    rows: int = 0
    anew: bool = False
    first: tuple[pa.RecordBatch, ...] = ()

    def after(self, rows: pa.RecordBatch) -> "_Told":
        """Return it with further rows."""
        anew = "kind" in rows.schema.names and bool((rows.column("kind").to_numpy() == CLEAR).any())
        wanted = min(FIRST - self.rows, rows.num_rows)
        first = self.first if wanted <= 0 else (*self.first, rows.take(pa.array(range(wanted))))
        return _Told(self.rows + rows.num_rows, self.anew or anew, first)


def _index(told: Mapping[str, _Told], settings: Mapping[str, object]) -> pd.DataFrame:
    """Return one row a day and table."""
    prefix, zone = str(settings["prefix"]), str(settings["zone"])
    places = [
        (day, table, own.rows, own.anew, beginning(table.removeprefix(prefix), own.first, zone))
        for name, own in sorted(told.items())
        for table, _, day in [name.partition("/")]
    ]
    columns = {"day": "str", "table": "str", "rows": "int64", "anew": "bool", "begins": "str"}
    return pd.DataFrame(places, columns=list(columns)).astype(columns)


def _by_day(rows: pa.RecordBatch, zone: str) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield the rows of each day."""
    if not rows.num_rows:
        return
    local = pd.DatetimeIndex(rows.column("known_time").to_pandas()).tz_convert(zone)
    days = local.tz_localize(None).to_numpy().astype("datetime64[D]")
    for day in np.unique(days):
        chosen = days == day
        yield str(day), rows if chosen.all() else rows.filter(pa.array(chosen))


def _notes(data: MarketFiles, days: pd.DataFrame, held: pd.DataFrame) -> list[str]:
    span = sorted(days["day"].unique())
    rows = days.groupby("table")["rows"].sum()
    said = ", ".join(f"{count:,} {table}" for table, count in rows.items())
    notes = [f"{data.instrument}: {len(span)} days from {span[0]} to {span[-1]}, {said}"]
    if not held.empty:
        faults = held.groupby("reason")["count"].sum().items()
        named = ", ".join(f"{count:,} {reason}" for reason, count in faults)
        notes.append(f"{data.instrument}: {held['count'].sum():,} rows in quarantine: {named}")
    return notes


def _assumed(data: MarketFiles, content: Iterable[str]) -> list[str]:
    """Return what is taken for granted of each file that does not tell it."""
    found = {
        name: each.assumed(RawStream(file_in(data.url, name)), data.terms)
        for name, each in _formats(data, content).items()
    }
    return [f"{name}: {said}" for name, said in found.items() if said]


def day_of(name: str) -> date:
    """Return a day as it is named in the tables.

    Examples
    --------
    >>> day_of("2013-10-07").year
    2013
    """
    return date.fromisoformat(name)
