"""Files of option chains and the long history of their underlying, read together."""

import logging
from collections.abc import Mapping
from fnmatch import fnmatch
from typing import Final

import pandas as pd
import pyarrow as pa

from pipeline.domain.chain_desk import ChainFiles
from pipeline.domain.errors import DataError
from pipeline.domain.stream_terms import Terms
from pipeline.ingest import sources
from pipeline.ingest.formats.catalogue import read
from pipeline.ingest.market_tables import QUARANTINE
from pipeline.ingest.raw_stream import RawStream

TABLE: Final = "option_quotes"
DAYS: Final = "days"
HELD: Final = "held"
log = logging.getLogger(__name__)


def content_of(data: ChainFiles) -> dict[str, object]:
    """Return the SHA-256 of every chain by its name, and what is known of the history's files.

    Raises
    ------
    DataError
        The folder does not exist, no file fits, or a file cannot be read.
    """
    folder = data.place
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder: give the chains of {data.underlying} with --data FOLDER")
    there = sorted(path.name for path in folder.iterdir() if path.is_file())
    names = [name for name in there if any(fnmatch(name, pattern) for pattern in data.files)]
    if not names:
        raise DataError(
            f"{folder}: no file {' or '.join(data.files)} as data.files names it: look at the folder"
        )
    chains = {name: RawStream(str(folder / name)).digest() for name in names}
    return {"chains": chains, "history": sources.content_of(data.located_history())}


def load_chains(
    data: ChainFiles, content: Mapping[str, Mapping[str, str]]
) -> dict[str, pd.DataFrame | bytes]:
    """Read every chain, and the history.

    Returns
    -------
    Tables `option_quotes`; `days` (one row a day and file: quotes); `held` (one row a file and reason: rows
    in quarantine); of the history those of `sources.load_tables`; and `notes` of both.

    Raises
    ------
    DataError
        A file is damaged or of no known format, or no file holds a quote of the underlying.
    """
    quotes, held, days = [], [], []
    for name in sorted(content["chains"]):
        found = list(read(RawStream(str(data.place / name)), Terms()))
        rows = [each.rows for each in found if each.table == TABLE]
        faults = [each.rows for each in found if each.table == QUARANTINE]
        table = pa.Table.from_batches(rows).to_pandas() if rows else pd.DataFrame()
        if len(table):
            quotes.append(table[table["underlying"] == data.underlying])
            counts = table.groupby(table["event_time"].dt.normalize().dt.tz_localize(None)).size()
            days.append(pd.DataFrame({"day": counts.index, "file": name, "quotes": counts.to_numpy()}))
        if faults:
            reasons = pa.Table.from_batches(faults).to_pandas().groupby("reason").size()
            held.append(pd.DataFrame({"file": name, "reason": reasons.index, "count": reasons.to_numpy()}))
    whole = pd.concat(quotes, ignore_index=True) if quotes else pd.DataFrame()
    if whole.empty:
        raise DataError(f"{data.place}: no quote of {data.underlying} in {len(content['chains'])} files")
    history = sources.load_tables(data.located_history(), content["history"])
    put = pd.concat(held, ignore_index=True) if held else pd.DataFrame(columns=["file", "reason", "count"])
    index = pd.concat(days, ignore_index=True)
    notes = _notes(data, index, put)
    return {**history, TABLE: whole, DAYS: index, HELD: put, sources.NOTES: _with(history, notes)}


def _notes(data: ChainFiles, days: pd.DataFrame, held: pd.DataFrame) -> list[str]:
    first, last = (f"{day:%Y-%m-%d}" for day in (days["day"].min(), days["day"].max()))
    notes = [f"{data.underlying}: {days['quotes'].sum():,} quotes on {len(days)} days from {first} to {last}"]
    if len(held):
        faults = held.groupby("reason")["count"].sum().items()
        named = ", ".join(f"{count:,} {reason}" for reason, count in faults)
        notes.append(f"{data.underlying}: {held['count'].sum():,} rows in quarantine: {named}")
    return notes


def _with(history: Mapping[str, pd.DataFrame | bytes], notes: list[str]) -> pd.DataFrame:
    own = history.get(sources.NOTES)
    said = list(own["note"]) if isinstance(own, pd.DataFrame) else []
    return pd.DataFrame({"note": [*notes, *said]})
