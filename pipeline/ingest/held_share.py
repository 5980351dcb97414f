"""How many rows of files as they are shipped fail a check, and whether that is too many."""

import numpy as np
import pandas as pd

from pipeline.domain.errors import DataError
from pipeline.ingest.day_repeats import REPEATED
from pipeline.ingest.end_of_day import STALE_COPY
from pipeline.ingest.of_underlying import OTHER_UNDERLYING
from pipeline.ingest.stale_chains import STALE

NO_FAULTS = (REPEATED, STALE_COPY, STALE, OTHER_UNDERLYING)
"""Beginnings of the reasons of rows that are no faults: copies of others, or not of the desk's underlying."""
BACK = ("clock goes back", "clock went back", "the venue's clock went back")
"""Reasons of rows that are earlier than those before them."""
NAMED = 3
"""Reasons that a message names."""


def reasons_of(held: pd.DataFrame) -> str:
    """Return the most frequent reasons of held rows (`reason`, `count`) with their counts.

    Examples
    --------
    >>> reasons_of(pd.DataFrame({"reason": ["crossed", "locked", "crossed"], "count": [2000, 5, 1]}))
    '2,001 crossed, 5 locked'
    """
    counts = held.groupby("reason")["count"].sum().sort_values(ascending=False, kind="stable")
    said = ", ".join(f"{count:,} {reason}" for reason, count in counts.head(NAMED).items())
    return said + (", and others" if len(counts) > NAMED else "")


def check_held(place: str, kept: int, held: pd.DataFrame, limit: float) -> None:
    """Raise where the share of rows that fail a check, less `NO_FAULTS`, passes `data.quarantine_limit`.

    Parameters
    ----------
    place : the files' folder, as messages name it.
    kept : rows that pass.
    held : `file`, `reason` and `count` of those that do not.

    Raises
    ------
    DataError
        With the most frequent reasons.
    """
    faults = held[np.array([not str(reason).startswith(NO_FAULTS) for reason in held["reason"]], dtype=bool)]
    count = int(faults["count"].sum())
    if count > limit * (kept + count):
        raise DataError(
            f"{place}: {count:,} of {kept + count:,} rows fail a check ({reasons_of(faults)}), more than "
            f"data.quarantine_limit {limit:g} allows: {_advice(faults)}, or raise the limit"
        )


def _advice(faults: pd.DataFrame) -> str:
    """Return what to do about rows that are held, by their most frequent reason."""
    counts = faults.groupby("reason")["count"].sum()
    if counts.idxmax() not in BACK:
        return "mend or leave out what they name"
    back = faults[faults["reason"].isin(BACK)]
    file = back.groupby("file")["count"].sum().idxmax()
    return (
        f"rows of {file} are not in the order of time, as where its parts were put together the other way "
        "round: sort them by time"
    )
