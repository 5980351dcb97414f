"""The source `files`: a user's bars and volatility indices, screened row by row into canonical tables."""

from collections.abc import Mapping

import pandas as pd

from pipeline.domain.data_settings import FilesData
from pipeline.ingest import bars_file
from pipeline.ingest.raw_table import content_hash
from pipeline.ingest.realized_file import realized
from pipeline.ingest.tables import Tables
from pipeline.ingest.timed_rows import intake_table
from pipeline.ingest.vol_files import implied_vol, vol_index, wide


def content_of(data: FilesData) -> dict[str, str]:
    """Return the SHA-256 of each file, so that a dataset is known by what its files held.

    Raises
    ------
    DataError
        A file is missing or cannot be read.
    """
    files = {"bars": data.bars, "implied_vol": data.implied_vol, **data.vol_indices.given}
    files |= {} if data.realized is None else {"realized": data.realized}
    files |= {} if data.factors is None else {"factors": data.factors}
    return {name: content_hash(each.file) for name, each in files.items()}


def load(data: FilesData, content: Mapping[str, str]) -> Tables:
    """Return `bars`, `implied_vol`, of `vol_indices` and `realized` what the desk gives, and what to say.

    Parameters
    ----------
    data : which files, and how to read them.
    content : SHA-256 that a file must have, by table or index; a file that is not named is not compared.

    Returns
    -------
    tables : the canonical tables; with `data.factors` also `adjustment` (`session, factor`), what quoted
        prices were multiplied with; `quarantine` (`table, file, row, reason, text`), one row for each row of
        the files that failed a check; `notes` (`note`), what the user should know, one sentence a row;
        `intake` (see `timed_rows.INTAKE`), one row a file.

    Raises
    ------
    DataError
        A file is missing, empty or damaged, lacks a column, fails too many checks, or lacks many sessions.
    """
    bars, *factors = bars_file.bars(data, content)
    sessions = bars.table["session"].to_numpy().astype("datetime64[D]")
    vol = implied_vol(data, content.get("implied_vol"), sessions)
    indices = {name: vol_index(data, name, content.get(name), sessions) for name in data.vol_indices.given}
    measures = (
        () if data.realized is None else (realized(data, data.realized, content.get("realized"), sessions),)
    )
    screened = (bars, *factors, vol, *indices.values(), *measures)
    tables = {"bars": bars.table, "implied_vol": vol.table}
    if indices:
        tables["vol_indices"] = wide([each.table for each in indices.values()])
    for each in measures:
        tables["realized"] = each.table
    for each in factors:
        tables["adjustment"] = each.table
    notes = [note for each in screened for note in each.notes]
    return tables | {
        "quarantine": pd.concat([each.quarantine for each in screened], ignore_index=True),
        "notes": pd.DataFrame({"note": notes}, dtype="str"),
        "intake": intake_table([each.intake for each in screened]),
    }
