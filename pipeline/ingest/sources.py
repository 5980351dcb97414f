"""Where market data comes from: one module a source, one branch here."""

from collections.abc import Mapping
from typing import Final

import pandas as pd

from pipeline.domain.data_settings import FilesData, SampleData
from pipeline.ingest import files, sample
from pipeline.ingest.record_files import load_records, records_content
from pipeline.ingest.tables import SCHEMAS, Tables, checked

NOTES: Final = "notes"
"""Table of what the user should know about the data, one sentence a row in the column `note`."""


def content_of(data: SampleData | FilesData) -> dict[str, str]:
    """Return a hash of the content of each file of a source, part of the identity of what is made of it.

    Raises
    ------
    DataError
        A file is missing or cannot be read.

    Examples
    --------
    >>> content_of(SampleData())
    {}
    """
    market = files.content_of(data) if isinstance(data, FilesData) else {}
    return market | records_content(data.records)


def load_tables(data: SampleData | FilesData, content: Mapping[str, str] | None = None) -> Tables:
    """Return the tables of the desk's data source, the canonical ones checked against their schemas.

    Parameters
    ----------
    data : the desk's settings.
    content : what `content_of` said of the files, which must not have changed since; None compares nothing.

    Returns
    -------
    tables : `bars` and `implied_vol`, see `pipeline.ingest.tables`; from files also `quarantine`, `notes` and
        `intake`, see `pipeline.ingest.files.load`; those of alternative and own data, see `record_files`.

    Raises
    ------
    DataError
        A table breaks its schema or lacks a session, or a file is not what the settings say.

    Examples
    --------
    >>> sorted(load_tables(SampleData()))
    ['bars', 'implied_vol']
    """
    tables = files.load(data, content or {}) if isinstance(data, FilesData) else sample.load()
    if given := data.records:
        for name, table in load_records(given, _of_records(content or {})).items():
            tables[name] = pd.concat([tables[name], table], ignore_index=True) if name in tables else table
    return {name: checked(name, table) if name in SCHEMAS else table for name, table in tables.items()}


def _of_records(content: Mapping[str, str]) -> dict[str, str]:
    return {name: digest for name, digest in content.items() if "/" in name}
