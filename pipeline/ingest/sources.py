"""Where market data comes from: one module a source, one branch here."""

from collections.abc import Mapping
from typing import Final

from pipeline.domain.data_settings import FilesData, SampleData
from pipeline.ingest import files, sample
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
    return files.content_of(data) if isinstance(data, FilesData) else {}


def load_tables(data: SampleData | FilesData, content: Mapping[str, str] | None = None) -> Tables:
    """Return the tables of the desk's data source, the canonical ones checked against their schemas.

    Parameters
    ----------
    data : the desk's settings.
    content : what `content_of` said of the files, which must not have changed since; None compares nothing.

    Returns
    -------
    tables : `bars` and `implied_vol`, see `pipeline.ingest.tables`; from files also `quarantine` and `notes`,
        see `pipeline.ingest.files.load`.

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
    return {name: checked(name, table) if name in SCHEMAS else table for name, table in tables.items()}
