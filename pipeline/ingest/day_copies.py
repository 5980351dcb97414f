"""Days that begin as another day does, row for row: a file that was stored again under another date."""

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.ingest.equal_rows import hashed
from pipeline.ingest.same_stretch import AGREE

FIRST: Final = 100
"""Rows with which a day begins that are compared."""
CHANGES: Final = 20
"""Of them those that differ from the row before, below which a quiet market may repeat itself."""


def beginning(table: str, rows: Sequence[pa.RecordBatch], zone: str) -> str:
    """Return a hash of the rows with which a day begins, with their times of the day by the clock of a zone.

    It is "" where there are fewer than `FIRST`, where fewer than `CHANGES` of them differ from the row
    before, and of tables that tell no market.
    """
    if table not in AGREE or sum(len(each) for each in rows) < FIRST:
        return ""
    first = pa.Table.from_batches(rows).slice(0, FIRST).to_pandas()
    values = hashed(first, [name for name in AGREE[table] if name != "event_time"])
    if np.count_nonzero(np.diff(values)) < CHANGES:
        return ""
    local = first["event_time"].dt.tz_convert(zone)
    since = (local - local.dt.normalize()).to_numpy().astype("timedelta64[ns]").astype(np.int64)
    return hashlib.sha256(values.tobytes() + since.tobytes()).hexdigest()


def copied_days(days: pd.DataFrame) -> list[str]:
    """Return what to say of days that begin as an earlier one does.

    Parameters
    ----------
    days : one row a day, table and file: `day`, `table`, `file` and `begins`, see `beginning`.
    """
    told = days[days["begins"] != ""].sort_values(["day", "file"])
    first = told.groupby(["table", "begins"])[["day", "file"]].transform("first")
    found = told.assign(first=first["day"], as_file=first["file"])[lambda rows: rows["day"] != rows["first"]]
    return [
        f"{rows['file'].iloc[0]}: {rows['day'].iloc[0]} begins as {rows['first'].iloc[0]} does in "
        f"{rows['as_file'].iloc[0]}, {FIRST} rows of {table} alike to the nanosecond of the day: is it a "
        f"copy under another date?{f' {len(rows) - 1} more begin as another day' if len(rows) > 1 else ''}"
        for table, rows in found.groupby("table")
    ]
