"""Files of option chains and the long history of their underlying, read together."""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

import pandas as pd

from pipeline.domain.chain_desk import ChainFiles
from pipeline.domain.errors import DataError
from pipeline.domain.stream_terms import Terms
from pipeline.ingest import sources
from pipeline.ingest.code_version import code_version
from pipeline.ingest.content import Known
from pipeline.ingest.dataset import Output
from pipeline.ingest.day_repeats import REPEATED, repeats
from pipeline.ingest.day_tables import DayTables
from pipeline.ingest.folder_files import digests, file_in, files_below, fits
from pipeline.ingest.formats.catalogue import format_of, read
from pipeline.ingest.held_share import check_held, reasons_of
from pipeline.ingest.market_tables import QUARANTINE
from pipeline.ingest.of_underlying import quotes_and_held
from pipeline.ingest.pieces import InMemory, KeptPieces, Shelf
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.stale_chains import STALE, stale_days

TABLE: Final = "option_quotes"
DAYS: Final = "days"
HELD: Final = "held"
log = logging.getLogger(__name__)


def content_of(data: ChainFiles) -> dict[str, object]:
    """Return the SHA-256 of every chain by its name, and what is known of the history's files.

    Raises
    ------
    DataError
        The folder does not exist, no file fits, two files are the same, or one cannot be read.
    """
    folder = data.url
    there = files_below(folder)
    if there is None:
        raise DataError(f"{folder}: no such folder: give the chains of {data.underlying} with --data FOLDER")
    names = [name for name in there if any(fits(name, pattern) for pattern in data.files)]
    if not names:
        raise DataError(
            f"{folder}: no file {' or '.join(data.files)} as data.files names it: look at the folder"
        )
    return {"chains": digests(folder, names), "history": sources.content_of(data.located_history())}


def load_chains(
    data: ChainFiles, content: Mapping[str, Mapping[str, str]], pieces: KeptPieces | None = None
) -> dict[str, pd.DataFrame | bytes]:
    """Read the chains that are not known yet, and the history.

    Parameters
    ----------
    data : which files.
    content : what `content_of` said of them.
    pieces : keeps the quotes by day.

    Returns
    -------
    Tables `days` (one row a day and file: `quotes` of the underlying, the `key` of the piece that holds them,
    in its table `option_quotes/<day>`, and which of them come `again`); `held` (one row a file and reason:
    rows in quarantine); of the history those of `sources.load_tables`; and `notes` of both.

    Raises
    ------
    DataError
        A file is damaged or of no known format, or no file holds a quote of the underlying.
    """
    pieces = pieces or InMemory()
    units = {
        name: {"file": Known(file_in(data.url, name), digest), "label": name}
        for name, digest in sorted(content["chains"].items())
    }
    readers = {format_of(RawStream(file_in(data.url, name))).read for name in units}
    shared = {"underlying": data.underlying, "readers": sorted(code_version(reader) for reader in readers)}
    made = pieces.partitions("chain_file", chain_file, data.underlying, units, **shared)
    index = pd.concat([piece[DAYS].assign(key=piece.key) for piece in made], ignore_index=True)
    if index.empty:
        why = reasons_of(pd.concat([piece[HELD] for piece in made])) or "look at the files"
        raise DataError(f"{data.url}: no quote of {data.underlying} in {len(content['chains'])} files: {why}")
    history = sources.load_tables(data.located_history(), content["history"])
    index, again = _without_repeats(index, pieces.shelf)
    index, stale = _without_stale(index, pieces.shelf)
    held = pd.concat([*(piece[HELD] for piece in made), again, stale], ignore_index=True)
    check_held(data.url, int(index["quotes"].sum()), held, data.quarantine_limit)
    notes = _notes(data, index, held)
    return {**history, DAYS: index, HELD: held, sources.NOTES: _with(history, notes)}


def chain_file(file: str, label: str, underlying: str, readers: Sequence[str]) -> Output:
    """Read one file of chains into quotes by day.

    Parameters
    ----------
    file : its path.
    label : its name in the tables.
    underlying : quotes of others are held.
    readers : code of the formats, which the piece is known by.

    Returns
    -------
    Tables `option_quotes/<day>`, `days` (`day`, `file`, `quotes`, `price`, the median of the underlying's)
    and `held` (`file`, `reason`, `count`).
    """
    found = list(read(RawStream(file), Terms()))
    quotes, held = quotes_and_held(
        [each.rows for each in found if each.table == TABLE],
        [each.rows for each in found if each.table == QUARANTINE],
        underlying,
        label,
    )
    days = quotes["event_time"].dt.strftime("%Y-%m-%d")
    parts = {str(day): rows.reset_index(drop=True) for day, rows in quotes.groupby(days)}
    index = {
        "day": list(parts),
        "file": label,
        "quotes": [len(each) for each in parts.values()],
        "price": [float(each["underlying_price"].median()) for each in parts.values()],
    }
    return {
        **{f"{TABLE}/{day}": quotes for day, quotes in parts.items()},
        DAYS: pd.DataFrame(index).astype(
            {"day": "datetime64[us]", "file": "str", "quotes": "int64", "price": "float64"}
        ),
        HELD: held,
    }


def _without_repeats(days: pd.DataFrame, shelf: Shelf) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the index without the quotes that another file of their day holds, and these as held."""
    named = days.assign(stored=TABLE, table=TABLE, day=days["day"].dt.strftime("%Y-%m-%d"))
    again = repeats(named, shelf)
    held = days[["file"]].assign(reason=REPEATED, count=[found.count for found in again])
    runs = pd.Series([found.runs for found in again], index=days.index)
    kept = days.assign(quotes=days["quotes"] - held["count"], again=runs)
    return kept, held[held["count"] > 0]


def _without_stale(days: pd.DataFrame, shelf: Shelf) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the index without the days that are copies of the day before, and these as held."""
    named = days.assign(table=TABLE, day=days["day"].dt.strftime("%Y-%m-%d"))
    price = named.groupby("day")["price"].first()
    stale = stale_days(list(price.index), price.tolist(), lambda day: DayTables(named, day, shelf)[TABLE])
    copies = named["day"].isin(stale)
    held = days[copies].assign(reason=STALE, count=lambda rows: rows["quotes"])[["file", "reason", "count"]]
    return days[~copies].drop(columns="price").reset_index(drop=True), held


def _notes(data: ChainFiles, days: pd.DataFrame, held: pd.DataFrame) -> list[str]:
    first, last = (f"{day:%Y-%m-%d}" for day in (days["day"].min(), days["day"].max()))
    span = f"{days['day'].nunique()} days from {first} to {last}"
    notes = [f"{data.underlying}: {days['quotes'].sum():,} quotes on {span}"]
    if len(held):
        faults = held.groupby("reason")["count"].sum().items()
        named = ", ".join(f"{count:,} {reason}" for reason, count in faults)
        notes.append(f"{data.underlying}: {held['count'].sum():,} rows in quarantine: {named}")
    return notes


def _with(history: Mapping[str, pd.DataFrame | bytes], notes: list[str]) -> pd.DataFrame:
    own = history.get(sources.NOTES)
    said = list(own["note"]) if isinstance(own, pd.DataFrame) else []
    return pd.DataFrame({"note": [*notes, *said]})
