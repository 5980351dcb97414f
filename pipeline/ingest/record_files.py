"""Files of records beside the market: read, screened and counted, a kind at a time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.domain.alternative_settings import SERIES, URL, USUAL_SERIES, RecordFile, table_of
from pipeline.domain.errors import DataError, NoRowsError
from pipeline.ingest.folder_files import fits
from pipeline.ingest.formats.catalogue import read
from pipeline.ingest.held_share import reasons_of
from pipeline.ingest.market_tables import QUARANTINE, SCHEMAS, written
from pipeline.ingest.quarantine import COLUMNS, remedy_for, shown
from pipeline.ingest.raw_sql import sql_hash
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.record_repeats import COPIES, contradiction, repeats
from pipeline.ingest.sql_rows import is_sql
from pipeline.ingest.tables import Tables
from pipeline.ingest.timed_rows import intake_table
from pipeline.ingest.unchanged import Unchanged
from pipeline.ingest.vintage import revisions

Kinds = Mapping[str, Sequence[RecordFile]]
PSEUDO: Final = "pseudo_vintage"
FILLS: Final = "fills"
"""Of a kind whose file may hold nothing: there are days on which a desk does not trade."""


@dataclass(frozen=True)
class _Read:
    """A file: its rows as a table of its kind, those in quarantine, and its first and last day, if any."""

    kind: str
    file: RecordFile
    name: str
    rows: pa.Table
    held: pd.DataFrame
    first: pd.Timestamp
    last: pd.Timestamp

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Its rows with the file's name."""
        rows: pd.DataFrame = self.rows.to_pandas()
        return rows.assign(file=self.name)

    @property
    def intake(self) -> dict[str, Any]:
        return {
            "table": self.kind,
            "file": self.name,
            "rows": self.rows.num_rows + len(self.held),
            "quarantined": len(self.held),
            "first": self.first,
            "last": self.last,
            "missing": 0,
        }


Kept = dict[str, Unchanged[_Read]]
"""By kind what was read of files before."""


def records_content(kinds: Kinds) -> dict[str, str]:
    """Return the SHA-256 of each file (or table of a database) by its kind and place in the list.

    Raises
    ------
    DataError
        A file is missing or cannot be read, or stands twice in the list of its kind.
    """
    return {
        f"{kind}/{place}": digest
        for kind, files in expanded(kinds).items()
        for place, digest in enumerate(_digests(kind, files))
    }


def expanded(kinds: Kinds) -> dict[str, list[RecordFile]]:
    """Return the files by kind, those that a name with `*` or `?` stands for each for itself, by name.

    Raises
    ------
    DataError
        There is no such file.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for day in (2, 1):
    ...     (folder / f"fills-{day}.csv").touch()
    >>> found = expanded({"fills": [RecordFile(file=f"{folder}/fills-*.csv")]})
    >>> [pathlib.Path(each.file).name for each in found["fills"]]
    ['fills-1.csv', 'fills-2.csv']
    """
    return {kind: [one for each in files for one in _fitting(kind, each)] for kind, files in kinds.items()}


def _fitting(kind: str, file: RecordFile) -> list[RecordFile]:
    path = Path(file.file)
    if URL in file.file or not any(sign in path.name for sign in "*?"):
        return [file]
    there = sorted(each.name for each in path.parent.glob("*") if fits(each.name, path.name))
    if not there:
        raise DataError(f"{kind}: no file {path.name} in {path.parent}: look at the folder")
    return [file.model_copy(update={"file": str(path.parent / name)}) for name in there]


def _digests(kind: str, files: Sequence[RecordFile]) -> list[str]:
    """Return the SHA-256 of each file of a kind; one is there once, but for vintages of several days."""
    first: dict[tuple[object, ...], RecordFile] = {}
    found = []
    for each in files:
        digest = sql_hash(each.file, each.table) if is_sql(each.file) else _stream(each).digest()
        before = first.setdefault((digest, each.series, each.terms.day), each)
        if before is not each:
            one, other = _stream(before).name, _stream(each).name
            same = f"{one} is named twice" if one == other else f"{one} and {other} are the same"
            raise DataError(f"{kind}: {same}, and its rows would count twice: name it once")
        found.append(digest)
    return found


