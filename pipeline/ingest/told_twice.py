"""Two files of records that are one list told twice, in another way each."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.ingest.equal_rows import matched, numbered
from pipeline.ingest.two_recorders import ONE_STREAM, shared_runs

SAME_FILL: Final = ("event_time", "instrument", "side", "price")
"""Columns in which a fill agrees with what another export makes of it; size and fee may be told otherwise."""
TOLD_AGAIN: Final = 0.5
"""Share from which on fills that only one of two files has are those of the other, told otherwise."""
IN_ORDER: Final = {
    "fills": ("instrument", "side", "size"),
    "headlines": ("text",),
    "positions": ("instrument", "quantity"),
    "social": ("author", "text", "count"),
}
"""Columns by kind that two files of one list tell alike one after the other, at whatever times."""


def told_twice(
    kind: str,
    files: Sequence[pd.DataFrame],
    has: Sequence[NDArray[np.bool_]],
    columns: Sequence[str],
) -> str:
    """Return why what two files do not have in common is one list all the same; "" where it is not.

    Either half or more of these fills, of the file that has fewer within the stretch that both tell, agree
    with one of the other in time, instrument, side and price: sizes or fees are rounded or were corrected. Or
    the files tell the same records one after the other at other times, as where one is read in another time
    zone, see `two_recorders`. Fills that both tell by their ids are known by them, and not asked.

    Parameters
    ----------
    kind : of the records.
    files : the records of two files.
    has : of each [rows] whether the other has the row.
    columns : that both tell.
    """
    if "fill_id" in columns:
        return ""
    left = [
        rows[~found].sort_values("known_time", kind="stable") for rows, found in zip(files, has, strict=True)
    ]
    venue = ["venue"] if "venue" in columns else []
    remedy = "both would count twice: name one of the two"
    if kind == "fills":
        remedy += ", or, where they are of two, let each tell its venue or each fill's fill_id"
        if _share_alike(files, left, [*SAME_FILL, *venue]) >= TOLD_AGAIN:
            return f"tell fills of one time and price with another size or fee each; {remedy}"
    if kind in IN_ORDER and shared_runs(left[0], left[1], [*IN_ORDER[kind], *venue]) >= ONE_STREAM:
        return (
            f"tell the same records of {kind} one after the other, at other times or prices, as where one is "
            f"in another time zone; {remedy}"
        )
    return ""


def _share_alike(
    files: Sequence[pd.DataFrame], left: Sequence[pd.DataFrame], columns: Sequence[str]
) -> float:
    """Return which share of the rows left within the stretch agree with one of the other file."""
    shares = [0.0]
    for rows, other, alike in zip(
        left, reversed(files), matched(*numbered(left[0], left[1], columns)), strict=True
    ):
        begin, end = other["event_time"].min(), other["event_time"].max()
        within = rows["event_time"].between(begin, end, inclusive="neither").to_numpy()
        shares += [float(alike[within].mean())] if within.any() else []
    return max(shares)
