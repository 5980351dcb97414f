"""Rows in quarantine, counted by their reason as they come."""

from collections.abc import Iterable
from itertools import islice
from typing import Final

import pandas as pd
import pyarrow as pa

HELD_COLUMNS: Final = ["file", "table", "reason", "count", "examples"]
SHOWN: Final = 5
"""Examples of each fault that are shown."""


class HeldRows:
    """What is held of a file: how many rows of each table and reason, and the first of them.

    Parameters
    ----------
    file : its name.

    Examples
    --------
    >>> from pipeline.ingest.market_tables import held
    >>> found = HeldRows("a.csv")
    >>> found.add(held("trades", "a.csv", [(7, "no price", ""), (9, "no price", "")]).rows)
    >>> found.counted().to_numpy().tolist()
    [['a.csv', 'trades', 'no price', 2, 'row 7; row 9']]
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self._counts: dict[tuple[str, str], int] = {}
        self._first: dict[tuple[str, str], list[int]] = {}

    def add(self, rows: pa.RecordBatch) -> None:
        """Count further rows of the quarantine."""
        held = rows.select(["table", "reason", "source_row"]).to_pandas()
        for (table, reason), lines in held.groupby(["table", "reason"], sort=False)["source_row"]:
            fault = (str(table), str(reason))
            first = self._first.setdefault(fault, [])
            first += lines.iloc[: SHOWN - len(first)].tolist()
            self._counts[fault] = self._counts.get(fault, 0) + len(lines)

    def counted(self) -> pd.DataFrame:
        """Return one row a table and reason: `file`, `table`, `reason`, `count` and `examples`."""
        found = [
            (self.file, *fault, self._counts[fault], shown(self._first[fault]))
            for fault in sorted(self._counts)
        ]
        return pd.DataFrame(found, columns=HELD_COLUMNS).astype({"count": "int64"})


def shown(lines: Iterable[int]) -> str:
    """Return the first of the lines as text."""
    return "; ".join(f"row {line}" for line in islice(lines, SHOWN))