def load_records(kinds: Kinds, content: Mapping[str, str], kept: Kept | None = None) -> Tables:
    """Return the canonical tables of some kinds of records, and what to say of their files.

    Parameters
    ----------
    kinds : files by kind; kinds that are daily series come in one table, `alternative`, each under the
        kind's name in `series`.
    content : what `records_content` said of the files, which must not have changed since.
    kept : what was read before; files of this machine that have not changed since are not read again.

    Returns
    -------
    tables : by the names of `market_tables`; `quarantine` (`table, file, row, reason, text`), `notes` and
        `intake`, with the kind as the table's name.

    Raises
    ------
    DataError
        A file is missing, damaged, has changed, holds no sound row of its kind, or fails too many checks; of
        positions or limits, two that differ begin at one time; of fills, two of one id differ; of a series,
        two values of a day that became known at one time.
    """
    kinds = expanded(kinds)
    if kinds and content and records_content(kinds) != {name: content.get(name) for name in content}:
        raise DataError(f"{', '.join(kinds)}: a file has changed while it was read: run again")
    whole = {kind: _read_all(kind, files, kept) for kind, files in kinds.items()}
    for kind, files in whole.items():
        if fault := contradiction(kind, pd.concat([each.frame for each in files])):
            dated = "give each file's day of publication in its terms, or " if kind in USUAL_SERIES else ""
            raise DataError(f"{kind}: {fault}: {dated}let one of them be there")
    found = {kind: _without_repeats(files) for kind, files in whole.items()}
    tables: dict[str, list[pa.Table]] = {}
    for kind, files in found.items():
        tables.setdefault(table_of(kind), []).extend(each.rows for each in files)
    each_file = [one for files in found.values() for one in files]
    for one in each_file:
        _check(one)
    return {name: pa.concat_tables(parts).to_pandas() for name, parts in tables.items()} | {
        "quarantine": pd.concat([one.held for one in each_file], ignore_index=True),
        "notes": pd.DataFrame({"note": [note for kind in found for note in _notes(kind, found[kind])]}),
        "intake": intake_table([one.intake for one in each_file]),
    }


def _stream(file: RecordFile) -> RawStream:
    return RawStream(file.file, file.table)


def _read_all(kind: str, files: Sequence[RecordFile], kept: Kept | None) -> list[_Read]:
    if kept is None:
        return [_read(kind, each) for each in files]
    read = {(each.file, each.model_dump_json()): partial(_read, kind, each) for each in files}
    return kept.setdefault(kind, Unchanged()).read(read)


def _read(kind: str, file: RecordFile) -> _Read:
    stream, table = _stream(file), table_of(kind)
    parts: dict[str, list[pa.RecordBatch]] = {table: [], QUARANTINE: []}
    try:
        for batch in read(stream, file.terms, file.format):
            if batch.table not in parts:
                raise DataError(
                    f"{stream.name}: holds {batch.table}, not {kind}: name another file or format"
                )
            parts[batch.table].append(batch.rows)
    except NoRowsError:
        if kind != FILLS:
            raise
    rows = pa.Table.from_batches(parts[table], schema=SCHEMAS[table])
    held = pa.Table.from_batches(parts[QUARANTINE], schema=SCHEMAS[QUARANTINE]).to_pandas()
    held = held.rename(columns={"source_row": "row"}).assign(table=kind)[list(COLUMNS)]
    if not rows.num_rows and (kind != FILLS or len(held)):
        why = reasons_of(held.assign(count=1)) or "look at the file"
        raise DataError(f"{stream.name}: holds no sound row of {kind}: {why}")
    if kind in USUAL_SERIES:
        rows = _of_series(rows, kind, file, stream.name)
    days = pd.DatetimeIndex(rows["event_time"].to_pandas()).tz_localize(None).normalize()
    return _Read(kind, file, stream.name, rows, held, days.min(), days.max())


