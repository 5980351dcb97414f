"""Values that are missing in a row: before an index began, after it ended, and holes in between."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.ingest.quarantine import AFTER_LAST, BEFORE_FIRST, Quarantine
from pipeline.ingest.raw_table import Text
from pipeline.ingest.screening import MISSING

LONGEST_GAP: Final = 5
"""Sessions without a value that may follow each other before they are a hole."""
RUN: Final = "run of missing values"


def name_missing(screened: Quarantine, texts: Mapping[str, Text], sessions: NDArray[np.datetime64]) -> None:
    """Put rows without a value in quarantine: where it stands in a run, the reason says so.

    Rows that hold a date and nothing else, before the first or after the last row that holds something, are
    not counted among the faulty ones: the file only begins earlier, or ends later, than what it holds. More
    than five rows without a value in order of time are a run of missing values.

    Parameters
    ----------
    screened : the verdict on each row so far, dates included.
    texts : [rows] by the name of the column.
    sessions : [rows] NaT where a row has none.
    """
    rows = np.flatnonzero(screened.sound)
    order = rows[np.argsort(sessions[rows], kind="stable")]
    empty = {
        name: np.array([text.lower() in MISSING for text in column], dtype=np.bool_)[order]
        for name, column in texts.items()
    }
    nothing = np.all(list(empty.values()), axis=0)
    if not nothing.all():
        held = np.flatnonzero(~nothing)
        screened.put(order[: held[0]], BEFORE_FIRST)
        screened.put(order[held[-1] + 1 :], AFTER_LAST)
    for name, missing in empty.items():
        inside = missing & screened.sound[order]
        for start, stop in _runs(inside):
            if stop - start > LONGEST_GAP:
                screened.put(order[start:stop], f"{RUN}: {name}, {stop - start} rows")


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return where each stretch of true flags starts and stops.

    Examples
    --------
    >>> _runs(np.array([True, False, True, True]))
    [(0, 1), (2, 4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
