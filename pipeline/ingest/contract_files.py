"""The quotes of one listed option, and the long history of its share with the dividends in cash."""

import logging
from collections.abc import Mapping
from typing import Final

import pandas as pd

from pipeline.domain.contract_desk import ContractFiles
from pipeline.domain.errors import DataError
from pipeline.domain.stream_terms import Terms
from pipeline.ingest import sources
from pipeline.ingest.cash_dividends import cash_dividends
from pipeline.ingest.factors import read_factors
from pipeline.ingest.folder_files import file_in, files_below
from pipeline.ingest.formats.catalogue import read
from pipeline.ingest.held_share import check_held, reasons_of
from pipeline.ingest.market_tables import QUARANTINE
from pipeline.ingest.of_underlying import quotes_and_held
from pipeline.ingest.raw_stream import RawStream

QUOTES: Final = "option_quotes"
DIVIDENDS: Final = "dividends"
CLOSES: Final = "closes"
HELD: Final = "held"
CONTRACT: Final = ["underlying", "root", "expiry", "exercise", "right", "strike"]
log = logging.getLogger(__name__)


def content_of(data: ContractFiles) -> dict[str, object]:
    """Return the SHA-256 of the file of quotes, and what is known of the history's files.

    Raises
    ------
    DataError
        The folder or a file does not exist or cannot be read.
    """
    folder = data.url
    there = files_below(folder)
    if there is None:
        raise DataError(f"{folder}: no such folder: give the {data.label} with --data FOLDER")
    if data.file not in there:
        raise DataError(f"{folder}: no file {data.file} as data.file names it: look at the folder")
    digest = RawStream(file_in(folder, data.file)).digest()
    return {"quotes": {data.file: digest}, "history": sources.content_of(data.located_history())}


def load_contract(
    data: ContractFiles, content: Mapping[str, Mapping[str, str]]
) -> dict[str, pd.DataFrame | bytes]:
    """Read the quotes of one contract, the history of its share and the dividends.

    Returns
    -------
    Tables `option_quotes`; `held` (rows in quarantine: `file`, `reason`, `count`); `dividends`, see
    `cash_dividends`; `closes` (`session`, `close` as quoted); of the history those of `sources.load_tables`,
    whose bars are adjusted; and `notes`.

    Raises
    ------
    DataError
        A file is damaged or of no known format, holds no quote of the share, or holds several contracts.
    """
    source = RawStream(file_in(data.url, data.file), data.member)
    found = list(read(source, Terms()))
    quotes, held = quotes_and_held(
        [each.rows for each in found if each.table == QUOTES],
        [each.rows for each in found if each.table == QUARANTINE],
        data.underlying,
        data.file,
    )
    if quotes.empty:
        why = reasons_of(held) or "see data.underlying"
        raise DataError(f"{data.file}: no quote of {data.underlying}: {why}")
    check_held(data.file, len(quotes), held, data.quarantine_limit)
    contracts = quotes[CONTRACT].drop_duplicates()
    if len(contracts) > 1:
        raise DataError(
            f"{data.file}: holds {len(contracts)} contracts, and one is hedged: name its file as data.member"
        )
    located = data.located_history()
    history = sources.load_tables(located, content["history"])
    bars, adjusted = history["bars"], history["adjustment"].set_index("session")["factor"]
    quoted = bars["close"].to_numpy() / adjusted.loc[bars["session"]].to_numpy()
    assert located.factors is not None
    factors = read_factors(
        located.factors, located.bars.file, content["history"].get("factors"), located.calendar
    )
    days = bars["session"].to_numpy().astype("datetime64[D]")
    dividends = cash_dividends(factors, days, quoted)
    said = list(history[sources.NOTES]["note"]) if sources.NOTES in history else []
    notes = pd.DataFrame({"note": [*_notes(data, quotes, held), *said]})
    closes = pd.DataFrame({"session": bars["session"], "close": quoted})
    own = {CLOSES: closes, QUOTES: quotes, HELD: held, DIVIDENDS: dividends, sources.NOTES: notes}
    return {**history, **own}


def _notes(data: ContractFiles, quotes: pd.DataFrame, held: pd.DataFrame) -> list[str]:
    first, last = (f"{day:%Y-%m-%d}" for day in (quotes["event_time"].min(), quotes["event_time"].max()))
    notes = [f"{data.file}: {len(quotes):,} days of quotes from {first} to {last}"]
    if len(held):
        named = ", ".join(f"{row['count']} {row['reason']}" for row in held.to_dict("records"))
        notes.append(f"{data.file}: {held['count'].sum()} rows in quarantine: {named}")
    return notes
