"""A canonical table as it comes from the store, as the batch of rows that features read."""

from typing import Final

import pandas as pd
import pyarrow as pa

from pipeline.features.book_at import nanoseconds
from pipeline.ingest.market_tables import INSTANT

STAMPS: Final = ("event_time", "known_time")


def record_batch(table: pd.DataFrame) -> pa.RecordBatch:
    """Return the rows of a table, its instants in nanoseconds UTC.

    Examples
    --------
    >>> day = pd.DatetimeIndex(["2020-01-02"], tz="UTC").as_unit("us")
    >>> record_batch(pd.DataFrame({"known_time": day, "text": ["up"]})).schema.field("known_time").type
    TimestampType(timestamp[ns, tz=UTC])
    """
    columns = {
        name: pa.array(nanoseconds(table[name])).cast(INSTANT)
        if name in STAMPS
        else pa.array(table[name].to_numpy())
        for name in table
    }
    return pa.RecordBatch.from_pydict(columns)
