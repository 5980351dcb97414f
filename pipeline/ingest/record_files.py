"""Files of records beside the market: read, screened and counted, a kind at a time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.domain.alternative_settings import USUAL_SERIES, RecordFile, table_of
from pipeline.domain.errors import DataError
from pipeline.ingest.formats.catalogue import read
from pipeline.ingest.market_tables import QUARANTINE, SCHEMAS
from pipeline.ingest.quarantine import COLUMNS, remedy_for, shown
from pipeline.ingest.raw_sql import sql_hash
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.sql_rows import is_sql
from pipeline.ingest.tables import Tables
from pipeline.ingest.timed_rows import intake_table
from pipeline.ingest.vintage import revisions

Kinds = Mapping[str, Sequence[RecordFile]]
PSEUDO: Final = "pseudo_vintage"


@dataclass(frozen=True)
class _Read:
    """A file: its rows as a table of its kind, those in quarantine, and how many there were."""

    rows: pa.Table
    held: pd.DataFrame
    intake: Mapping[str, Any]


def records_content(kinds: Kinds) -> dict[str, str]:
    """Return the SHA-256 of each file (or table of a database) by its kind and place in the list.

    Raises
    ------
    DataError
        A file is missing or cannot be read.
    """
    return {
        f"{kind}/{place}": sql_hash(each.file, each.table) if is_sql(each.file) else _stream(each).digest()
        for kind, files in kinds.items()
        for place, each in enumerate(files)
    }


def load_records(kinds: Kinds, content: Mapping[str, str]) -> Tables:
    """Return the canonical tables of some kinds of records, and what to say of their files.

    Parameters
    ----------
    kinds : files by kind; kinds that are daily series come in one table, `alternative`, each under the
        kind's name in `series`.
    content : what `records_content` said of the files, which must not have changed since.

    Returns
    -------
    tables : by the names of `market_tables`; `quarantine` (`table, file, row, reason, text`), `notes` and
        `intake`, with the kind as the table's name.

    Raises
    ------
    DataError
        A file is missing, damaged, has changed, holds no sound row of its kind, or fails too many checks.
    """
    if kinds and content and records_content(kinds) != {name: content.get(name) for name in content}:
        raise DataError(f"{', '.join(kinds)}: a file has changed while it was read: run again")
    found = {kind: [_read(kind, each) for each in files] for kind, files in kinds.items()}
    tables: dict[str, list[pa.Table]] = {}
    for kind, files in found.items():
        tables.setdefault(table_of(kind), []).extend(each.rows for each in files)
    each_file = [one for files in found.values() for one in files]
    return {name: pa.concat_tables(parts).to_pandas() for name, parts in tables.items()} | {
        "quarantine": pd.concat([one.held for one in each_file], ignore_index=True),
        "notes": pd.DataFrame({"note": [note for kind in found for note in _notes(kind, found[kind])]}),
        "intake": intake_table([one.intake for one in each_file]),
    }


def _stream(file: RecordFile) -> RawStream:
    return RawStream(file.file, file.table)


def _read(kind: str, file: RecordFile) -> _Read:
    stream, table = _stream(file), table_of(kind)
    parts: dict[str, list[pa.RecordBatch]] = {table: [], QUARANTINE: []}
    for batch in read(stream, file.terms, file.format):
        if batch.table not in parts:
            raise DataError(f"{stream.name}: holds {batch.table}, not {kind}: name another file or format")
        parts[batch.table].append(batch.rows)
    rows = pa.Table.from_batches(parts[table], schema=SCHEMAS[table])
    held = pa.Table.from_batches(parts[QUARANTINE], schema=SCHEMAS[QUARANTINE]).to_pandas()
    held = held.rename(columns={"source_row": "row"}).assign(table=kind)[list(COLUMNS)]
    if kind in USUAL_SERIES:
        rows = _of_series(rows, kind, file, stream.name)
    if not rows.num_rows:
        raise DataError(f"{stream.name}: holds no sound row of {kind}: look at the file")
    _check(kind, file, held, rows.num_rows)
    days = pd.DatetimeIndex(rows["event_time"].to_pandas()).tz_localize(None)
    intake = {
        "table": kind,
        "file": stream.name,
        "rows": rows.num_rows + len(held),
        "quarantined": len(held),
        "first": days.min().normalize(),
        "last": days.max().normalize(),
        "missing": 0,
    }
    return _Read(rows, held, intake)


def _of_series(rows: pa.Table, kind: str, file: RecordFile, name: str) -> pa.Table:
    """Return the rows of the kind's series, under the kind's name."""
    series = file.series or USUAL_SERIES[kind]
    own = rows.filter(pc.equal(rows["series"], series))
    if not own.num_rows:
        there = ", ".join(sorted(pc.unique(rows["series"]).to_pylist())) or "none"
        raise DataError(f"{name}: no series {series} for data.alternative.{kind}: there are {there}")
    place = own.schema.get_field_index("series")
    return own.set_column(place, own.schema.field(place), pa.repeat(pa.scalar(kind, pa.string()), len(own)))


def _check(kind: str, file: RecordFile, held: pd.DataFrame, sound: int) -> None:
    if len(held) <= file.quarantine_limit * (sound + len(held)):
        return
    counts = Counter(str(reason).partition(":")[0] for reason in held["reason"]).most_common()
    counted = ", ".join(f"{count} {reason}" for reason, count in counts)
    first = held.iloc[0]
    raise DataError(
        f"{_stream(file).name}: {len(held)} of {sound + len(held)} rows of {kind} fail a check ({counted}), "
        f"more than quarantine_limit {file.quarantine_limit:g} allows; row {first['row']} is "
        f"{shown(str(first['text']))!r}: {remedy_for(counts[0][0])}, or raise the limit"
    )


def _notes(kind: str, files: Sequence[_Read]) -> list[str]:
    """Say of a series whether its dates of publication are assumed, and how much later vintages revise."""
    if kind not in USUAL_SERIES:
        return []
    notes = [
        f"{kind}: {each.intake['file']} does not record when it was published; each day is taken as known "
        "after the stated lag, as the file has it now (a pseudo-vintage, which may hold later revisions)"
        for each in files
        if each.rows[PSEUDO][0].as_py()
    ]
    sizes = revisions([each.rows for each in files])
    if kind in sizes.index:
        found = sizes.loc[[kind]].iloc[-1]
        notes.append(
            f"{kind}: of the {found['days']:,.0f} days that two vintages share the later one revises "
            f"{found['changed']:.0%}, by {found['mean']:.3g} on average and {found['largest']:.3g} at most "
            f"({found['relative']:.0%} of the series' daily move)"
        )
    return notes