def _without_repeats(files: Sequence[_Read]) -> list[_Read]:
    """Return the files of a kind with the records that have been held; a series is read as known last."""
    if table_of(files[0].kind) == SERIES:
        return list(files)
    found = []
    for one, reasons in zip(files, repeats(files[0].kind, [each.frame for each in files]), strict=True):
        again = np.flatnonzero(reasons != "")
        if not len(again):
            found.append(one)
            continue
        texts = one.rows.take(pa.array(again)).to_pylist()
        held = pd.DataFrame(
            {
                "table": one.kind,
                "file": one.name,
                "row": [text["source_row"] for text in texts],
                "reason": reasons[again],
                "text": [written(text) for text in texts],
            }
        ).astype(one.held.dtypes.to_dict())
        rows = one.rows.filter(pa.array(reasons == ""))
        found.append(replace(one, rows=rows, held=pd.concat([one.held, held], ignore_index=True)))
    return found


def _of_series(rows: pa.Table, kind: str, file: RecordFile, name: str) -> pa.Table:
    """Return the rows of the kind's series, under the kind's name."""
    series = file.series or USUAL_SERIES[kind]
    own = rows.filter(pc.equal(rows["series"], series))
    if not own.num_rows:
        there = ", ".join(sorted(pc.unique(rows["series"]).to_pylist())) or "none"
        raise DataError(f"{name}: no series {series} for data.alternative.{kind}: there are {there}")
    place = own.schema.get_field_index("series")
    return own.set_column(place, own.schema.field(place), pa.repeat(pa.scalar(kind, pa.string()), len(own)))


def _check(read: _Read) -> None:
    """Raise where too many rows of a file fail a check; copies are no faults."""
    held = read.held[~read.held["reason"].isin(COPIES)]
    count, limit = read.rows.num_rows + len(held), read.file.quarantine_limit
    if len(held) <= limit * count:
        return
    counts = Counter(str(reason).partition(":")[0] for reason in held["reason"]).most_common()
    counted = ", ".join(f"{number} {reason}" for reason, number in counts)
    first = held.iloc[0]
    raise DataError(
        f"{read.name}: {len(held)} of {count} rows of {read.kind} fail a check ({counted}), more than "
        f"quarantine_limit {limit:g} allows; row {first['row']} is {shown(str(first['text']))!r}: "
        f"{remedy_for(counts[0][0])}, or raise the limit"
    )


def _notes(kind: str, files: Sequence[_Read]) -> list[str]:
    """Say of a series whether its dates of publication are assumed and how much later vintages revise it.

    Of limits in which units they are told, for those in money are taken as money of the market's prices. Of
    fills whether most fees are rebates, as where an export tells what was paid with a minus.
    """
    if kind == FILLS:
        fees = pd.concat([each.rows["fee"].to_pandas() for each in files])
        rebates, told = int((fees < 0.0).sum()), int((fees != 0.0).sum())
        rebated = (
            f"fills: {rebates:,} of {told:,} fees are below zero and taken as rebates: where they were paid, "
            "turn their sign"
        )
        none = [f"fills: {each.name} holds none: it is taken that nothing was traded" for each in files
                if not each.rows.num_rows and each.held.empty]  # fmt: skip
        return [*none, *[rebated] * (2 * rebates > told)]
    if kind == "limits":
        units = sorted({unit for each in files for unit in each.rows["unit"].to_pylist()})
        contracts = "; a contract is data.own.multiplier units, 1 where that is not set"
        return [
            f"limits: in {', '.join(units)}; one in money is taken to be in the currency of the market's "
            "prices, unless data.own.currency or the end of data.own.instrument (BTCUSDT) tells another"
            f"{contracts if any('contract' in unit.lower() for unit in units) else ''}"
        ]
    if kind not in USUAL_SERIES:
        return []
    notes = [
        f"{kind}: {each.name} does not record when it was published; each day is taken as known "
        "after the stated lag, as the file has it now (a pseudo-vintage, which may hold later revisions)"
        for each in files
        if each.rows[PSEUDO][0].as_py()
    ]
    sizes = revisions([each.rows for each in files])
    if kind in sizes.index:
        found = sizes.loc[[kind]].iloc[-1]
        moves = np.isfinite(found["relative"])
        relative = f" ({found['relative']:.0%} of the series' daily move)" if moves else ""
        notes.append(
            f"{kind}: of the {found['days']:,.0f} days that two vintages share the later one revises "
            f"{found['changed']:.0%}, by {found['mean']:.3g} on average and {found['largest']:.3g} at "
            f"most{relative}"
        )
    return notes
