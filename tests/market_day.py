"""A day of a market out of tables that are in memory."""

import numpy as np
import pandas as pd

from pipeline.ingest.day_tables import DayTables
from pipeline.ingest.pieces import InMemory

DAY = "2020-03-02"


def day_tables(**tables):
    """The tables of a day, read as those of a store are."""
    shelf = InMemory()
    key = shelf("market", lambda: {f"{name}/{DAY}": rows for name, rows in tables.items()}).key
    index = pd.DataFrame({"day": DAY, "table": list(tables), "key": key, "file": "f"})
    return DayTables(index.assign(again=[np.empty(0, dtype=np.int64)] * len(index)), DAY, shelf)
