"""Where market data comes from: one module a source, one line here."""

from collections.abc import Callable, Mapping
from typing import Final

from pipeline.domain.desk import DataSettings
from pipeline.ingest import sample
from pipeline.ingest.tables import Tables, checked

SOURCES: Final[Mapping[str, Callable[[DataSettings], Tables]]] = {"sample": sample.load}
"""Loaders by the name that a desk file gives as `data.source`."""


def load_tables(data: DataSettings) -> Tables:
    """Return the canonical tables of the desk's data source, each checked against its schema.

    Returns
    -------
    tables : `bars` and `implied_vol`, see `pipeline.ingest.tables`.

    Raises
    ------
    DataError
        A table breaks its schema or lacks a session.

    Examples
    --------
    >>> sorted(load_tables(DataSettings(source="sample")))
    ['bars', 'implied_vol']
    """
    tables = SOURCES[data.source](data)
    return {name: checked(name, table) for name, table in tables.items()}
