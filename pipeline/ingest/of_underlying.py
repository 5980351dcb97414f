"""Quotes of one underlying in a file that may hold those of others too."""

from collections.abc import Sequence
from typing import Final

import pandas as pd
import pyarrow as pa

from pipeline.ingest.market_tables import QUARANTINE, SCHEMAS

OTHER_UNDERLYING: Final = "another underlying than"
"""Begins the reason of a quote on something else; the desk's underlying follows."""


def quotes_and_held(
    rows: Sequence[pa.RecordBatch], faults: Sequence[pa.RecordBatch], underlying: str, file: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the quotes of an underlying, and how many rows of the file are held for which reason.

    Parameters
    ----------
    rows, faults : batches of `option_quotes`, and of the quarantine, of the file.

    Returns
    -------
    quotes : columns of the table `option_quotes`.
    held : `file`, `reason`, `count`, quotes of other underlyings among them.
    """
    quotes = pa.Table.from_batches(rows, schema=SCHEMAS["option_quotes"]).to_pandas()
    own = quotes["underlying"] == underlying
    reasons = pa.Table.from_batches(faults, schema=SCHEMAS[QUARANTINE])["reason"].to_pandas()
    others = pd.Series([f"{OTHER_UNDERLYING} {underlying}"] * int((~own).sum()), dtype="str")
    counts = pd.concat([reasons, others]).value_counts().sort_index()
    held = pd.DataFrame({"file": file, "reason": counts.index, "count": counts.to_numpy()})
    held = held.astype({"file": "str", "reason": "str", "count": "int64"})
    return quotes[own].reset_index(drop=True), held
